"""A system small enough to see through, that fits what the bridge asks of the runtime, and a client without manners."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import ormsgpack
import zmq

from batos.bridge.wire import envelope
from batos.errors import OwnDocument, UnknownMission, UnknownObject

PATIENCE = 10.0  # seconds after which a test gives up waiting


@dataclass(frozen=True)
class Passage:
    document_id: str
    chunk_index: int
    text: str
    score: float
    metadata: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Filed:
    id: str


@dataclass(frozen=True)
class Report:
    status: str
    told: str = ""


class SmallSystem:
    """Remembers passages, objects and missions in dictionaries; a test settles missions and sends events itself."""

    def __init__(self):
        self.passages = [
            Passage("undo.md", 0, "Undo is a new change.", 0.5, {"kind": "document"}),
            Passage("undo.md", 1, "An undo may be refused.", 0.9),
        ]
        self.objects = {"greeter": {"slots": {"name": "Ada"}}}
        self.standing = {}
        self.installed = []
        self.decided = []
        self.handler_threads = set()
        self.gate = threading.Event()  # what `search("slow")` waits for
        self.entered = threading.Event()  # set once it waits
        self.filed = threading.Event()  # set once a mission was filed
        self._functions = defaultdict(list)

    def submit(self, target, selector, args, kwargs):
        mission = f"m{len(self.standing) + 1}"
        self.standing[mission] = {
            "id": mission, "state": "queued", "target": target, "selector": selector, "args": args, "kwargs": kwargs,
        }  # fmt: skip
        self.filed.set()
        return Filed(mission)

    def submit_question(self, question):
        return self.submit("orchestrator", "answer_", (question,), {})

    def settle(self, mission, answer=None, state="done", reason=""):
        self.standing[mission] |= {"state": state, "outcome": {"answer": answer, "reason": reason}}
        self.emit({"kind": "mission", "id": mission, "state": state, "target": None, "selector": None})

    def ask_a_person(self, mission, reason):
        self.standing[mission] |= {"state": "waiting", "pending": {"reason": reason}}
        self.emit({"kind": "mission", "id": mission, "state": "waiting"})

    def summaries_above(self, document_id, chunk_index):
        return ["Undoing is a change."] if (document_id, chunk_index) == ("undo.md", 0) else []

    def search(self, query, limit, where):
        self.handler_threads.add(threading.get_ident())
        if query == "slow":
            self.entered.set()
            assert self.gate.wait(PATIENCE)
        if query == "broken":
            raise ZeroDivisionError("a secret of the daemon")
        found = [passage for passage in self.passages if query.lower() in passage.text.lower()]
        return sorted(found, key=lambda passage: -passage.score)[:limit]

    def ingest_text(self, document_id, text, *, own):
        self._leave_own(document_id, own)
        self.passages = [passage for passage in self.passages if passage.document_id != document_id]
        self.passages.append(Passage(document_id, 0, text, 0.1))
        return Report("added")

    def forget(self, document_id, *, own):
        self._leave_own(document_id, own)
        kept = [passage for passage in self.passages if passage.document_id != document_id]
        gone, self.passages = len(self.passages) - len(kept), kept
        return gone

    def _leave_own(self, document_id, own):
        if document_id == "undo.md" and not own:
            raise OwnDocument(name=document_id)

    def verify_memory(self):
        return Report("sound", f"{len(self.passages)} passages agree.")

    def state(self):
        return {"objects": sorted(self.objects), "missions": {"queued": len(self.standing)}}

    def inspect(self, name):
        if name not in self.objects:
            raise UnknownObject(name=name, known="Known are greeter.")
        return self.objects[name]

    def missions(self, state):
        return [mission for mission in self.standing.values() if state in (None, mission["state"])]

    def mission(self, mission_id):
        if mission_id not in self.standing:
            raise UnknownMission(mission=mission_id, reason="")
        return self.standing[mission_id]

    def proposals(self):
        return [{"id": "p1", "selector": "initials_"}]

    def approve(self, proposal_id):
        self.decided.append(("approve", proposal_id))

    def refuse(self, proposal_id):
        self.decided.append(("refuse", proposal_id))

    def create_method(self, target, selector, source, author, *, examples):
        self.installed.append((target, selector, source, author))
        return {"selector": selector, "trust": "sandboxed", "version": 1, "proven": len(examples)}

    def subscribe(self, kind, function):
        self._functions[kind].append(function)
        return lambda: self._functions[kind].remove(function)

    def subscriptions(self):
        return sum(len(functions) for functions in self._functions.values())

    def emit(self, event):
        for function in list(self._functions[event["kind"]]):
            function(event)


class RawClient:
    """A DEALER socket that sends whatever bytes it is given."""

    def __init__(self, socket_path: Path | str, session="s1", receive_limit=1000):
        self.session = session
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVHWM, receive_limit)
        self._socket.connect(f"ipc://{socket_path}")

    def send(self, *frames: bytes):
        self._socket.send_multipart(list(frames))

    def receive(self):
        assert self._socket.poll(PATIENCE * 1000), "nothing came"
        return ormsgpack.unpackb(self._socket.recv())

    def bare(self, **message):
        """Send a map without an envelope and return the map that answers it."""
        self.send(ormsgpack.packb(message))
        return self.receive()

    def message(self, kind, **body):
        return envelope(kind, body, session=self.session, seq=1, now=0.0)

    def post(self, kind, **body):
        message = self.message(kind, **body)
        self.send(ormsgpack.packb(message))
        return message

    def request(self, kind, **body):
        self.post(kind, **body)
        return self.receive()

    def close(self):
        self._socket.close()
        self._context.term()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
