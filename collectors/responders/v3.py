"""Open and close version 3 messages as the authoritative engine (RFC 3412, RFC 3414 §3)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from collectors.responders import ber, usm
from collectors.responders.agent import Agent, User
from collectors.responders.ber import Oid

AUTH, PRIV, REPORTABLE = 1, 2, 4
_USM = 3
_WINDOW_S = 150
_SMALLEST_MESSAGE = 484

_STATS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1)
UNSUPPORTED_LEVEL: Oid = (*_STATS, 1, 0)
NOT_IN_TIME_WINDOW: Oid = (*_STATS, 2, 0)
UNKNOWN_USER: Oid = (*_STATS, 3, 0)
UNKNOWN_ENGINE: Oid = (*_STATS, 4, 0)
WRONG_DIGEST: Oid = (*_STATS, 5, 0)
DECRYPTION_ERROR: Oid = (*_STATS, 6, 0)
UNKNOWN_CONTEXT: Oid = (1, 3, 6, 1, 6, 3, 12, 1, 5, 0)
UNKNOWN_HANDLER: Oid = (1, 3, 6, 1, 6, 3, 11, 2, 1, 3, 0)


class Refused(Exception):  # not an error of this program: it becomes a report on the wire
    """A message that is answered with a report: which counter it raises, and how the report is authenticated."""

    def __init__(self, counter: Oid, level: int = 0, user: User | None = None) -> None:
        self.counter, self.level, self.user = counter, level, user
        super().__init__(ber.dotted(counter))


@dataclass(frozen=True)
class Envelope:
    """The outside of a message. `digest_at` is where its digest lies; `scoped` is the rest, perhaps encrypted."""

    message_id: int
    max_size: int
    flags: int
    engine_id: bytes
    boots: int
    time: int
    user: bytes
    digest_at: tuple[int, int]
    salt: bytes
    scoped: tuple[int, int]

    @property
    def level(self) -> int:
        """AUTH and PRIV bits."""
        return self.flags & (AUTH | PRIV)


@dataclass(frozen=True)
class Scoped:
    """The inside of a message: its context, and where the PDU lies in `data`."""

    engine_id: bytes
    context: str
    data: bytes
    pdu: tuple[int, int]


def read_envelope(data: bytes, at: int, end: int) -> Envelope:
    """Read what follows the version number of a message that ends at `end`."""
    _, here, stop = ber.read(data, at, end, ber.SEQUENCE)
    message_id, here = ber.read_int(data, here, stop)
    max_size, here = ber.read_int(data, here, stop)
    flags, here = ber.read_octets(data, here, stop)
    model, here = ber.read_int(data, here, stop)
    if here != stop or len(flags) != 1 or model != _USM or max_size < _SMALLEST_MESSAGE or flags[0] & 3 == PRIV:
        raise ber.Undecodable("message header with wrong sizes, flags or security model")
    _, inside, scoped_at = ber.read(data, stop, end, ber.OCTETS)
    _, here, stop = ber.read(data, inside, scoped_at, ber.SEQUENCE)
    engine_id, here = ber.read_octets(data, here, stop)
    boots, here = ber.read_int(data, here, stop)
    time, here = ber.read_int(data, here, stop)
    user, here = ber.read_octets(data, here, stop)
    digest = ber.read(data, here, stop, ber.OCTETS)
    salt, here = ber.read_octets(data, digest.end, stop)
    if here != stop or stop != scoped_at or not 0 <= boots < 1 << 31 or not 0 <= time < 1 << 31:
        raise ber.Undecodable("security parameters with wrong sizes or times")
    scoped = (scoped_at, end)
    return Envelope(
        message_id, max_size, flags[0], engine_id, boots, time, user, (digest.start, digest.end), salt, scoped
    )


def authorise(envelope: Envelope, data: bytes, agent: Agent, now: int) -> User:
    """Check engine, user, digest and time (`now`: engine time in seconds); raise Refused for a report."""
    if envelope.engine_id != agent.engine_id:
        raise Refused(UNKNOWN_ENGINE)
    user = next((u for u in agent.users if u.name.encode() == envelope.user), None)
    if user is None:
        raise Refused(UNKNOWN_USER)
    if (envelope.level & AUTH and not user.auth) or (envelope.level & PRIV and not user.priv):
        raise Refused(UNSUPPORTED_LEVEL)
    if envelope.level & AUTH and user.auth:
        start, end = envelope.digest_at
        blank = data[:start] + bytes(end - start) + data[end:]
        expected = usm.digest(user.auth, usm.auth_key(user.auth, user.auth_secret, agent.engine_id), blank)
        if not hmac.compare_digest(expected, data[start:end]):
            raise Refused(WRONG_DIGEST)
        if envelope.boots != agent.boots or abs(envelope.time - now) > _WINDOW_S:
            raise Refused(NOT_IN_TIME_WINDOW, AUTH, user)
    return user


def open_scoped(envelope: Envelope, data: bytes, agent: Agent, user: User) -> Scoped:
    """Decrypt and read the inside; raise Refused where it can't be decrypted."""
    start, end = envelope.scoped
    if not envelope.level & PRIV or not user.priv or not user.auth:
        return _read_scoped(data, start, end)
    secret, rest = ber.read_octets(data, start, end)
    key = usm.priv_key(user.priv, user.auth, user.priv_secret, agent.engine_id)
    plain = usm.decrypt(user.priv, key, envelope.boots, envelope.time, envelope.salt, secret)
    if plain is None or rest != end:
        raise Refused(DECRYPTION_ERROR)
    try:
        # Block ciphers leave padding behind the sequence, so its own length says where it ends.
        return _read_scoped(plain, 0, ber.read(plain, 0, len(plain), ber.SEQUENCE).end)
    except ber.Undecodable as error:
        raise Refused(DECRYPTION_ERROR) from error


def _read_scoped(data: bytes, at: int, end: int) -> Scoped:
    _, here, stop = ber.read(data, at, end, ber.SEQUENCE)
    if stop != end:
        raise ber.Undecodable(f"{end - stop} bytes follow the scoped PDU")
    engine_id, here = ber.read_octets(data, here, stop)
    context, here = ber.read_octets(data, here, stop)
    return Scoped(engine_id, context.decode("latin-1"), data, (here, stop))


def close(
    envelope: Envelope, agent: Agent, user: User | None, level: int, pdu: bytes, context: str, now: int, salt: bytes
) -> bytes:
    """Build the message that carries `pdu` back, at a security level; the salt has 8 bytes and must not repeat."""
    scoped = ber.sequence(ber.octets(agent.engine_id), ber.octets(context.encode("latin-1")), pdu)
    digest_bytes, used_salt = 0, b""
    if user and user.auth and level & AUTH:
        digest_bytes = usm.DIGEST_BYTES[user.auth]
        if user.priv and level & PRIV:
            key = usm.priv_key(user.priv, user.auth, user.priv_secret, agent.engine_id)
            scoped, used_salt = ber.octets(usm.encrypt(user.priv, key, agent.boots, now, salt, scoped)), salt
    tail = ber.octets(used_salt)
    security = ber.sequence(
        ber.octets(agent.engine_id),
        ber.integer(agent.boots),
        ber.integer(now),
        ber.octets(envelope.user),
        ber.octets(bytes(digest_bytes)),
        tail,
    )
    header = ber.sequence(
        ber.integer(envelope.message_id), ber.integer(agent.max_size), ber.octets(bytes((level,))), ber.integer(_USM)
    )
    message = ber.sequence(ber.integer(3), header, ber.octets(security), scoped)
    if not digest_bytes or not user or not user.auth:
        return message
    at = len(message) - len(scoped) - len(tail) - digest_bytes
    mark = usm.digest(user.auth, usm.auth_key(user.auth, user.auth_secret, agent.engine_id), message)
    return message[:at] + mark + message[at + digest_bytes :]
