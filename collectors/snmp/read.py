"""Reads from one SNMP agent what the interpreters understand, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from collectors.snmp.catalogue import catalogue
from collectors.snmp.choose import choose, probes
from collectors.snmp.inventory_tables import BATTERY_STATUS, INSTALLED, INVENTORY, INVENTORY_TABLES, RATINGS
from collectors.snmp.maker_tables import is_asked
from collectors.snmp.reads import (
    FDB,
    FDB_VLAN,
    GROUPS,
    IN_CONTEXTS,
    IN_VRFS,
    KIND,
    LAYERS,
    SURROUNDINGS,
    SYSTEM,
    TABLES,
    VTP,
)
from collectors.snmp.rows import rows
from collectors.snmp.system import asked
from collectors.snmp.table import Table
from collectors.snmp.text import integer
from collectors.snmp.vrfs import contexts
from collectors.transport.answers import Answers, Oid, Outcome, Walk
from collectors.transport.session import SnmpSession, TransportFailure

BY_NAME = {table.name: table for table in (*TABLES, *INVENTORY_TABLES, *LAYERS, *GROUPS, *SURROUNDINGS)}
OPERATIONAL, ETHERNET = 1, 1  # vtpVlanState, vtpVlanType
UNUSED_VLANS = frozenset(range(1002, 1006))  # token ring and FDDI of old; their communities cause authentication traps
MAX_CONTEXTS = 256
MAX_SILENT = 3  # contexts in a row without any answer: the agent has none, or its view hides them
MAX_OIDS_PER_GET = 20  # a request of 20 OIDs stays far below any agent's message size


async def read_device(session: SnmpSession, around: Sequence[Table] = SURROUNDINGS) -> Answers:
    """Read one agent: the system group first, then what its profile asks for, then the wanted columns.

    `around` are those of its surroundings that are read. Raises TransportFailure where the agent does not answer for
    its system group; what fails later is a value.
    """
    answers = Answers()
    answers.scalars.update(await session.get(list(SYSTEM.values())))
    await _get(session, answers, KIND.values())
    await _get(session, answers, probes(catalogue(), asked(answers)))
    profile = choose(catalogue(), asked(answers))
    await _get(session, answers, profile.scalars())
    for column in profile.columns():
        await _walk(session, answers, column)
    for table in profile.tables():
        await _read_table(session, answers, table)
    of_class = INVENTORY.get(profile.ci_class, ()) if profile.ci_class else INVENTORY_TABLES
    if profile.ci_class in (None, "PowerDevice"):
        await _get(session, answers, [BATTERY_STATUS, *(o for some in RATINGS.values() for o in some)])
    maker = asked(answers).sys_object_id
    for table in (*TABLES, INSTALLED, *of_class, *LAYERS, *GROUPS, *around):
        if is_asked(table, maker) and _is_due(answers, table):
            await _read_table(session, answers, table)
    if FDB in around and not _has_rows(answers, FDB_VLAN):  # Cisco IOS and CatOS: VTP, and no Q-BRIDGE table
        await _read_contexts(session, answers, [f"vlan-{vlan}" for vlan in active_vlans(answers)], IN_CONTEXTS)
    await _read_contexts(session, answers, contexts(answers), IN_VRFS)
    return answers


def _is_due(answers: Answers, table: Table) -> bool:
    """Whether the tables that it follows, or stands in for, had rows or had none."""
    if table.after and not _has_rows(answers, BY_NAME[table.after]):
        return False
    return not table.without or not _has_rows(answers, BY_NAME[table.without])


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


def _has_rows(answers: Answers, table: Table) -> bool:
    """Whether any column of a table was read and has a row."""
    walks = (answers.tables.get(root) for root in table.columns.values())
    return any(walk is not None and walk.varbinds for walk in walks)


def active_vlans(answers: Answers) -> list[int]:
    """VLANs that a Cisco agent has a context for: Ethernet ones that are operational (CISCO-VTP-MIB)."""
    found = {
        index[-1]
        for index, row in rows(answers, VTP).items()
        if integer(row.get("state")) == OPERATIONAL and integer(row.get("type")) in (ETHERNET, None)
    }
    return sorted(found - UNUSED_VLANS)


async def _read_contexts(session: SnmpSession, answers: Answers, names: Iterable[str], tables: Sequence[Table]) -> None:
    """Read tables in the contexts of VLANs or routing instances.

    Contexts that are silent are noted only where another one answered: else the agent just has no contexts.
    """
    answered: dict[str, Answers] = {}
    silent: dict[str, Answers] = {}
    for name in list(names)[:MAX_CONTEXTS]:
        found = await _read_context(session.context(name), tables)
        if _is_silent(found):
            silent[name] = found
            if len(silent) >= MAX_SILENT and not answered:
                return
        else:
            answered[name] = found
    if answered:
        answers.contexts.update(answered | silent)


async def _read_context(session: SnmpSession, tables: Sequence[Table]) -> Answers:
    """Read tables in one context, the first one only where that is silent."""
    found = Answers()
    for table in tables:
        await _read_table(session, found, table)
        if _is_silent(found):
            break
    return found


def _is_silent(answers: Answers) -> bool:
    return all(walk.outcome is Outcome.TIMEOUT for walk in answers.tables.values())
