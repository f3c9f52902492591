"""The heaviest rows by a part of the matches, against all rows weighed by all matches."""

import math

import numpy as np
import pytest

from batos.memory.lexical import weighing
from batos.memory.lexical.weighing import Matches, Scale, Weighing, among

ROWS = 3_000


def made(seed):
    """Rows of few different sizes, so that many weigh the same, and matches from the rarest on."""
    random = np.random.default_rng(seed)
    sizes = random.choice([5, 20, 21], ROWS).astype(np.int32)
    found = []
    for number in sorted(random.integers(1, ROWS // 2, random.integers(1, 7)).tolist()):
        rows = np.sort(random.choice(ROWS, number, replace=False)).astype(np.uint32)
        found.append(Matches(rows, random.choice([1, 1, 1, 2, 7], number).astype(np.uint16)))
    return Scale(sizes, int(sizes.min()), ROWS, int(sizes.sum())), sizes, found


def all_weighed(sizes, found):
    usual = sizes.sum() / ROWS
    weights = dict.fromkeys(range(ROWS), 0.0)
    for matches in found:
        number = len(matches.rows)
        idf = max(math.log((ROWS - number + 0.5) / (number + 0.5)), 1e-6)
        for row, count in zip(matches.rows.tolist(), matches.counts.tolist(), strict=True):
            weights[row] += idf * 2.2 * count / (count + (0.3 + 0.9 / usual * sizes[row]))
    return {row: weight for row, weight in weights.items() if weight > 0}


@pytest.mark.parametrize("most", [1, 10, 100, ROWS])
def test_no_heavier_row_is_left_out_and_none_weighs_something_else(monkeypatch, most):
    monkeypatch.setattr(weighing, "FEW", 0)
    kept = Weighing()
    left = 0
    for seed in range(40):
        scale, sizes, found = made(seed)
        rows, weights = kept.heaviest(scale, found, ROWS, most)
        told = dict(zip(rows.tolist(), weights.tolist(), strict=True))
        wanted = all_weighed(sizes, found)
        least = sorted(wanted.values(), reverse=True)[:most][-1]
        assert len(told) == len(rows)
        assert told == pytest.approx({row: weight for row, weight in wanted.items() if weight >= least - 1e-9})
        left += len(wanted) - len(told)
    assert left == 0 if most == ROWS else left > 1_000


def test_rows_that_are_asked_for_weigh_what_they_weigh_among_all():
    scale, sizes, found = made(3)
    asked = np.arange(0, ROWS, 7, dtype=np.uint32)
    rows, weights = among(scale, found, asked)
    wanted = {row: weight for row, weight in all_weighed(sizes, found).items() if row % 7 == 0}
    assert dict(zip(rows.tolist(), weights.tolist(), strict=True)) == pytest.approx(wanted)


def test_what_failed_leaves_nothing_behind():
    scale, sizes, found = made(1)
    kept = Weighing()
    broken = Matches(np.array([0, 1], np.uint32), np.array(["a", "b"]))
    with pytest.raises((TypeError, ValueError)):
        kept.heaviest(Broken(scale), [*found, broken], ROWS, 5)
    again, weights = kept.heaviest(scale, found, ROWS, ROWS)
    assert dict(zip(again.tolist(), weights.tolist(), strict=True)) == pytest.approx(all_weighed(sizes, found))


class Broken:
    """A scale that fails in the middle."""

    def __init__(self, scale):
        self.scale = scale

    def most(self, matches):
        return 1.0

    def weights(self, matches):
        return self.scale.weights(matches)
