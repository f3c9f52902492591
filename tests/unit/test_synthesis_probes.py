"""The inputs that the built-in writer makes up beside the examples, from any values and in the form of the examples."""

from hypothesis import given
from hypothesis import strategies as st

from batos.methods.synthesis.brief import Brief, Case
from batos.methods.synthesis.probes import probes

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


def cases(arity: int) -> st.SearchStrategy[tuple[Case, ...]]:
    slots = st.fixed_dictionaries({"held": VALUES})
    one = st.builds(Case, st.tuples(*[VALUES] * arity), st.just({}), slots)
    return st.lists(one, min_size=1, max_size=3).map(tuple)


@given(st.integers(0, 3).flatmap(cases), st.text(max_size=20))
def test_probes_are_made_from_any_values(shown: tuple[Case, ...], intent: str) -> None:
    brief = Brief("any_", intent, "thing", {}, (), shown, None, is_facet=False, refusals={})

    for probe in probes(brief):
        assert len(probe.args) == len(shown[0].args)
        assert probe.slots.keys() == {"held"}
