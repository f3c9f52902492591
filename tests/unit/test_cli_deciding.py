"""What `batos approve` shows of a proposal: its source, what it changes, what the audit found, where it came from."""

from typing import Any

from batos.cli import deciding

NOW = "def greet_(self):\n    return 'Hi ' + self.name\n"
PROPOSED = "def greet_(self):\n    self.count += 1\n    self._p_changed = True\n    return 'Hello ' + self.name\n"


def shown(capsys: Any, source: str, replaces: str | None, **audit: list[str]) -> str:
    deciding._show_proposal(
        {
            "id": "3f2a9c41d0b7",
            "target": "greeter",
            "selector": "greet_",
            "version": 2,
            "reason": "The policy is to propose.",
            "mission": "3f2a9c41d0b74e6e",
            "source": source,
            "replaces": replaces,
            "contract": {"intent": "a greeting", "examples": [{"args": [], "result": "Hello Ada", "given": True}]},
            "provenance": {"model": "builtin", "proven": 1, "tainted": True, "audit": audit},
        }
    )
    return str(capsys.readouterr().out)


def test_a_change_is_shown_whole_and_as_a_difference(capsys):
    told = shown(capsys, PROPOSED, NOW, reads=["name"], writes=["count"])
    assert told.count("self.count += 1") == 2
    assert "-    return 'Hi ' + self.name" in told
    assert "writes        count" in told
    assert "written by    builtin, with text from outside" in told
    assert 'must satisfy  () => "Hello Ada"' in told


def test_what_is_new_has_no_difference(capsys):
    told = shown(capsys, PROPOSED, None, reads=["name"], writes=["count"])
    assert told.count("self.count += 1") == 1
    assert "now" not in told


def test_where_only_the_contract_is_new_it_says_so(capsys):
    told = shown(capsys, "def greet_(self):\n    return 'Hi'\n", "def greet_(self):\n    return 'Hi'\n", reads=[])
    assert told.count("return 'Hi'") == 1
    assert "The source is as it is now; what it must satisfy is new." in told
