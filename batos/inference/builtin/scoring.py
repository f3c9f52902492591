"""How well a passage answers a question: rare shared words, headings, expansion words, and what the passage looks like.

Rarity is counted within the passages offered, not in any corpus: the backend sees its request and nothing else. All
weights and patterns are data, in `scoring.toml`.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

from batos.inference.builtin.sentences import Passage
from batos.inference.builtin.words import WORD, content_stems, lexicon, parts, read_table, stem

TOPIC = " (after: "
TOPIC_WEIGHT = 0.4
HOW = re.compile(r"\bhow (\w+)", re.IGNORECASE)
SUBJECT = re.compile(r"^(.{1,60}?)(?:: | is | are | means )")
COUNTED = frozenset({"row", "item", "code", "short", "long"})
"""Features that are counted rather than matched by a pattern."""


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    pattern: re.Pattern[str]
    prefers: dict[str, float]
    requires: str | None = None


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    heading_credit: float
    title_agreement: float
    titled: float
    second_thing: float
    neighbours: float
    opening: float
    opening_words: int
    subject: float
    length_norm: float
    length_floor: float
    expansion_cap: float
    chunk_rank_bonus: float
    near_from: float
    near_to: float
    words_beside_meaning: float
    meaning: float
    features: dict[str, re.Pattern[str]]
    forms: tuple[_Form, ...]
    always: dict[str, float]


@lru_cache(maxsize=1)
def _rules() -> _Rules:
    rules = _Rules.model_validate(read_table("scoring.toml"))
    for prefers in (rules.always, *(form.prefers for form in rules.forms)):
        require_known_features(prefers, rules.features)
    require_known_features([form.requires for form in rules.forms if form.requires], rules.features)
    return rules


def require_known_features(prefers: Iterable[str], patterns: Iterable[str] | None = None) -> None:
    """Raises ValueError for a feature name that no pattern defines: a slip in a data file."""
    known = COUNTED | set(_rules().features if patterns is None else patterns)
    if unknown := set(prefers) - known:
        raise ValueError(f"Unknown features {sorted(unknown)}; known are {sorted(known)}.")


def features(passage: Passage) -> frozenset[str]:
    """The names of what `passage` looks like."""
    length = len(passage.text.split())
    counted = {str(passage.kind), "short" if length <= 12 else "", "long" if length > 40 else ""} & COUNTED
    return frozenset(counted | {name for name, pattern in _rules().features.items() if pattern.search(passage.text)})


def nearness(passage: Passage) -> float:
    """How near the meaning of `passage` comes to what is asked, 0 to 1; 0 where nobody measured it."""
    rules = _rules()
    if passage.near is None:
        return 0.0
    return min(1.0, max(0.0, (passage.near - rules.near_from) / (rules.near_to - rules.near_from)))


class Question:
    """What is asked, as stems with weights. `ignored` stems are not part of what is asked.

    A question that goes on with an earlier one brings its topic, as in `And why? (after: How do I undo it?)`; the words
    that only the topic has count less.
    """

    def __init__(self, text: str, ignored: frozenset[str] = frozenset()) -> None:
        table = lexicon()
        first = text.partition(TOPIC)[0]
        own = frozenset(content_stems(first))
        asking = frozenset(stem(word) for word in HOW.findall(first))  # `often` in `how often` is no word of the answer
        written = {stem(word): word for word in reversed(WORD.findall(text)) if len(word) > 1}
        stems = [found for found in content_stems(text) if found in written]
        asked = [found for found in stems if found not in ignored] or stems
        self.text = text
        self.written = {found: written[found] for found in asked}
        self.weights = {
            found: (table.weak_weight if found in table.weak or found in asking else 1.0)
            * (1.0 if found in own else TOPIC_WEIGHT)
            for found in asked
        }
        if not any(found in own for found in self.weights):  # `And why?` asks for nothing but the topic
            self.weights = {found: weight / TOPIC_WEIGHT for found, weight in self.weights.items()}
        self.pairs = frozenset(pairwise(asked))
        self._parts = {found: frozenset(stem(part) for part in parts(word)) for found, word in self.written.items()}

    @cached_property
    def form(self) -> str | None:
        """The name of the form of question that this is (how, what, why ...)."""
        return next((form.name for form in _rules().forms if form.pattern.search(self.text.lower())), None)

    @cached_property
    def prefers(self) -> Mapping[str, float]:
        """Feature weights for this form of question."""
        total = Counter(_rules().always)
        for form in _rules().forms:
            if form.name == self.form:
                total.update(form.prefers)
        return total

    @cached_property
    def requires(self) -> str | None:
        """The feature that a passage must have to answer this form of question, if it must have one."""
        return next((form.requires for form in _rules().forms if form.name == self.form), None)

    def miss(self, held: frozenset[str], factor: float) -> None:
        """Count words of the question that `held` contains in no form `factor` times: nobody speaks of them."""
        own = frozenset(content_stems(self.text.partition(TOPIC)[0]))
        for word, weight in self.weights.items():
            if word in own and weight == 1.0 and not self.credit(word, held):
                self.weights[word] = weight * factor

    def credit(self, word: str, stems: frozenset[str]) -> float:
        """How far `stems` contain a word of the question: 1 for itself or all its parts, less for a synonym, or 0."""
        if word in stems or (self._parts[word] and self._parts[word] <= stems):
            return 1.0
        table = lexicon()
        return table.synonym_credit if table.synonyms.get(word, frozenset()) & stems else 0.0

    def coverage(self, stems: frozenset[str]) -> float:
        """The share of the question's words, 0 to 1, that `stems` contain; 0 for a question without words."""
        total = sum(self.weights.values())
        covered = sum(weight * self.credit(word, stems) for word, weight in self.weights.items())
        return covered / total if total else 0.0

    def missing(self, stems: frozenset[str]) -> list[str]:
        """The question's words, as written, that `stems` contain in no form; telling words only, if there are any."""
        lacking = [word for word in self.weights if not self.credit(word, stems)]
        telling = [word for word in lacking if word not in lexicon().weak]
        return [self.written[word] for word in telling or lacking]

    def agreement(self, heading: str) -> float:
        """How far a heading asks the same, 0 to 1: the share of the words of both that they have in common."""
        table, stems = lexicon(), frozenset(content_stems(heading))
        asked, theirs = (
            sum(self.weights.values()),
            sum(table.weak_weight if word in table.weak else 1.0 for word in stems),
        )
        covered = sum(weight * self.credit(word, stems) for word, weight in self.weights.items())
        return min(1.0, 2 * covered / (asked + theirs)) if covered else 0.0

    def is_subject_of(self, passage: Passage) -> bool:
        """Whether a passage says what the thing asked about is: `A mirror is ...`, `mirror: ...`."""
        subject = SUBJECT.match(passage.text)
        opening = content_stems(subject.group(1)) if subject else ()
        return bool(self.weights) and opening[: len(self.weights)] == tuple(self.weights)


def context(passage: Passage) -> frozenset[str]:
    """The stems of a passage and of the headings above it."""
    return passage.stems | frozenset(content_stems(" ".join(passage.headings)))


def _places(question: Question, offered: Sequence[Passage]) -> dict[Passage, int]:
    """How many passages of its section come before each one, from the first that holds much more of the question than
    the opening one, if there is one: the section tells two things then."""
    sections: dict[tuple[int, tuple[str, ...]], list[Passage]] = defaultdict(list)
    for passage in offered:
        sections[passage.chunk, passage.headings].append(passage)
    places = {}
    for section in sections.values():
        held = [question.coverage(passage.stems) for passage in section]
        opening = max(range(len(section)), key=lambda place: (held[place] >= held[0] + _rules().second_thing, -place))
        for place, passage in enumerate(section):
            places[passage] = 0 if place == opening else place + (place < opening)
    return places


class Scale:
    """Scores passages against each other, for one question and one set of offered passages."""

    def __init__(self, question: Question, offered: Sequence[Passage]) -> None:
        self._question = question
        self._stems = {passage: passage.stems for passage in offered}
        self._headings = {passage: context(passage) - passage.stems for passage in offered}
        self._places = _places(question, offered)
        self._titles = {passage: self._title(passage) for passage in offered}
        self._frequency = Counter(word for stems in self._stems.values() for word in stems)
        self._chunks = 1 + max((passage.chunk for passage in offered), default=0)
        self._by_meaning = any(passage.near is not None for passage in offered)
        self._length = sum(len(passage.ordered_stems) for passage in offered) / (len(offered) or 1)
        found = frozenset(self._frequency)
        self._worth = {
            stem: weight * self.rarity(stem)
            for stem, weight in question.weights.items()
            if question.credit(stem, found)
        }

    def rarity(self, word: str) -> float:
        """Inverse document frequency among the offered passages, as in BM25, always positive.

        Its square root, because the passages were searched for: the word that they are all about is common among them.
        """
        count, found = len(self._stems), self._frequency[word]
        return math.sqrt(math.log(1 + (count - found + 0.5) / (found + 0.5)))

    def _title(self, passage: Passage) -> float:
        """How far the heading right above a passage asks the question itself; 0 where that is less than a rule says."""
        agreement = self._question.agreement(passage.headings[-1]) if passage.headings else 0.0
        return agreement if agreement >= _rules().title_agreement else 0.0

    def match(self, passage: Passage) -> float:
        """How much of what the question asks, 0 to 1, a passage speaks of: by its words, and where an embedding model
        is at hand, by words and meaning together."""
        words = self._words(passage)
        if not self._by_meaning:
            return words
        rules = _rules()
        return min(1.0, rules.words_beside_meaning * words + rules.meaning * nearness(passage))

    def _words(self, passage: Passage) -> float:
        """The share of what the question asks, 0 to 1, that a passage and the headings above it hold; rare words count
        more, words that no offered passage holds do not count. 0 if the words stand in the headings alone, unless the
        heading asks the same."""
        stems, headings = self._stems[passage], self._headings[passage]
        held = headed = 0.0
        for word, worth in self._worth.items():
            credit = self._question.credit(word, stems)
            held += worth * credit
            headed += worth * max(0.0, _rules().heading_credit * self._question.credit(word, headings) - credit)
        together = (held + headed) / sum(self._worth.values()) if held else 0.0
        return max(together, self._titles[passage])

    def score(
        self,
        passage: Passage,
        prefers: Mapping[str, float] | None = None,
        expansion: Mapping[str, float] | None = None,
    ) -> float:
        """0 for a passage that has nothing to do with the question, about 1 for one that holds all of its words."""
        rules, match = _rules(), self.match(passage)
        if not match:
            return 0.0
        titled = rules.titled * self._titles[passage] / (1 + self._places[passage])
        relevance = match + titled + self._expanded(passage, expansion or {}) + self._placed(passage)
        long = 1 - rules.length_norm + rules.length_norm * len(passage.ordered_stems) / self._length
        look = Counter(self._question.prefers)
        look.update(prefers or {})
        liking = max(0.1, 1 + sum(look[name] for name in features(passage)))
        rank = 1 + rules.chunk_rank_bonus * (1 - passage.chunk / self._chunks)
        return relevance / max(long, rules.length_floor) * liking * rank

    def _expanded(self, passage: Passage, expansion: Mapping[str, float]) -> float:
        stems = self._stems[passage]
        held = sum(weight * self.rarity(word) for word, weight in expansion.items() if word in stems)
        worth = sum(self._worth.values())
        return min(held / worth, _rules().expansion_cap) if worth else 0.0

    def _placed(self, passage: Passage) -> float:
        """Bonus for question words that open the passage or are its subject, and for pairs as in the question."""
        rules, ordered = _rules(), passage.ordered_stems
        opening = frozenset(ordered[: rules.opening_words])
        opened = sum(worth * self._question.credit(word, opening) for word, worth in self._worth.items())
        pairs = len(self._question.pairs & frozenset(pairwise(ordered)))
        defined = rules.subject if self._question.form == "what" and self._question.is_subject_of(passage) else 0.0
        worth = sum(self._worth.values())
        return (rules.opening * opened / worth if worth else 0.0) + rules.neighbours * pairs + defined
