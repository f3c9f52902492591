"""Methods from examples: what is answered, what is asked, what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batos.errors import BackendRefused
from batos.inference.port import Answer, Request
from batos.methods import guardian
from batos.methods.synthesis import brief as briefs
from batos.methods.synthesis import write_method
from batos.methods.synthesis.budget import Budget
from batos.methods.synthesis.learned import Learned
from batos.methods.synthesis.trial import Receiver, compiled, satisfies
from batos.methods.synthesis.words import Words
from batos.methods.synthesis.writer import from_examples, refuted
from batos.objects.values import freeze

INITIALS = [{"args": ["ada lovelace"], "result": "A.L."}, {"args": ["alan turing"], "result": "A.T."}]


def request(
    selector: str, intent: str, examples: list[dict[str, Any]], slots: dict[str, Any] | None = None, **more: Any
) -> Request:
    stated = [{"args": [], "kwargs": {}, "given": True, **freeze(example)} for example in examples]
    materials = {
        "selector": selector,
        "object": {"name": "greeter", "slots": freeze(slots or {})},
        "contract": {"intent": intent, "examples": stated},
        **more,
    }
    return Request(purpose="method", materials=materials)


def written(selector: str, intent: str, examples: list[dict[str, Any]], slots: dict[str, Any] | None = None) -> str:
    answer = write_method(request(selector, intent, examples, slots))
    assert answer.question is None, answer.question
    return answer.text


def test_initials_of_a_full_name() -> None:
    source = written("initials_", "the initials of a full name", INITIALS, {"name": "Ada Lovelace"})
    assert compiled(source, "initials_")(Receiver({}), "grace hopper") == "G.H."


def test_what_computes_twice_reads_like_a_persons_source() -> None:
    examples = [
        {"args": [3], "result": "Fizz"},
        {"args": [5], "result": "Buzz"},
        {"args": [15], "result": "FizzBuzz"},
        {"args": [7], "result": "7"},
    ]
    intent = (
        "'Fizz' for multiples of three, 'Buzz' for multiples of five, 'FizzBuzz' for both, otherwise the number as text"
    )
    assert written("fizz_buzz_", intent, examples) == (
        "def fizz_buzz_(self, number):\n"
        "    if number % 3 == 0:\n"
        "        if number % 5 == 0:\n"
        "            return 'FizzBuzz'\n"
        "        return 'Fizz'\n"
        "    if number % 5 == 0:\n"
        "        return 'Buzz'\n"
        "    return str(number)\n"
    )


def test_a_result_that_says_what_was_decided_is_computed_before_the_write() -> None:
    examples = [
        {"args": [30], "slots": {"balance": 100}, "result": True, "slots_after": {"balance": 70}},
        {"args": [50], "slots": {"balance": 20}, "result": False, "slots_after": {"balance": 20}},
    ]
    intent = "take money out; answers true if it worked, and false (nothing changes) if there is not enough"
    question = write_method(request("withdraw_", intent, examples, {"balance": 100})).question
    assert question is not None, "nobody said what happens when all is taken"
    assert question["args"] == [question["slots"]["balance"]]
    examples.append({"args": [20], "slots": {"balance": 20}, "result": True, "slots_after": {"balance": 0}})
    source = written("withdraw_", intent, examples, {"balance": 100})
    receiver = Receiver({"balance": 70})
    assert compiled(source, "withdraw_")(receiver, 50) is True
    assert vars(receiver)["balance"] == 20


def test_a_result_that_stands_in_its_input_is_not_learned_by_heart() -> None:
    offers = [{"name": "A", "price": 9, "stock": 2}, {"name": "B", "price": 5, "stock": 0}]
    offers.append({"name": "C", "price": 7, "stock": 1})
    examples = [
        {"args": [offers], "result": "C"},
        {"args": [[{"name": "X", "price": 1, "stock": 0}]], "result": "none"},
    ]
    intent = 'name of the cheapest offer that is in stock, "none" if there is none'
    with pytest.raises(BackendRefused, match="by heart"):
        written("cheapest_", intent, examples)


def test_a_bound_that_the_intent_names_is_tried_itself() -> None:
    people = [{"name": "Zed", "age": 40}, {"name": "Kim", "age": 12}, {"name": "Ann", "age": 22}]
    examples = [{"args": [people], "result": ["Ann", "Zed"]}, {"args": [[{"name": "Bo", "age": 5}]], "result": []}]
    answer = write_method(request("adults_", "names of everybody who is 18 or older, alphabetically", examples))
    assert answer.question is not None
    assert [person["age"] for person in answer.question["args"][0]] == [18, 18, 18]
    assert answer.question["candidates"] == [["Ann", "Kim", "Zed"], []]


def test_a_slot_is_written_and_the_object_marked_changed() -> None:
    examples = [
        {"args": [50], "result": 150, "slots_after": {"balance": 150}},
        {"args": [7], "slots": {"balance": 3}, "result": 10, "slots_after": {"balance": 10}},
    ]
    assert written("deposit_", "add an amount to the balance", examples, {"balance": 100, "owner": "Ada"}) == (
        "def deposit_(self, number):\n    self.balance += number\n    self._p_changed = True\n    return self.balance\n"
    )


def test_slots_that_need_each_other_are_swapped() -> None:
    examples = [
        {"slots_after": {"left": 2, "right": 1}},
        {"slots": {"left": 7, "right": 5}, "slots_after": {"left": 5, "right": 7}},
    ]
    source = written("swap_sides", "swap left and right", examples, {"left": 1, "right": 2})
    receiver = Receiver({"left": "a", "right": "b"})
    compiled(source, "swap_sides")(receiver)
    assert (receiver.left, receiver.right) == ("b", "a")  # type: ignore[attr-defined]


def test_an_example_may_raise() -> None:
    examples = [
        {"args": [30], "slots_after": {"balance": 70}},
        {"args": [60], "slots_after": {"balance": 40}},
        {"args": [100], "slots_after": {"balance": 0}},
        {"args": [130], "raises": "ValueError"},
        {"args": [101], "raises": "ValueError"},
    ]
    source = written("withdraw_", "subtract from the balance, never more than the balance", examples, {"balance": 100})
    assert "raise ValueError(" in source
    assert guardian.audit(source, "withdraw_").reason == ""
    with pytest.raises(ValueError, match="withdraw_"):
        compiled(source, "withdraw_")(Receiver({"balance": 5}), 6)


def test_keywords_keep_their_names() -> None:
    examples = [
        {"args": ["7"], "kwargs": {"width": 3}, "result": "007"},
        {"args": ["42"], "kwargs": {"width": 5}, "result": "00042"},
    ]
    source = written("padded_", "padded with leading zeros", examples)
    assert source.startswith("def padded_(self, text, width):")


def test_it_asks_where_two_methods_fit() -> None:
    answer = write_method(request("pick_", "", [{"args": [[3, 9]], "result": 9}]))
    assert answer.text == ""
    assert answer.question is not None
    first, second = answer.question["candidates"]
    assert first != second
    assert answer.question["about"] == "result"


FIBONACCI = [{"args": [5], "result": 4}, {"args": [6], "result": 8}, {"args": [7], "result": 14}]


def test_what_examples_hardly_show_is_asked_for_and_then_refused() -> None:
    intent = "the sum of the four numbers before it, beginning with 0, 0, 2, 0"
    answer = write_method(request("fib4_", intent, FIBONACCI))
    assert answer.question is not None
    assert answer.notes["candidate"]
    with pytest.raises(BackendRefused, match=r"larger than what the few examples show|still leave open"):
        write_method(request("fib4_", intent, FIBONACCI, asked=2))


def test_yes_and_no_say_so_little_that_it_asks() -> None:
    examples = [{"args": ["a"], "result": True}, {"args": ["b"], "result": False}]
    answer = write_method(request("lucky_", "", examples))
    assert answer.question is not None


def test_a_simple_method_that_leaves_a_word_out_is_not_taken_for_the_right_one() -> None:
    examples = [
        {"args": [["a", "ccc", "bb"]], "result": ["ccc", "bb", "a"]},
        {"args": [["xx", "yyyy"]], "result": ["yyyy", "xx"]},
    ]
    answer = write_method(request("longest_first_", "words sorted by length, longest first", examples))
    assert answer.question is not None or "len" in answer.text


def test_the_callers_own_message_is_the_first_question() -> None:
    message = {"args": [[8, 5]], "kwargs": {}}
    answer = write_method(request("pick_", "", [{"args": [[3, 9]], "result": 9}], message=message))
    assert answer.question is not None
    assert answer.question["args"] == [[8, 5]]


def test_an_answered_question_decides() -> None:
    examples = [{"args": [[3, 9]], "result": 9}, {"args": [[8, 5]], "result": 8}, {"args": [[1, 2, 7, 4]], "result": 7}]
    assert "max(items)" in written("pick_", "", examples)


@pytest.mark.parametrize(
    ("selector", "intent", "examples", "reason"),
    [
        ("lucky_", "", [{"args": ["a"], "result": True}, {"args": ["b"], "result": False}], "proves nothing"),
        (
            "code_",
            "",
            [{"args": [1], "result": "zebra"}, {"args": [2], "result": "quartz"}],
            "learned by heart|only once",
        ),
        ("mixed_", "", [{"args": [1], "result": 1}, {"args": [1, 2], "result": 2}], "differ in their number"),
        ("friend_", "", [{"args": [{"$object": "00" * 8}], "result": 1}], "holds another object"),
        ("class", "", [{"args": [1], "result": 1}], "no name that a Python method can have"),
    ],
)
def test_it_refuses_what_the_examples_do_not_show(
    selector: str, intent: str, examples: list[dict[str, Any]], reason: str
) -> None:
    stated = [{"kwargs": {}, **example} for example in examples]
    contract = {"intent": intent, "examples": stated}
    materials = {"selector": selector, "object": {"slots": {}}, "contract": contract, "asked": 2}
    with pytest.raises(BackendRefused, match=reason):
        write_method(Request(purpose="method", materials=materials))


def test_the_notes_tell_the_rule_and_what_was_ruled_out() -> None:
    answer = write_method(request("initials_", "the initials of a full name", INITIALS))
    assert answer.notes["rule"] == "examples"
    assert isinstance(answer.notes["expressions"], int)
    rivals = answer.notes["rivals"]
    assert isinstance(rivals, list)
    assert all(set(rival) == {"source", "about", "costs_more"} for rival in rivals if isinstance(rival, dict))


ELSEWHERE = """
import sys
from batos.inference.port import Request
from batos.methods.synthesis import write_method
print(write_method(Request.model_validate_json(sys.stdin.read())).model_dump_json())
"""


def test_another_process_gives_the_same_answer() -> None:
    asked = request("surname_", "the last word", [{"args": ["ada lovelace"], "result": "lovelace"}])
    here = write_method(asked)
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    run = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=asked.model_dump_json(),
        capture_output=True,
        text=True,
        env=environment,
        timeout=30,
        check=True,
    )
    assert Answer.model_validate_json(run.stdout) == here


VALUES = st.one_of(
    st.tuples(st.integers(-20, 20), st.integers(-20, 20)),
    st.tuples(st.text("ab c", max_size=6), st.text("ab c", max_size=6)),
    st.tuples(st.lists(st.integers(-5, 5), max_size=4), st.lists(st.integers(-5, 5), max_size=4)),
)


@settings(max_examples=40)
@given(pairs=st.lists(VALUES, min_size=1, max_size=3), slot=st.booleans())
def test_an_answer_satisfies_every_example_and_keeps_the_covenant(pairs: list[tuple[Any, Any]], slot: bool) -> None:
    if slot:
        examples = [{"slots": {"x": before}, "slots_after": {"x": after}} for before, after in pairs]
        asked = request("change_x", "", examples, {"x": pairs[0][0]})
    else:
        asked = request("f_", "", [{"args": [argument], "result": result} for argument, result in pairs])
    brief = briefs.read(asked)
    try:
        answer = from_examples(brief, Budget(1500))
    except BackendRefused:
        return
    if answer.question is not None:
        assert len(answer.question["candidates"]) in (1, 2)  # type: ignore[arg-type]
        return
    assert all(satisfies(answer.text, brief.selector, case) for case in brief.cases)
    assert guardian.audit(answer.text, brief.selector).reason == ""
    assert from_examples(brief, Budget(1500)) == answer


def test_names_that_are_code_never_reach_a_source() -> None:
    examples = [{"args": [], "kwargs": {"x=print('seen')": 1}, "result": 1}]
    with pytest.raises(BackendRefused, match="no name that an argument"):
        write_method(request("echo_", "", examples))


def test_large_examples_are_refused_and_large_slots_left_alone() -> None:
    with pytest.raises(BackendRefused, match="too large"):
        write_method(request("length_", "", [{"args": ["x" * 5000], "result": 5000}]))
    doubled = [{"args": [2], "result": 4}, {"args": [5], "result": 10}]
    assert written("double_", "twice the number", doubled, {"log": "x" * 5000}) == (
        "def double_(self, number):\n    return number * 2\n"
    )


def test_a_source_that_was_refused_is_not_offered_again() -> None:
    asked = request("initials_", "the initials of a full name", INITIALS)
    feedback = [{"source": write_method(asked).text, "reason": "It was disliked."}]
    with pytest.raises(BackendRefused, match=r"only one method to offer.*It was disliked"):
        write_method(request("initials_", "the initials of a full name", INITIALS, feedback=feedback))


APART = [{"args": [7, 3], "result": 4}, {"args": [12, 10], "result": 2}]


@pytest.mark.parametrize(("answer", "spoken_against"), [(2, True), (-2, False)])
def test_an_answer_speaks_for_what_fitted_before_or_against_it(answer: int, spoken_against: bool) -> None:
    examples = [*APART, {"args": [-12, -10], "result": answer, "asked": True}]
    brief = briefs.read(request("apart_", "how far two numbers are apart", examples))
    with Learned.of(brief, Words(brief.selector, brief.intent)) as learned:
        assert refuted(brief, learned) is spoken_against


def test_without_an_answer_nothing_was_spoken_against() -> None:
    brief = briefs.read(request("apart_", "how far two numbers are apart", APART))
    with Learned.of(brief, Words(brief.selector, brief.intent)) as learned:
        assert not refuted(brief, learned)


def test_it_asks_below_nought_where_no_example_is() -> None:
    question = write_method(request("apart_", "how far two numbers are apart", APART)).question
    assert question is not None
    assert max(question["args"]) < 0


def test_it_asks_about_what_is_empty_where_the_intent_speaks_of_it() -> None:
    examples = [
        {"args": [{"name": "Ann", "email": "a@x.org"}], "result": True},
        {"args": [{"name": "Bob"}], "result": False},
        {"args": [{"name": "Cid", "email": "c@y.org"}], "result": True},
    ]
    question = write_method(request("reachable_", "has an email that is not empty", examples)).question
    assert question is not None
    assert question["args"] == [{"name": "", "email": ""}]
