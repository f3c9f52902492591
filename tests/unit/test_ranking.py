"""What is ranked by its own score alone comes in the order that the whole ranking has."""

import random

import pytest

from batos.memory.question import Question
from batos.memory.ranking import Evidence, ranked
from batos.memory.text import Place

QUESTION = Question(("word",), ('"word"',), "word")


def made(seed):
    """Weights and cosines of few values, so that many score the same; some ids stand nowhere."""
    chosen = random.Random(seed)
    ids = chosen.sample(range(1, 1_000), 150)
    weights = {id_: chosen.choice([0.5, 2.0, 7.25]) for id_ in ids[:90]}
    cosines = {id_: chosen.choice([0.1, 0.4, 0.55]) for id_ in ids[50:]}
    places = {id_: Place(id_, f"doc-{chosen.randint(1, 9)}", id_, None, None) for id_ in ids if id_ % 10}
    return weights, cosines, places


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("model", [True, False])
def test_what_is_located_late_is_ranked_as_what_is_located_before(seed, model):
    weights, cosines, places = made(seed)
    asked = []

    def located(ids):
        asked.extend(ids)
        return {id_: places[id_] for id_ in ids if id_ in places}

    found = {id_: weight for id_, weight in weights.items() if id_ in places or not model}
    kept = {id_: cosine for id_, cosine in cosines.items() if id_ in places} if model else None
    standing = {id_: place for id_, place in places.items() if id_ in found or id_ in (kept or {})}
    whole = list(ranked(QUESTION, Evidence(found, kept, 0.1, {}, standing)))
    late = ranked(QUESTION, Evidence(weights, cosines if model else None, 0.1, {}, {}, located))
    first = [next(late) for _ in range(5)]
    assert len(asked) < len(whole) / 2
    assert first + list(late) == whole
