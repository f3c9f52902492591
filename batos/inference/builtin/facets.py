"""Purpose `facet`: the sentences of the offered chunks that answer a question from one facet's point of view, cited.

Every facet has a rule in `facets.toml`; a facet that batos does not know (a user's own) goes by the default rule.
Nothing is written here that a chunk does not say, and saying nothing is an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field

from batos.inference.builtin.scoring import Question, Scale, features, require_known_features
from batos.inference.builtin.sentences import Passage, offered_chunks, passages
from batos.inference.builtin.words import content_stems, read_table
from batos.inference.citations import cited
from batos.inference.port import Answer, Request

TOO_SIMILAR = 0.6
"""Share of common stems from which two passages say the same."""


class FacetRule(BaseModel):
    """How one facet selects; the fields are explained at the head of `facets.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    angle: str
    expansion: str
    expansion_weight: float = Field(ge=0, le=1)
    minimum: float = Field(gt=0, le=1)
    sentences: int = Field(ge=1)
    prefers: dict[str, float]
    looks_for: frozenset[str] = frozenset()
    beyond: int = Field(default=0, ge=0)

    @property
    def expansion_stems(self) -> frozenset[str]:
        return frozenset(content_stems(self.expansion))

    def asked(self, query: str) -> FacetRule:
        """The rule for this query. Who is asked from its angle leaves the rest to the others that are asked; who is
        asked the bare question may be the only one."""
        if self.angle and query.endswith(f"({self.angle})"):
            return self
        return self.model_copy(update={"looks_for": frozenset(), "beyond": 0})


@lru_cache(maxsize=1)
def facet_rules() -> Mapping[str, FacetRule]:
    """The rules by facet slot. Raises ValueError for a data file that contradicts itself."""
    rules = {slot: FacetRule.model_validate(table) for slot, table in read_table("facets.toml").items()}
    for slot, rule in rules.items():
        require_known_features([*rule.prefers, *rule.looks_for])
        if strays := set(content_stems(rule.angle)) - rule.expansion_stems:
            raise ValueError(f"The angle of {slot} has words that are not in its expansion: {sorted(strays)}.")
    return rules


def facet_rule(slot: str) -> FacetRule:
    rules = facet_rules()
    return rules.get(slot, rules["default"])


def sub_query(slot: str, query: str) -> str:
    """The question as a facet asks it."""
    angle = facet_rule(slot).angle
    return f"{query} ({angle})" if angle else query


def facet(request: Request) -> Answer:
    """Cited sentences for one facet. Materials: query, facet (its slot), chunks."""
    slot = str(request.materials.get("facet", ""))
    query = str(request.materials.get("query", ""))
    rule = facet_rule(slot).asked(query)
    chunks = offered_chunks(request.materials)
    question = Question(query, ignored=rule.expansion_stems)
    offered = passages(chunks)
    chosen = select(question, offered, rule)
    text = "\n".join(cited(passage.text, passage.chunk + 1) for passage in chosen)
    cited_in_order = dict.fromkeys(passage.chunk for passage in chosen)
    return Answer(
        text=text,
        data={"citations": [chunks[index].reference for index in cited_in_order]},
        notes={"facet": slot, "passages_read": len(offered), "passages_kept": len(chosen)},
        model="builtin",
    )


def select(question: Question, offered: tuple[Passage, ...], rule: FacetRule) -> list[Passage]:
    """The passages that a rule keeps, best first; one that leans on the sentence before it brings that along.

    All facets are asked about the same passages at once, and none knows what the others say. What each adds comes from
    what its rule leaves to them.
    """
    scale = Scale(question, offered)
    expansion = dict.fromkeys(rule.expansion_stems, rule.expansion_weight)
    near = [passage for passage in offered if scale.match(passage) >= rule.minimum]
    plain = sorted(near, key=lambda passage: (-scale.score(passage), passage.chunk, passage.position))
    scored = [
        (scale.score(passage, rule.prefers, expansion), passage)
        for passage in plain[rule.beyond :]
        if not rule.looks_for or features(passage) & rule.looks_for
    ]
    scored.sort(key=lambda pair: (-pair[0], pair[1].chunk, pair[1].position))
    kept: list[Passage] = []
    for _, passage in scored:
        readable = [entry for entry in _with_support(passage, offered) if not repeats(entry, kept)]
        if readable and readable[-1] is passage and len(kept) + len(readable) <= rule.sentences:
            kept += readable
    return kept


def _with_support(passage: Passage, offered: tuple[Passage, ...]) -> Iterator[Passage]:
    """The passage, after the one it refers back to (`It`, `This` ...); nothing if that one cannot be quoted either."""
    if "dependent" not in features(passage):
        yield passage
        return
    for before in offered:
        same_place = (before.chunk, before.paragraph) == (passage.chunk, passage.paragraph)
        if same_place and before.position == passage.position - 1 and "dependent" not in features(before):
            yield from (before, passage)


def repeats(passage: Passage, kept: list[Passage]) -> bool:
    """Whether one of `kept` already says what `passage` says."""
    mine = passage.stems
    for other in kept:
        theirs = other.stems
        if passage.text in other.text or len(mine & theirs) >= TOO_SIMILAR * max(1, min(len(mine), len(theirs))):
            return True
    return False
