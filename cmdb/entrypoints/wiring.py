"""Putting the real things together: store, model, clock, ids."""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ulid import ULID

from cmdb.entrypoints.keeper import SNAPSHOT, open_topology
from cmdb.entrypoints.settings import Settings
from cmdb.errors import UsageError
from cmdb.ingest import Ingest
from cmdb.model.registry import Model, load_model
from cmdb.reconcile.belief import sure_by
from cmdb.service.alarm_rules import AlarmRules, built_in_rules, read_rules
from cmdb.service.control import Control, role_of
from cmdb.service.policy import ControlPolicy, built_in_policy, read_policy
from cmdb.service.reviews import Reviews
from cmdb.store.open import open_store
from cmdb.store.protocol import GraphStore, Moment
from cmdb.topology import Topology
from cmdb.topology.past import PastTopologies
from collectors.transport.credentials import Secret

FUTURE_MS = 5 * 60_000  # clocks differ by so much at most


def clock_ms() -> int:
    """Now, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """An id for a new CI: a ULID."""
    return str(ULID())


def resolve_secret(reference: str, setting: str) -> str:
    """The secret that a setting refers to; raises UsageError that names the setting and never shows the secret."""
    try:
        return Secret(reference).reveal().decode("utf-8")
    except UsageError as error:
        raise UsageError(f"{setting}: {error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{setting}: the secret {reference} is not UTF-8") from None


@dataclass(frozen=True)
class Wired:
    """The parts that most commands need."""

    settings: Settings
    store: GraphStore
    model: Model
    ingest: Ingest

    def reviews(self) -> Reviews:
        """What waits for another person."""
        return Reviews(self.ingest, policy_of(self.settings, self.model), role_of(self.settings.roles))

    def policy_changed(self) -> bool:
        """Whether values were derived for another model than the one in use; notes it where they never were."""
        noted = self.store.policy()
        if not noted:
            self.store.note_policy(self.model.version)
        return noted not in ("", self.model.version)

    @property
    def snapshot(self) -> Path:
        """File of the snapshot of the topology."""
        return self.settings.data_dir / SNAPSHOT

    def topology(self) -> Topology:
        """The topology of the graph as it is now."""
        topology = Topology(self.model)
        open_topology(self.store, topology, self.snapshot)
        return topology

    def topology_at(self, moment: Moment | None) -> Topology:
        """The topology of the graph as it was at a moment; None: as it is now."""
        if moment is None:
            return self.topology()
        return PastTopologies(self.store, self.model, is_sure=sure_by(self.model.policy)).at(moment)


def model_of(settings: Settings) -> Model:
    """The model, with the policies of the settings. Raises Invalid that lists all that is wrong with a file."""
    return load_model(precedence=settings.precedence, absence=settings.absence)


def policy_of(settings: Settings, model: Model) -> ControlPolicy:
    """Who may edit what. Raises Invalid that lists all that is wrong with the file."""
    return read_policy(settings.control, model) if settings.control else built_in_policy(model)


def alarm_rules_of(settings: Settings) -> AlarmRules:
    """What alarms say of their CIs. Raises Invalid that lists all that is wrong with the file."""
    return read_rules(settings.alarm_rules) if settings.alarm_rules else built_in_rules()


@contextmanager
def wired(settings: Settings, own: bool = False) -> Iterator[Wired]:
    """Open the store that the settings name, bring its schema up to date, and close it at the end.

    An embedded store that another process has open is used through that process, unless `own` asks for it alone.
    """
    model = model_of(settings)
    policy = policy_of(settings, model)
    store = open_store(
        settings.store_uri or None,
        settings.data_dir,
        model,
        user=settings.store_user,
        password=resolve_secret(settings.store_password, "store_password") if settings.store_password else "",
        database=settings.store_database,
        heap_mb=settings.store_heap_mb,
        attach=not own,
    )
    try:
        control = Control(store, policy, role_of(settings.roles), clock_ms)
        ingest = Ingest(store, model, clock_ms, new_id, control=control, future_ms=FUTURE_MS, role=control.role)
        yield Wired(settings, store, model, ingest)
    finally:
        store.close()


def actor() -> str:
    """Who acts on this command line, for the ledger: `user@host`."""
    try:
        user = getpass.getuser()
    except (
        KeyError,
        OSError,
    ):  # a user that the system has no entry for, as in containers; KeyError before Python 3.13
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
