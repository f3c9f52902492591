"""What a person does to methods directly: install a source, trust one, edit an intent, pin, set a policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from batos.errors import UnknownObject
from batos.image.image import Image
from batos.image.world import World
from batos.methods.contract import Contract, Example
from batos.methods.extraction import extract
from batos.methods.guardian import check
from batos.methods.sandbox import Sandbox
from batos.mind import ruling
from batos.mind.accepting import standing_in, summary
from batos.mind.trial import try_out
from batos.objects import rules
from batos.objects.records import Intent, Method, previous_of
from batos.objects.uvm_object import UvmObject, own_slots, put
from batos.runtime.approvals import Approvals
from batos.runtime.deciding import newly_installed, refuse_failing, resume_who_wait, trial_of
from batos.runtime.missions import MissionStore


def install(
    image: Image,
    sandbox: Sandbox,
    store: MissionStore,
    target: str,
    selector: str,
    source: str,
    author: str,
    *,
    examples: Iterable[Any] = (),
    intent: str | None = None,
    anyway: bool = False,
) -> dict[str, Any]:
    """`create_method`: a source written by a person goes through the same gate; without examples it stays unproven.

    It must satisfy `examples`, and those that are known of the selector already. Raises `MethodRefused` with what the
    gate objected to, and `PinnedSlot`. Returns the version, the audit, and how many given examples prove it.
    """
    extracted = extract(source, selector)
    with image.reading() as world:
        receiver = world.find(target)
        ruling.refuse_pinned(receiver, selector)
        oid = world.add(receiver).hex()
        contract = _contract(world, receiver, selector, Contract.of(intent, examples))
    request = trial_of(oid, selector, extracted, contract.to_json())
    audit = check(extracted, selector, facet=request["facet"])
    verdict = try_out(image, sandbox, request)
    refuse_failing(verdict, selector, anyway)

    def work(world: World) -> Method:
        receiver: UvmObject = world.find(target)
        ruling.refuse_pinned(receiver, selector)
        present = standing_in(receiver, selector)
        method = Method(
            selector,
            extracted,
            contract={"intent": contract.intent, "examples": verdict["examples"]},
            intent=contract.intent or getattr(present, "intent", None),
            previous=previous_of(own_slots(receiver).get(selector)),
            provenance={
                "author": author,
                "made_at": image.clock.now(),
                "proven": verdict["proven"],
                "audit": summary(audit),
                **({"broken": verdict["broken"]} if verdict["broken"] else {}),
            },
        )
        put(receiver, selector, method)
        return method

    method = image.change(f"install {selector} on {target} by hand", work, author=author)
    newly_installed(store, oid, selector, method.version)
    resume_who_wait(image, store)
    return {
        "target": target,
        "selector": selector,
        "version": method.version,
        "trust": method.trust,
        "proven": verdict["proven"],
        "audit": audit.to_json(),
        "broken": verdict["broken"],
    }


def _contract(world: World, receiver: UvmObject, selector: str, asked: Contract) -> Contract:
    """What is known of the selector already, with what is asked now; stated examples only."""
    present = standing_in(receiver, selector)
    known = Contract()
    if isinstance(present, Method):
        known = Contract.from_json(present.contract, world.object)
    elif isinstance(present, Intent):
        known = Contract.from_json({"intent": present.text, "examples": present.examples}, world.object)
    contract = Contract(asked.intent or known.intent, known.given)
    for example in asked.examples:
        contract = contract.with_example(example)
    return contract


def trust(image: Image, approvals: Approvals, target: str, selector: str) -> int:
    """Let a method run in process, outside the sandbox: a new version of it, and an approval on this machine.

    Raises `UnknownObject` when the object has no such method of its own.
    """

    def work(world: World) -> Method:
        receiver: UvmObject = world.find(target)
        method = own_slots(receiver).get(selector)
        if not isinstance(method, Method) or method.source is None:
            raise UnknownObject(name=f"{target}.{selector}", known="Only a written method of the object's own can be.")
        trusted = Method(
            selector,
            method.source,
            trust="trusted",
            contract=method.contract,
            provenance={**method.provenance, "trusted_at": image.clock.now()},
            intent=method.intent,
            previous=method,
        )
        put(receiver, selector, trusted)
        return trusted

    method = image.change(f"trust {selector} of {target}", work)
    approvals.approve(method)
    return method.version


def set_intent(image: Image, target: str, selector: str, text: str, examples: Iterable[Any] = ()) -> int | None:
    """Say anew what a method is for; one that was made from what was said before is retired, and learned on next use.

    The version that was retired, or None. Examples that are not restated are not kept. Raises `PinnedSlot`.
    """
    stated = tuple(Example.of(example).to_json() for example in examples)

    def work(world: World) -> int | None:
        receiver: UvmObject = world.find(target)
        ruling.refuse_pinned(receiver, selector)
        retired = previous_of(own_slots(receiver).get(selector))
        put(receiver, selector, Intent(text, stated, retired))
        return retired.version if retired is not None else None

    return image.change(f"set the intent of {selector} of {target}", work)


def pin(image: Image, target: str, selector: str | None, on: bool) -> None:
    """Pin an object or one of its slots, or take the pin away. Raises `UnknownObject`."""
    what = target if selector is None else f"{selector} of {target}"
    image.change(f"{'pin' if on else 'unpin'} {what}", lambda world: rules.pin(world.find(target), selector, on))


def set_policy(image: Image, policy: str | None, target: str | None) -> None:
    """Rule what becomes of learned methods, on an object and those below it, or in the whole image."""
    if policy is not None:
        rules.checked(policy)

    def work(world: World) -> None:
        rules.set_policy(world.find(target or ruling.EVERYONES), policy)

    image.change(f"set the policy of {target or 'the image'} to {policy or 'what holds above it'}", work)


def policies(image: Image) -> dict[str, str]:
    """The policies that are set: of the image under the key "", and of objects by their names."""
    with image.reading() as world:
        found = {name: rules.rules_of(world[name]).get(rules.POLICY) for name in world.names()}
        found[""] = found.pop(ruling.EVERYONES)
    return {name: policy for name, policy in sorted(found.items()) if policy is not None}
