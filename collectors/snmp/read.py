"""Reads from one SNMP agent what the interpreters understand, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from collectors.snmp.catalogue import catalogue
from collectors.snmp.choose import choose, probes
from collectors.snmp.reads import KIND, SYSTEM, TABLES, Table
from collectors.snmp.system import facts
from collectors.transport.answers import Answers, Oid, Outcome, Walk
from collectors.transport.session import SnmpSession, TransportFailure

MAX_OIDS_PER_GET = 20  # a request of 20 OIDs stays far below any agent's message size


async def read_device(session: SnmpSession) -> Answers:
    """Read one agent: the system group first, then what its profile asks for, then the wanted columns.

    Raises TransportFailure where the agent does not answer for its system group; what fails later is a value.
    """
    answers = Answers()
    answers.scalars.update(await session.get(list(SYSTEM.values())))
    await _get(session, answers, KIND.values())
    await _get(session, answers, probes(catalogue(), facts(answers)))
    profile = choose(catalogue(), facts(answers))
    await _get(session, answers, profile.scalars())
    for column in profile.columns():
        await _walk(session, answers, column)
    for table in TABLES:
        await _read_table(session, answers, table)
    return answers


async def _get(session: SnmpSession, answers: Answers, oids: Iterable[Oid]) -> None:
    """Read scalars; where the agent falls silent, each of them is noted as a subtree that timed out."""
    wanted = [o for o in dict.fromkeys(oids) if o not in answers.scalars]
    for start in range(0, len(wanted), MAX_OIDS_PER_GET):
        some = wanted[start : start + MAX_OIDS_PER_GET]
        try:
            answers.scalars.update(await session.get(some))
        except TransportFailure as failure:
            answers.tables.update({o: Walk(o, Outcome.TIMEOUT, detail=failure.detail) for o in some})


async def _walk(session: SnmpSession, answers: Answers, root: Oid) -> bool:
    """Walk one column once; says whether it has a row."""
    if root not in answers.tables:
        answers.tables[root] = await session.walk(root)
    return bool(answers.tables[root].varbinds)


async def _read_table(session: SnmpSession, answers: Answers, table: Table) -> None:
    """Read the probes, and the other columns where the agent has the table at all."""
    has_rows = [await _walk(session, answers, table.columns[name]) for name in table.probes]
    if not any(has_rows):
        return
    for root in table.columns.values():
        await _walk(session, answers, root)
