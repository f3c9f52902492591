"""The parser is asked by one thread at a time: without that, this fails within a second on CPython 3.11."""

import gc
from concurrent.futures import ThreadPoolExecutor

from batos.parsing import parse_expression, parse_module

SOURCE = "def sum_(self, xs):\n" + "".join(f"    a{n} = [x * ({n} + len(xs[{n}:])) for x in xs]\n" for n in range(60))


def test_threads_that_parse_beside_each_other_all_get_their_tree():
    threshold = gc.get_threshold()
    gc.set_threshold(10, 2, 2)  # the collector is what lets other threads in
    try:
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda _: len(parse_module(SOURCE).body[0].body), range(40)))
    finally:
        gc.set_threshold(*threshold)
    assert found == [60] * 40


def test_an_expression_is_parsed_as_one():
    assert parse_expression("1 + 1").body.left.value == 1
