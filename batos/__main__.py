"""`python -m batos` is the `batos` command."""

from batos.cli.main import main

main()
