"""The vectors that are compared in full are those whose signs agree most with the question's."""

import numpy as np
import pytest

from batos.memory.matrix import EXACT, LEAST_COMPARED, Matrix

DIMENSION = 70  # a word of signs and a part of one
SIZE = EXACT + 900


def vectors(kind):
    random = np.random.default_rng(5)
    if kind == "many alike":
        return np.sign(random.standard_normal((3, DIMENSION)))[random.integers(0, 3, SIZE)]
    if kind == "alike where it is sampled":
        values = random.standard_normal((SIZE, DIMENSION))
        values[:: SIZE // 4_096] = 1.0
        return values
    return random.standard_normal((SIZE, DIMENSION))


@pytest.mark.parametrize("kind", ["different", "many alike", "alike where it is sampled"])
def test_the_nearest_by_signs_are_compared(kind):
    values = vectors(kind).astype(np.float16)
    matrix = Matrix(DIMENSION)
    matrix.add(range(SIZE), values.tobytes())
    for question in (np.ones(DIMENSION, np.float32), -np.ones(DIMENSION, np.float32), values[7].astype(np.float32)):
        differing = ((values >= 0) != (question >= 0)).sum(axis=1)
        limit = np.sort(differing)[LEAST_COMPARED - 1]
        assert matrix._candidates(question, 10).tolist() == np.flatnonzero(differing <= limit).tolist()
