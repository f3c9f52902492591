"""The steward: takes a version of a method back that fails significantly more often than the one before it.

The test is Fisher's exact test, one-sided: given how many calls the two versions had and how many of all failed, how
likely is it that chance alone gives the newer one as many of the failures as it has. A version is looked at again and
again, so the level is spent: the looks come when its calls have doubled since the last, and the k-th look (k = 0, 1, …)
is taken at LEVEL / 2**(k + 1). All looks together err with a probability of LEVEL at most, for calls that fail
independently of each other. (R. A. Fisher, Statistical Methods for Research Workers, 1934; Bonferroni's inequality.)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import exp, lgamma
from typing import Any

from batos.errors import UnknownObject
from batos.image.image import Image
from batos.image.receipts import Proposal
from batos.image.world import World
from batos.methods.sandbox import Sandbox
from batos.mind.ruling import policy_for
from batos.mind.trial import try_out
from batos.objects import lookup, rules
from batos.objects.records import Method
from batos.objects.uvm_object import UvmObject, label, own_slots, put
from batos.runtime.counters import CallCount
from batos.runtime.deciding import newly_installed, trial_of
from batos.runtime.events import Events
from batos.runtime.missions import MissionStore
from batos.runtime.versions import chain
from batos.settings import Settings

LEVEL = 0.01
FIRST_LOOK = 4  # calls
FEWEST_ERRORS = 3
AUTHOR = "steward"


@dataclass(frozen=True)
class Regression:
    """A version that fails more often than the one before it: the counts of both, and what the test says."""

    oid: str
    name: str
    selector: str
    version: int
    calls: int
    errors: int
    before: int  # the version it is compared with, and that is restored
    calls_before: int
    errors_before: int
    p: float
    level: float

    @property
    def sentence(self) -> str:
        return (
            f"Version {self.version} of {self.selector!r} of {self.name} failed {self.errors} of {self.calls} times, "
            f"version {self.before} {self.errors_before} of {self.calls_before} (Fisher's exact test, one-sided, "
            f"p = {self.p:.2g}, level {self.level:.2g})."
        )


@dataclass(frozen=True)
class Restored:
    """What the steward did about one: `outcome` is "rolled back", "proposed" or "left alone", and `reason` why."""

    regression: Regression
    outcome: str
    reason: str
    version: int | None = None
    proposal: str | None = None


def fisher(errors: int, calls: int, errors_before: int, calls_before: int) -> float:
    """The chance of at least `errors` failures in `calls`, given all failures of both versions."""
    failed, ended = errors + errors_before, calls + calls_before
    whole = _log_choose(ended, failed)
    most = min(failed, calls)
    terms = (_log_choose(calls, k) + _log_choose(calls_before, failed - k) - whole for k in range(errors, most + 1))
    return min(1.0, sum(exp(term) for term in terms))


def _log_choose(n: int, k: int) -> float:
    if not 0 <= k <= n:
        return float("-inf")
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


class Steward:
    def __init__(self, image: Image, sandbox: Sandbox, store: MissionStore, settings: Settings, events: Events) -> None:
        self._image = image
        self._sandbox = sandbox
        self._store = store
        self._settings = settings
        self._events = events

    def look(self) -> list[Restored]:
        """Compare every version in use with the one before it, and see to those that fail significantly more often."""
        done = []
        for regression in self._regressions():
            restored = self._restore(regression)
            self._events.publish("steward", **asdict(restored), says=f"{regression.sentence} {restored.reason}")
            done.append(restored)
        return done

    def _regressions(self) -> list[Regression]:
        counts = {(count.oid, count.selector, count.version): count for count in self._store.counters()}
        found = []
        for count in counts.values():
            if count.errors < FEWEST_ERRORS or count.calls < FIRST_LOOK:
                continue
            look = (count.calls // FIRST_LOOK).bit_length() - 1
            key = f"steward:{count.oid}:{count.selector}:{count.version}"
            if look <= self._store.meta(key, -1):
                continue
            with self._image.reading() as world:
                regression = _compared(world, count, counts, LEVEL / 2 ** (look + 1))
            if regression is None:
                continue
            self._store.set_meta(key, look)
            if regression.p < regression.level:
                found.append(regression)
        return found

    def _restore(self, found: Regression) -> Restored:
        with self._image.reading() as world:
            target = world.object(found.oid)
            pinned = rules.pinned(target, found.selector)
            present, earlier = _both(target, found)
            policy = policy_for(world, target, self._settings)
        if pinned is not None:
            return Restored(found, "left alone", f"{pinned} is pinned.")
        if present is None or earlier is None:
            return Restored(found, "left alone", "It was changed meanwhile.")
        # What was taught since the earlier version must not be lost with the later one.
        verdict = try_out(
            self._image,
            self._sandbox,
            trial_of(found.oid, found.selector, earlier.source or "", present.contract),
        )
        doubt = None
        if verdict["status"] != "passed":
            doubt = f"Version {found.before} does not do what was taught since: {verdict['reason']}"
        elif verdict["broken"]:
            doubt = f"Methods rely on version {found.version} that do not work with version {found.before}."
        elif policy == "propose":
            doubt = "The policy is to propose."
        if doubt is None:
            version = self._put_back(found)
            if version is None:
                return Restored(found, "left alone", "It was changed meanwhile.")
            return Restored(found, "rolled back", f"Version {found.before} is back, as version {version}.", version)
        identity = self._propose(found, doubt)
        return Restored(found, "proposed", f"{doubt} A person decides.", None, identity)

    def _put_back(self, found: Regression) -> int | None:
        def work(world: World) -> int | None:
            target: UvmObject = world.object(found.oid)
            present, earlier = _both(target, found)
            if present is None or earlier is None or rules.pinned(target, found.selector) is not None:
                return None
            restored = _restored(present, earlier, found, self._image.clock.now())
            put(target, found.selector, restored)
            return restored.version

        note = f"roll back {found.selector} of {found.name} to version {found.before}"
        version = self._image.change(note, work, author=AUTHOR)
        if version is not None:
            newly_installed(self._store, found.oid, found.selector, version)
        return version

    def _propose(self, found: Regression, doubt: str) -> str | None:
        identity = f"{found.oid[-8:]}{found.version:04d}"

        def work(world: World) -> str | None:
            target: UvmObject = world.object(found.oid)
            present, earlier = _both(target, found)
            if present is None or earlier is None or identity in world.proposals:
                return None
            now = self._image.clock.now()
            restored = _restored(present, earlier, found, now)
            reason = f"{found.sentence} {doubt}"
            world.root["proposals"][identity] = Proposal(
                identity, target, restored, mission=AUTHOR, reason=reason, made_at=now
            )
            return identity

        return self._image.change(f"propose to roll back {found.selector} of {found.name}", work, author=AUTHOR)


def _compared(
    world: World, count: CallCount, counts: dict[tuple[str, str, int], CallCount], level: float
) -> Regression | None:
    """The version in use beside the newest one before it that was called and had another source; None if there is
    none, or the counted version is not the one in use."""
    try:
        target = world.object(count.oid)
    except UnknownObject:  # it was packed away
        return None
    present = own_slots(target).get(count.selector)
    if not isinstance(present, Method) or present.version != count.version:
        return None
    for earlier in chain(present):
        before = counts.get((count.oid, count.selector, earlier.version))
        if earlier.source is None or earlier.source == present.source or before is None or not before.calls:
            continue
        p = fisher(count.errors, count.calls, before.errors, before.calls)
        return Regression(
            count.oid, label(target), count.selector, count.version, count.calls, count.errors,
            earlier.version, before.calls, before.errors, p, level,
        )  # fmt: skip
    return None


def _both(target: UvmObject, found: Regression) -> tuple[Method | None, Method | None]:
    """The failing version and the one to restore, if that is how it still stands."""
    present = own_slots(target).get(found.selector)
    lookup.note_read(target)
    if not isinstance(present, Method) or present.version != found.version:
        return None, None
    return present, next((method for method in chain(present) if method.version == found.before), None)


def _restored(present: Method, earlier: Method, found: Regression, now: float) -> Method:
    told: dict[str, Any] = {**asdict(found), "test": "Fisher's exact test, one-sided"}
    return Method(
        earlier.selector,
        earlier.source,
        trust=earlier.trust,
        contract=present.contract,
        intent=present.intent,
        previous=present,
        provenance={
            **earlier.provenance,
            "restored_by": AUTHOR,
            "restored_at": now,
            "restores": earlier.version,
            "regression": told,
        },
    )
