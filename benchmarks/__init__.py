"""Measurements: what batos costs, beside what others cost. `python -m benchmarks` lists them.

A benchmark is a module with a function `measure(quick, data)` that yields `Figure`s; `NAMES` says where it is. Every
figure has a key, so that a program can read it. Nothing in the tests looks at a time: figures belong into `LOG.md`.
"""

# What is typed after `python -m benchmarks`, and the module that measures it.
NAMES = {
    "adapters": "benchmarks.adapters",
    "cycle": "benchmarks.cycle",
    "escapes": "benchmarks.escapes",
    "image": "benchmarks.image",
    "memory": "benchmarks.memory",
    "memory_scale": "benchmarks.memory.scale",
    "methods": "benchmarks.methods",
    "mind": "benchmarks.mind",
    "programs": "benchmarks.programs",
    "retrieval": "benchmarks.memory.retrieval",
}
