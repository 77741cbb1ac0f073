"""SNMP version 3 with the user-based security model, on pysnmp's engine."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pyasn1.type import univ
from pysnmp.carrier.asyncio.dgram.udp import UdpTransportAddress
from pysnmp.carrier.base import AbstractTransport, AbstractTransportDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.error import PySnmpError
from pysnmp.proto import errind, rfc1902
from pysnmp.proto.mpmod.rfc3412 import SnmpV3MessageProcessingModel
from pysnmp.proto.secmod.rfc3414 import SnmpUSMSecurityModel

from collectors.transport.answers import Value, Varbind, dotted
from collectors.transport.ber import NOTHING
from collectors.transport.credentials import UsmUser
from collectors.transport.link import Failure, Fault, Reply, Request, Step
from collectors.transport.udp import Endpoint
from collectors.transport.usm_reading import Reading

MOST_ENGINES = 16  # an engine takes 0.1 s to make and a megabyte to keep; more would only wait for the processor

AUTH = {
    None: config.USM_AUTH_NONE,
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA-1": config.USM_AUTH_HMAC96_SHA,
    "SHA-224": config.USM_AUTH_HMAC128_SHA224,
    "SHA-256": config.USM_AUTH_HMAC192_SHA256,
    "SHA-384": config.USM_AUTH_HMAC256_SHA384,
    "SHA-512": config.USM_AUTH_HMAC384_SHA512,
}
PRIV = {
    None: config.USM_PRIV_NONE,
    "DES": config.USM_PRIV_CBC56_DES,
    "3DES": config.USM_PRIV_CBC168_3DES,
    "AES-128": config.USM_PRIV_CFB128_AES,
    "AES-192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES-192-C": config.USM_PRIV_CFB192_AES,
    "AES-256-C": config.USM_PRIV_CFB256_AES,
}
_WRONG = (
    errind.UnknownUserName,
    errind.WrongDigest,
    errind.AuthenticationFailure,
    errind.AuthenticationError,
    errind.DecryptionError,
    errind.UnsupportedSecurityLevel,
    errind.UnknownSecurityName,
)
_SILENT = (errind.RequestTimedOut, errind.NotInTimeWindow, errind.UnknownEngineID)
_NO_CONTEXT = (errind.ReportPduReceived, errind.NoSuchContext)  # what other reports mean: snmpUnknownContexts
_TARGET, _PARAMETERS = "agent", "user"
_ADDRESS = ("127.0.0.1", 161)
_PATIENCE_CS = 360_000  # waiting is done here, not in the engine
_NULL = univ.Null("")


class _Bridge(AbstractTransport):  # type: ignore[misc]  # pysnmp has no types
    """Lets the engine speak through an endpoint, which it knows by one made-up address."""

    ADDRESS_TYPE = UdpTransportAddress

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.unanswered = 0  # questions that the engine still remembers
        self.reading = Reading()

    def send_message(self, outgoingMessage: bytes, transportAddress: Any) -> None:
        self._endpoint.send(bytes(outgoingMessage))

    def received(self, data: bytes) -> None:
        if self._callback_function:
            self._callback_function(self, UdpTransportAddress(_ADDRESS), data)


class UsmLink:
    """One agent as one user. The engine is this link's alone: pysnmp knows users and clocks by engine id only,
    and engine ids are not unique in the field.
    """

    def __init__(self, engine: SnmpEngine, bridge: _Bridge, endpoint: Endpoint, context: str = "") -> None:
        self._engine, self._bridge, self._endpoint, self._context = engine, bridge, endpoint, context
        self._waiting: dict[int, Step] = {}
        self.heard = 0  # datagrams that the engine could decode
        endpoint.listen(self._received, self._failed)

    def send(self, step: Step, request: Request) -> None:
        """Send once more for `step`."""
        self._waiting[id(step)] = step
        varbinds = [(rfc1902.ObjectName(oid if len(oid) > 1 else (*oid, 0)), _NULL) for oid in request.oids]
        about = (step, request, step.future.get_loop().time())
        where = (self._engine, _TARGET, None, self._context.encode())
        self._bridge.unanswered += 1
        try:
            if not request.next:
                cmdgen.GetCommandGenerator().send_varbinds(*where, varbinds, self._settle, about)
            elif not request.repetitions:
                cmdgen.NextCommandGenerator().send_varbinds(*where, varbinds, self._settle, about)
            else:
                bulk = cmdgen.BulkCommandGenerator()
                bulk.send_varbinds(*where, 0, request.repetitions, varbinds, self._settle, about)
        except PySnmpError as error:
            step.settle(Failure(Fault.GARBAGE, f"the request can't be made: {error}"))

    def finish(self, step: Step) -> None:
        """Forget `step`."""
        self._waiting.pop(id(step), None)

    def close(self) -> None:
        """Listen no longer; the endpoint stays open."""
        self._endpoint.forget(self._received, self._failed)

    def context(self, name: str) -> UsmLink:
        """The same user in another context."""
        return UsmLink(self._engine, self._bridge, self._endpoint, name)

    def fallback(self) -> None:
        """There is no older version with users."""

    def _settle(
        self, engine: Any, handle: Any, indication: Any, status: Any, index: Any, varbinds: Any, about: Any
    ) -> None:
        step, request, sent = about
        self._bridge.unanswered -= 1
        if indication is not None:
            step.settle(_failure(indication))
            return
        try:
            found = self._bridge.reading.completed([_varbind(name, value) for name, value in varbinds])
        except (ValueError, TypeError, IndexError) as error:
            step.settle(Failure(Fault.GARBAGE, f"a value can't be decoded: {error}"))
            return
        step.settle(Reply(request, int(status), int(index), found, step.future.get_loop().time() - sent))

    def _received(self, data: bytes) -> None:
        """Hand a datagram to the engine, which says nothing about those that it can't decode: its counters do."""
        if not self._waiting:
            return
        before = self._undecoded()
        problem = ""
        self._bridge.reading.varbinds = []
        try:
            self._bridge.received(data)
        except Exception as error:
            # pysnmp lets all kinds of errors through from foreign bytes; none may reach the event loop.
            problem = f"{type(error).__name__} in the decoder"
        if problem or self._undecoded() != before:
            for step in list(self._waiting.values()):
                step.settle(Failure(Fault.GARBAGE, problem or "the message can't be decoded"))
        else:
            self.heard += 1

    def _failed(self, error: OSError) -> None:
        for step in list(self._waiting.values()):
            step.settle(Failure(Fault.REFUSED, error.strerror or str(error)))

    def _undecoded(self) -> int:
        """Messages that the engine dropped because they, or what was enciphered in them, can't be decoded."""
        symbols = self._engine.get_mib_builder().import_symbols
        (outside,) = symbols("__SNMPv2-MIB", "snmpInASNParseErrs")
        (inside,) = symbols("__SNMP-USER-BASED-SM-MIB", "usmStatsDecryptionErrors")
        return int(outside.syntax) + int(inside.syntax)


def _failure(indication: Any) -> Failure:
    if isinstance(indication, _WRONG):
        return Failure(Fault.WRONG_CREDENTIAL, str(indication))
    if isinstance(indication, _NO_CONTEXT):
        return Failure(Fault.DENIED, str(indication))
    return Failure(Fault.SILENCE if isinstance(indication, _SILENT) else Fault.GARBAGE, str(indication))


def _varbind(name: Any, value: Any) -> Varbind:
    """A varbind of pysnmp as one of ours."""
    outer = value.tagSet.superTags[-1]
    tag = outer.tagClass | outer.tagId
    oid = tuple(name)
    plain: Value = None
    if tag in NOTHING:  # to pysnmp these are empty texts
        pass
    elif isinstance(value, univ.ObjectIdentifier):
        plain = dotted(tuple(value))
    elif isinstance(value, univ.OctetString):
        octets = value.asOctets()
        plain = ".".join(map(str, octets)) if isinstance(value, rfc1902.IpAddress) else octets
    elif isinstance(value, univ.Integer):
        plain = int(value)
    return Varbind(oid, tag, plain)


class EnginePool:
    """Engines for one worker, each used by one session at a time and then by another.

    More than `most` sessions wait for each other.
    """

    def __init__(self, most: int = MOST_ENGINES) -> None:
        self._free: list[SnmpEngine] = []
        self._places = asyncio.Semaphore(most)
        self._keys: dict[bytes, tuple[bytes, bytes]] = {}
        _tolerate_unpadded_numbers()

    @asynccontextmanager
    async def link(self, endpoint: Endpoint, user: UsmUser, engine_id: bytes) -> AsyncIterator[UsmLink]:
        """A link to the agent with this engine id, as `user`. Raises UsageError where a secret can't be had."""
        async with self._places:
            keys = self._localised(user, engine_id)
            engine = self._free.pop() if self._free else SnmpEngine()
            bridge = _equip(engine, endpoint, user, keys, engine_id)
            link = UsmLink(engine, bridge, endpoint)
            try:
                yield link
            finally:
                link.close()
                _strip(engine, user, engine_id)
                if not bridge.unanswered:  # else it would remember those questions for ever
                    self._free.append(engine)

    def _localised(self, user: UsmUser, engine_id: bytes) -> tuple[bytes, bytes]:
        """Keys for one agent: hashing a pass phrase takes milliseconds, so they are kept."""
        auth_secret = user.auth_secret.reveal() if user.auth_secret else b""
        priv_secret = user.priv_secret.reveal() if user.priv_secret else b""
        parts = (str(user.auth).encode(), auth_secret, str(user.priv).encode(), priv_secret, engine_id)
        known_as = hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()
        if known_as not in self._keys:
            self._keys[known_as] = _localise(user, auth_secret, priv_secret, engine_id)
        return self._keys[known_as]


def _localise(user: UsmUser, auth_secret: bytes, priv_secret: bytes, engine_id: bytes) -> tuple[bytes, bytes]:
    auth, priv = AUTH[user.auth], PRIV[user.priv]
    auth_key = priv_key = b""
    engine = univ.OctetString(engine_id)
    if user.auth:
        service = config.AUTH_SERVICES[auth]
        auth_key = bytes(service.localize_key(service.hash_passphrase(univ.OctetString(auth_secret)), engine))
    if user.priv:
        service = config.PRIV_SERVICES[priv]
        master = service.hash_passphrase(auth, univ.OctetString(priv_secret))
        priv_key = bytes(service.localize_key(auth, master, engine))
    return auth_key, priv_key


def _equip(
    engine: SnmpEngine, endpoint: Endpoint, user: UsmUser, keys: tuple[bytes, bytes], engine_id: bytes
) -> _Bridge:
    # New models: what the engine has learned about clocks and addresses belongs to another agent.
    model = engine.security_models[SnmpUSMSecurityModel.SECURITY_MODEL_ID] = SnmpUSMSecurityModel()
    v3 = SnmpV3MessageProcessingModel
    engine.message_processing_subsystems[v3.MESSAGE_PROCESSING_MODEL_ID] = v3()
    engine.register_transport_dispatcher(AbstractTransportDispatcher())
    bridge = _Bridge(endpoint)
    model.PRIV_SERVICES = bridge.reading.over(SnmpUSMSecurityModel.PRIV_SERVICES)
    engine.transport_dispatcher.register_transport(config.SNMP_UDP_DOMAIN, bridge)
    localised = config.USM_KEY_TYPE_LOCALIZED
    config.add_v3_user(
        engine, user.user, AUTH[user.auth], keys[0] or None, PRIV[user.priv], keys[1] or None,
        securityEngineId=rfc1902.OctetString(engine_id), authKeyType=localised, privKeyType=localised,
    )  # fmt: skip
    level = "authPriv" if user.priv else "authNoPriv" if user.auth else "noAuthNoPriv"
    config.add_target_parameters(engine, _PARAMETERS, user.user, level)
    config.add_target_address(
        engine, _TARGET, config.SNMP_UDP_DOMAIN, _ADDRESS, _PARAMETERS, _PATIENCE_CS, 0
    )  # fmt: skip
    return bridge


def _strip(engine: SnmpEngine, user: UsmUser, engine_id: bytes) -> None:
    config.delete_target_address(engine, _TARGET)
    config.delete_target_parameters(engine, _PARAMETERS)
    config.delete_v3_user(engine, user.user, rfc1902.OctetString(engine_id))
    engine.close_dispatcher()


def _tolerate_unpadded_numbers() -> None:
    """Let the decoder take a Counter32 of FF FF FF FF, which many agents send without the leading zero, for 2**32-1.

    pysnmp drops the whole message otherwise, and calls it a timeout.
    """
    for kind in (rfc1902.Counter32, rfc1902.Gauge32, rfc1902.TimeTicks, rfc1902.Unsigned32):
        kind.prettyIn = _unsigned


def _unsigned(self: Any, value: Any) -> int:
    number = int(univ.Integer.prettyIn(self, value))
    return number + (1 << 32) if -(1 << 31) <= number < 0 else number
