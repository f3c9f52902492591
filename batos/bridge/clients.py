"""Who is connected, and whose session is where: both bounded, the one that was quiet longest goes first."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from batos.bridge.kinds import Role
from batos.bridge.limits import Limits, TokenBucket
from batos.bridge.sessions import Session


@dataclass
class Peer:
    """One connection, by the identity that its ROUTER socket gave it.

    `outbox` holds the bytes of replies, each with whether it ends a request that counts as in flight.
    """

    role: Role
    identity: bytes
    bucket: TokenBucket
    in_flight: int = 0
    outbox: deque[tuple[bytes, bool]] = field(default_factory=deque)

    @property
    def idle(self) -> bool:
        return self.in_flight == 0 and not self.outbox

    def post(self, payload: bytes, *, ends_request: bool, limit: int) -> None:
        """File a reply. Past `limit` the oldest is dropped: the client asks and asks, and reads nothing."""
        self.outbox.append((payload, ends_request))
        if len(self.outbox) > limit:
            self.drop_first()

    def drop_first(self) -> None:
        _, ended_request = self.outbox.popleft()
        self.in_flight -= ended_request


class Clients:
    """The connections and sessions of one daemon. Used by the bridge's thread alone."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._peers: OrderedDict[tuple[Role, bytes], Peer] = OrderedDict()
        self._sessions: OrderedDict[tuple[Role, str], Session] = OrderedDict()

    @property
    def peers(self) -> Iterable[Peer]:
        return list(self._peers.values())

    @property
    def sessions(self) -> Iterable[Session]:
        return list(self._sessions.values())

    def peer(self, role: Role, identity: bytes, now: float) -> Peer:
        """The connection, made when it is new. `now`: a clock's `monotonic` seconds."""
        key = (role, identity)
        if key not in self._peers:
            self._forget_quiet_peer()
            bucket = TokenBucket(self._limits.requests_per_second, self._limits.burst, now)
            self._peers[key] = Peer(role, identity, bucket)
        self._peers.move_to_end(key)
        return self._peers[key]

    def _forget_quiet_peer(self) -> None:
        if len(self._peers) >= self._limits.clients:
            quiet = next((key for key, peer in self._peers.items() if peer.idle), None)
            if quiet is not None:
                del self._peers[quiet]

    def session(self, peer: Peer, name: str, *, open_new: bool) -> Session | None:
        """The session of this name, from now on reached through `peer`; None if it is unknown and not to be opened."""
        key = (peer.role, name)
        if key not in self._sessions:
            if not open_new:
                return None
            if len(self._sessions) >= self._limits.clients:
                self._sessions.popitem(last=False)
            self._sessions[key] = Session(peer.role, name, self._limits.events_waiting)
        self._sessions.move_to_end(key)
        session = self._sessions[key]
        session.peer, session.reachable = peer.identity, True
        return session
