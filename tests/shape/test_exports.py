"""The public surface: every exported name exists, says what it is, and lives where the facade says."""

import inspect

import pytest

import batos
import batos.testing

TESTING = [name for name, thing in vars(batos.testing).items() if getattr(thing, "__module__", "") == "batos.testing"]
PUBLIC = [*((batos, name) for name in batos.__all__), *((batos.testing, name) for name in TESTING if name[0] != "_")]


@pytest.mark.parametrize("module, name", PUBLIC, ids=[f"{module.__name__}.{name}" for module, name in PUBLIC])
def test_a_public_name_is_there_and_documented(module, name):
    exported = getattr(module, name)

    if callable(exported) and not is_error(exported):
        assert inspect.getdoc(exported)


def is_error(exported: object) -> bool:
    """Errors document themselves by the sentence that they say."""
    return isinstance(exported, type) and issubclass(exported, batos.BatosError) and bool(exported.says)


def test_exports_are_sorted_and_unique():
    assert sorted(set(batos.__all__), key=str.casefold) == sorted(batos.__all__, key=str.casefold)


def test_every_error_stands_in_the_drawn_tree():
    errors = [
        name
        for name, thing in vars(batos.errors).items()
        if inspect.isclass(thing) and thing.__module__ == "batos.errors"
    ]

    assert [name for name in errors if name not in batos.errors.__doc__] == []
