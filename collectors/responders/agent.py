"""Who an agent is: what it knows, whom it answers, and in which ways it is told to misbehave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cmdb.errors import Invalid
from collectors.responders.ber import Oid
from collectors.responders.mib import Mib
from collectors.responders.pdu import Version
from collectors.responders.usm import Auth, Priv

_SHORTEST_SECRET = 8  # RFC 3414 §11.2


@dataclass(frozen=True)
class User:
    """A version 3 user. Messages below the level that its protocols make are refused (authorizationError)."""

    name: str
    auth: Auth | None = None
    auth_secret: bytes = field(default=b"", repr=False)
    priv: Priv | None = None
    priv_secret: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if self.priv and not self.auth:
            raise Invalid(f"user {self.name!r}: privacy needs authentication; give an auth protocol")
        for kind, protocol, secret in (("auth", self.auth, self.auth_secret), ("priv", self.priv, self.priv_secret)):
            if protocol and len(secret) < _SHORTEST_SECRET:
                raise Invalid(f"user {self.name!r}: {kind} secret is shorter than {_SHORTEST_SECRET} bytes")


@dataclass(frozen=True)
class Faults:
    """Ways to misbehave, for tests; by default none.

    They touch only requests with an OID below `under`, and only after `after` faultless replies to such requests.
    """

    under: Oid = ()
    after: int = 0
    silent: bool = False  # after > 0: stops half-way
    drop_every: int = 0  # each n-th reply is lost
    loss: float = 0.0  # share of replies lost, drawn from `seed`
    seed: int = 0
    lag: int = 0  # a reply leaves when so many more requests have come, as if it had been long on its way
    elsewhere: bool = False  # replies leave from another address than the one that was asked
    loop: bool = False  # the end of `under` is followed by its beginning
    cycle: int = 0  # so many objects come round and round
    descending: bool = False  # objects below `under` come from the last to the first
    non_increasing: bool = False  # GETNEXT gives back what it was asked for
    endless: bool = False  # columns below `under`, where there are some, go on without an end
    truncate: bool = False  # the second half of the reply is cut off
    garbage: bool = False  # bytes from `seed` in place of a reply
    wrong_request_id: bool = False
    gen_err: bool = False
    no_bulk: bool = False  # GETBULK meets silence
    bulk_too_big_over: int | None = None  # tooBig above so many repetitions
    no_varbinds: bool = False  # a response without any
    unpadded_counters: bool = False  # Counter32 above 2^31 without its leading zero byte
    length: bytes = b""  # these octets in place of the length of the first value
    restart: bool = False  # once: the reply is lost, sysUpTime begins anew, engineBoots grow


@dataclass(frozen=True)
class Agent:
    """Everything that one agent answers from. `max_size` is the longest message in bytes that it sends.

    A context is reached through community `name@context` or the version 3 context name.
    """

    mib: Mib = field(repr=False)
    communities: tuple[str, ...] = field(default=(), repr=False)
    users: tuple[User, ...] = ()
    engine_id: bytes = b""
    boots: int = 1
    engine_time_s: int = 0  # how long the engine says to be running when it begins to answer
    contexts: Mapping[str, Mib] = field(default_factory=dict, repr=False)
    versions: tuple[Version, ...] = ("v1", "v2c", "v3")
    max_size: int = 1472
    faults: Faults | None = None

    def __post_init__(self) -> None:
        if self.users and not 5 <= len(self.engine_id) <= 32:
            raise Invalid(f"engine id has {len(self.engine_id)} bytes; version 3 needs 5 to 32 (RFC 3411 §5)")
        if self.max_size < 484:
            raise Invalid(f"max_size is {self.max_size}; SNMP needs at least 484 bytes (RFC 3417 §3.2)")
