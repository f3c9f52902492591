"""Objects as text: what was written is read back, and stands where a reviewer finds it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batos.runtime.written import WrittenIntent, WrittenMethod, WrittenObject, read_index, read_object

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
FROZEN = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
EXAMPLES = st.lists(st.dictionaries(st.sampled_from(["args", "result", "kwargs"]), FROZEN, max_size=3), max_size=2)


@settings(max_examples=40)
@given(
    slots=st.dictionaries(TEXT, FROZEN, max_size=3),
    source=TEXT,
    provenance=st.dictionaries(TEXT, FROZEN, max_size=2),
    examples=EXAMPLES,
)
def test_what_was_written_is_read(slots, source, provenance, examples):
    written = WrittenObject(
        object="greeter",
        parents={"parent*": "traits"},
        slots=slots,
        intents={"wish_": WrittenIntent(text=source, examples=tuple(examples))},
        methods=(WrittenMethod(selector="a_", source=source, provenance=provenance, examples=tuple(examples)),),
    )
    read = read_object(written.text())

    assert read.slots == slots
    assert read.intents == written.intents
    assert read.methods[0].model_copy(update={"sha256": ""}) == written.methods[0]
    assert read.methods[0].sha256 == written.methods[0].digest
    assert read.text() == written.text()


def test_a_source_stands_as_it_is():
    source = "def a_(self):\n    return '\\n'\n"
    text = WrittenObject(object="x", methods=(WrittenMethod(selector="a_", source=source),)).text()

    assert f"source = '''\n{source}'''" in text


def test_the_order_of_methods_is_that_of_their_selectors():
    methods = tuple(WrittenMethod(selector=selector, source="") for selector in ("b_", "a_"))
    text = WrittenObject(object="x", methods=methods).text()

    assert text.index('"a_"') < text.index('"b_"')


def test_the_hash_is_of_what_a_method_does_and_must_do():
    method = WrittenMethod(selector="a_", source="x", version=1)

    assert method.digest == method.model_copy(update={"version": 2, "provenance": {"by": "me"}}).digest
    assert method.digest != method.model_copy(update={"source": "y"}).digest
    assert method.digest != method.model_copy(update={"examples": ({"args": []},)}).digest


@pytest.mark.parametrize("text", ["", "[", "format = 1", "object = 3\nformat = 1\n", 'object = "x"\nslots = 3\n'])
def test_any_other_text_is_a_value_error(text):
    with pytest.raises(ValueError):
        read_object(text)
    with pytest.raises(ValueError):
        read_index(text)
