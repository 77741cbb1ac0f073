"""Opens live sessions: finds the address, and the credential that an agent answers to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Container, Iterator, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from cmdb.errors import CmdbError
from collectors.transport.answers import Oid
from collectors.transport.community import CommunityLink
from collectors.transport.credentials import Community, CommunityVersion, SnmpCredential, UsmUser
from collectors.transport.dialogue import ask
from collectors.transport.engine import MOST_BOOTS, Engine, discover_engine
from collectors.transport.link import Failure, Fault, Link, Reply, Request
from collectors.transport.session import Stage, TransportFailure
from collectors.transport.snmp import SYS_UP_TIME, Agent, Limits, LiveSession
from collectors.transport.udp import Endpoint, Place, resolve
from collectors.transport.usm import EnginePool

SYS_OBJECT_ID: Oid = (1, 3, 6, 1, 2, 1, 1, 2, 0)
SNMP_ENGINE_ID: Oid = (1, 3, 6, 1, 6, 3, 10, 2, 1, 1, 0)
PROBE = Request((SYS_OBJECT_ID, SYS_UP_TIME))

_MOST_COMMUNITIES_AT_ONCE = 3  # each wrong one may send a trap
_WORST_FIRST = (Fault.WRONG_CREDENTIAL, Fault.DENIED, Fault.GARBAGE, Fault.REFUSED, Fault.SILENCE)


@dataclass(frozen=True)
class Probing:
    """Waiting times of probes in seconds, one per attempt; `grace_s` is how much later an earlier credential may
    answer and still win.
    """

    waits: tuple[float, ...] = (1.0, 1.0)
    grace_s: float = 0.1


@dataclass
class Client:
    """Opens sessions for one worker (one event loop), one at a time with each agent, under whatever names it is asked.

    `remembered` maps names of targets to names of the credentials that worked; those are tried first.
    """

    limits: Limits = field(default_factory=Limits)
    probing: Probing = field(default_factory=Probing)
    remembered: MutableMapping[str, str] = field(default_factory=dict)
    _engines: EnginePool | None = None
    _conversations: WeakValueDictionary[Place, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    @asynccontextmanager
    async def open(
        self,
        target: str,
        host: str,
        port: int,
        credentials: Sequence[SnmpCredential],
        budget_s: float,
        exclude: Container[str] = (),
    ) -> AsyncIterator[LiveSession]:
        """A session with the agent at `host`, as the first credential it answers to.

        Walks end after `budget_s` seconds from now. Addresses in `exclude` are left alone, also where a name leads to
        one. Raises TransportFailure.
        """
        deadline = asyncio.get_running_loop().time() + budget_s
        if not credentials:
            raise TransportFailure(target, "probe", "NO_CREDENTIAL", "no SNMP credential is bound to its scope")
        place = await _resolve(target, host, port)
        if place.address in exclude:
            raise TransportFailure(
                target, "resolve", "EXCLUDED", f"{host} is {place.address}, which its scope excludes"
            )
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._conversations.setdefault(place, asyncio.Lock()))
            try:
                endpoint = Endpoint(place)
            except OSError as error:
                raise TransportFailure(target, "probe", "REFUSED", error.strerror or str(error)) from error
            stack.callback(endpoint.close)
            credential, link = await self._choose(target, endpoint, credentials, stack)
            self.remembered[target] = credential.name
            yield LiveSession(Agent(target, place.address, link, self.limits, deadline))

    async def _choose(
        self, target: str, endpoint: Endpoint, credentials: Sequence[SnmpCredential], stack: AsyncExitStack
    ) -> tuple[SnmpCredential, Link]:
        """Try the credentials in order, the remembered one first; raises TransportFailure that says the worst."""
        first = self.remembered.get(target)
        order = sorted(credentials, key=lambda credential: credential.name != first)
        failures: list[tuple[SnmpCredential, Failure]] = []
        engine: Engine | Failure | None = None
        for group in _groups(order):
            if isinstance(group, UsmUser):
                engine = engine or await discover_engine(endpoint, self.probing.waits)
                found: Link | Failure = engine if isinstance(engine, Failure) else Failure(Fault.SILENCE)
                if isinstance(engine, Engine):
                    found = await self._as_user(target, endpoint, group, engine, stack)
                if not isinstance(found, Failure):
                    return group, found
                failures.append((group, found))
            else:
                chosen = await self._as_community(target, endpoint, group)
                if not isinstance(chosen, Failure):
                    return chosen
                failures += [(credential, chosen) for credential in group]
            if failures[-1][1].fault is Fault.REFUSED:
                break
        else:
            older = await self._as_version_1(target, endpoint, order)
            if older:
                return older
        raise _no_way(target, failures)

    async def _as_version_1(
        self, target: str, endpoint: Endpoint, order: Sequence[SnmpCredential]
    ) -> tuple[SnmpCredential, Link] | None:
        """Some agents know no version 2c: the last resort where nothing else was answered."""
        older = [c for c in order if isinstance(c, Community) and c.version == "v2c"]
        for group in _groups(older):
            if not isinstance(group, UsmUser):
                chosen = await self._as_community(target, endpoint, group, "v1")
                if not isinstance(chosen, Failure):
                    return chosen
        return None

    async def _as_user(
        self, target: str, endpoint: Endpoint, user: UsmUser, engine: Engine, stack: AsyncExitStack
    ) -> Link | Failure:
        self._engines = self._engines or EnginePool()
        attempt = AsyncExitStack()
        try:
            link = await attempt.enter_async_context(self._engines.link(endpoint, user, engine.id))
        except CmdbError as error:
            raise TransportFailure(target, "auth", "NO_CREDENTIAL", str(error)) from error
        try:
            result = await ask(link, lambda _: PROBE, self.probing.waits)
        except BaseException:
            await attempt.aclose()
            raise
        if isinstance(result, Reply) and result.status == 0:
            stack.push_async_callback(attempt.aclose)
            return link
        await attempt.aclose()
        if isinstance(result, Reply):
            return Failure(Fault.DENIED, f"error {result.status} to a GET")
        if result.fault is Fault.SILENCE and link.heard:
            return _fell_silent(user, engine)
        return result

    async def _as_community(
        self, target: str, endpoint: Endpoint, group: Sequence[Community], version: CommunityVersion | None = None
    ) -> tuple[SnmpCredential, Link] | Failure:
        """Try communities side by side: a wrong one is silence."""
        try:
            secrets = [credential.community.reveal() for credential in group]
        except CmdbError as error:
            raise TransportFailure(target, "auth", "NO_CREDENTIAL", str(error)) from error
        links = [CommunityLink(endpoint, version or c.version, s) for c, s in zip(group, secrets, strict=True)]
        results = await self._race(links)
        chosen: tuple[SnmpCredential, Link] | None = None
        failures = [Failure(Fault.SILENCE)]
        for credential, link, result in zip(group, links, results, strict=True):
            if isinstance(result, Reply) and not chosen:
                chosen = credential, link
                continue
            link.close()
            if isinstance(result, Failure):
                failures.append(result)
        return chosen or min(failures, key=lambda failure: _WORST_FIRST.index(failure.fault))

    async def _race(self, links: Sequence[Link]) -> list[Reply | Failure]:
        """Probe side by side; when one answers, those before it in the order get a little time more."""
        tasks = [asyncio.ensure_future(ask(link, lambda _: PROBE, self.probing.waits)) for link in links]
        try:
            waiting = set(tasks)
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if any(isinstance(task.result(), Reply) for task in done):
                    if waiting:
                        await asyncio.wait(waiting, timeout=self.probing.grace_s)
                    break
            return [task.result() if task.done() else Failure(Fault.SILENCE) for task in tasks]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _fell_silent(user: UsmUser, engine: Engine) -> Failure:
    """What it means that an agent told its clock, for which it checks name and digest first, and then nothing more."""
    if engine.boots == MOST_BOOTS:
        return Failure(Fault.DENIED, f"its engineBoots are at their end, {MOST_BOOTS}: set its engine up anew")
    if user.priv:
        return Failure(Fault.WRONG_CREDENTIAL, "it takes the name and the auth secret: priv or priv_secret is wrong")
    return Failure(Fault.SILENCE, "it takes the name and the auth secret, and then says nothing")


def _groups(credentials: Sequence[SnmpCredential]) -> Iterator[UsmUser | list[Community]]:
    """Users one by one; communities that follow each other together, as many as may be tried at once."""
    group: list[Community] = []
    for credential in credentials:
        if isinstance(credential, Community) and len(group) < _MOST_COMMUNITIES_AT_ONCE:
            group.append(credential)
            continue
        if group:
            yield group
            group = []
        if isinstance(credential, Community):
            group.append(credential)
        else:
            yield credential
    if group:
        yield group


async def _resolve(target: str, host: str, port: int) -> Place:
    try:
        return (await resolve(host, port))[0]
    except (OSError, UnicodeError) as error:
        detail = f"{host!r} has no address: {error.args[-1] if error.args else error}"
        raise TransportFailure(target, "resolve", "UNKNOWN_HOST", detail) from error


def _no_way(target: str, failures: Sequence[tuple[SnmpCredential, Failure]]) -> TransportFailure:
    """The failure of all credentials as one: what an agent said counts more than silence."""
    _, worst = min(failures, key=lambda pair: _WORST_FIRST.index(pair[1].fault))
    tried = ", ".join(credential.name for credential, _ in failures)
    stage: Stage = "auth" if worst.fault in (Fault.WRONG_CREDENTIAL, Fault.DENIED) else "probe"
    hints = {
        Fault.SILENCE: "no answer: nobody is there, a filter is between, or the community is wrong",
        Fault.REFUSED: "nothing listens on that port",
        Fault.GARBAGE: "what answers there does not speak SNMP",
        Fault.WRONG_CREDENTIAL: "the agent refuses the user or its keys",
        Fault.DENIED: "the agent refuses access",
    }
    said = f" ({worst.detail})" if worst.detail else ""
    return TransportFailure(target, stage, worst.fault.value, f"{hints[worst.fault]}{said}; tried {tried}")
