"""Talk Bolt: transactions, retries, and driver errors turned into ours."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from neo4j import READ_ACCESS, WRITE_ACCESS, GraphDatabase, Transaction
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    Forbidden,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from cmdb.errors import CmdbError, Denied, Invalid, LimitExceeded, Unreachable, UsageError
from cmdb.store.engine import Endpoint

READ_TIMEOUT_S = 60.0
WRITE_TIMEOUT_S = 120.0
CONNECT_TIMEOUT_S = 5.0
LEAST_FREE_BYTES = 64 << 20  # the engine makes its files longer in steps, and gives room back when a write fails
MAX_CONFLICTS = 3  # a constraint that fails this often with the head unmoved is no lost race
MAX_TRANSIENT = 14  # with the delays below: about 4 s
NAMED = "cmdb"  # the key of a transaction's metadata under which it has its name
END_NAMED = (
    f"SHOW TRANSACTIONS YIELD transactionId AS id, metaData AS about WHERE about.{NAMED} = $name"
    " TERMINATE TRANSACTIONS id YIELD message RETURN count(message)"
)
_HAS_STOPPED = "needs to be restarted"  # Neo4j, after it could not write its log; no code of its own tells it
FIRST_DELAY_S, LONGEST_DELAY_S = 0.01, 0.5

T = TypeVar("T")
Work = Callable[[Transaction], T]

# Both engines tell at each start of a subquery with WITH that there is a newer form; the embedded one lacks that form.
logging.getLogger("neo4j.notifications").setLevel(logging.ERROR)


class Connection:
    """A pool of connections to one database. Safe from several threads; one writer at a time."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Prepare, but don't connect yet. Raises UsageError for an address that can't be one."""
        self.endpoint = endpoint
        self._gate = threading.Lock()  # a second writer here would only wait for the first one in the store, or lose
        self.queries = 0  # reads so far: what an answer costs must not grow with its rows
        self._name = f"{os.getpid()}-{os.urandom(6).hex()}"  # what our writing transactions are called in the store
        self._shared = _Shared()
        try:
            self._driver = GraphDatabase.driver(
                endpoint.uri,
                auth=(endpoint.user, endpoint.password) if endpoint.user else None,
                connection_timeout=CONNECT_TIMEOUT_S,
                connection_acquisition_timeout=30,
                max_connection_pool_size=40,
                user_agent="cmdb",
            )
        except (ConfigurationError, ValueError) as error:
            raise UsageError(
                f"{endpoint.uri!r} is not the address of a store: write bolt://HOST:PORT or neo4j://HOST:PORT"
            ) from error

    def close(self) -> None:
        """Give the connections back."""
        self._driver.close()

    def agent(self) -> str:
        """How the server names itself, with its version. Raises Unreachable or Denied at once, without patience."""
        try:
            agent = self._driver.get_server_info().agent
            self.attempt(lambda tx: tx.run("RETURN 1").consume(), READ_ACCESS, READ_TIMEOUT_S)
        except (DriverError, Neo4jError, OSError) as error:
            raise self.explain(error) from error
        return agent

    def rows(self, cypher: str, **parameters: Any) -> list[list[Any]]:
        """Run one reading statement and return its rows."""
        return self.read(lambda tx: tx.run(cypher, parameters).values())

    def bulk(self, cypher: str, **parameters: Any) -> list[list[Any]]:
        """Like `rows`, where there may be many: they come as one record, for each record costs the driver some 30 µs.

        The statement ends with a RETURN of plain columns, and its rows must fit into the memory of the store.
        """
        return self.bulks((cypher,), **parameters)[0]

    def bulks(self, statements: tuple[str, ...], **parameters: Any) -> list[list[list[Any]]]:
        """Like `bulk` for some statements, each read behind the one before it, in one message: to go there and back
        takes longer than to find a few rows. They share the parameters.
        """
        found: list[list[list[Any]]] = self.rows(_as_one(statements), **parameters)[0]
        return found

    def rows_of(self, statements: Iterable[str], **parameters: Any) -> list[list[Any]]:
        """Run some reading statements with the same parameters in one transaction and return the rows of all."""
        return self.read(lambda tx: [row for one in statements for row in tx.run(one, parameters).values()])

    def read(self, work: Work[T]) -> T:
        """Read in one transaction; repeated while the store is away, up to the endpoint's patience."""
        self.queries += 1
        if self._shared.is_wanted:
            try:
                return work(self._shared_transaction())
            except (DriverError, Neo4jError, OSError):
                self._shared.leave()  # a transaction of its own has patience, and words for what is wrong
        return self._persist(work, READ_ACCESS, READ_TIMEOUT_S, None)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let the reads of this thread share a transaction, which spares each two round trips; nothing is written in
        it. It promises no more than separate ones: what others commit meanwhile may be seen.
        """
        if self._shared.is_wanted:
            yield
            return
        self._shared.is_wanted = True
        try:
            yield
            self._shared.end()
        finally:
            self._shared.leave()

    def _shared_transaction(self) -> Transaction:
        if self._shared.transaction is None:
            session = self._driver.session(database=self.endpoint.database, default_access_mode=READ_ACCESS)
            self._shared.stack.enter_context(session)
            self._shared.transaction = session.begin_transaction(timeout=READ_TIMEOUT_S)
            self._shared.stack.enter_context(self._shared.transaction)
        return self._shared.transaction

    def write(self, work: Work[T], applied: Callable[[], T | None]) -> T:
        """Write in one transaction, one writer at a time.

        Where the connection is lost, `applied` must find out whether the transaction took hold: None means that it
        did not.
        """
        with self._gate:
            return self._persist(work, WRITE_ACCESS, WRITE_TIMEOUT_S, applied)

    def schema(self, statement: str) -> int:
        """Run one statement that changes the schema, in a transaction of its own; return what it counts, else 0."""

        def work(tx: Transaction) -> int:
            found = tx.run(statement).values()
            return found[0][0] if found and isinstance(found[0][0], int) else 0

        return self._persist(work, WRITE_ACCESS, WRITE_TIMEOUT_S, None)

    def settle(self, lock: Work[Any]) -> None:
        """Take a lock and let it go, once, so that whatever was before it is decided."""
        self.attempt(lock, WRITE_ACCESS, WRITE_TIMEOUT_S)

    def attempt(self, work: Work[T], mode: str, timeout_s: float) -> T:
        """Run one transaction once; errors are the driver's."""
        with (
            self._driver.session(database=self.endpoint.database, default_access_mode=mode) as session,
            session.begin_transaction({NAMED: self._name} if mode == WRITE_ACCESS else None, timeout_s) as tx,
        ):
            result = work(tx)
            tx.commit()
            return result

    def _end_own(self) -> None:
        """End the transaction of ours that a lost connection may have left open: Neo4j would keep its lock until its
        time limit. The embedded engine has none of those, and lets the slower of two writers fail.
        """

        def end(tx: Transaction) -> None:
            if tx.run("RETURN 1").consume().server.agent.startswith("Neo4j/"):
                tx.run(END_NAMED, name=self._name).consume()

        self.attempt(end, READ_ACCESS, READ_TIMEOUT_S)

    def _persist(self, work: Work[T], mode: str, timeout_s: float, applied: Callable[[], T | None] | None) -> T:
        lost_until, conflicts, delays = 0.0, 0, _delays()
        while True:
            try:
                if lost_until and applied is not None:
                    self._end_own()
                    if (known := applied()) is not None:
                        return known
                return self.attempt(work, mode, timeout_s)
            except ConstraintError as error:
                conflicts += 1  # on the embedded engine a lost race shows like this
                if conflicts >= MAX_CONFLICTS:
                    raise self.explain(error) from error
            except (DriverError, Neo4jError, OSError) as error:
                if _is_lost(error):
                    lost_until = lost_until or time.monotonic() + self.endpoint.patience_s
                    if time.monotonic() > lost_until:
                        raise self.explain(error) from error
                elif not isinstance(error, TransientError) or next(delays, None) is None:
                    raise self.explain(error) from error
            time.sleep(next(delays, LONGEST_DELAY_S))

    def explain(self, error: Exception) -> CmdbError:
        """An error of the driver in our words; it never holds a credential."""
        where, folder = f"the store at {self.endpoint.uri}", self.endpoint.folder
        if folder is not None and (free := _free_bytes(folder)) < LEAST_FREE_BYTES:
            return LimitExceeded(
                f"{where} can't write: the disk of {folder} has {free >> 20} MiB left, and it wants"
                f" {LEAST_FREE_BYTES >> 20}. Make room and do it again; what was acknowledged before is there, nothing"
                f" of this write is ({_brief(error)})"
            )
        if isinstance(error, AuthError):
            return Denied(
                f"{where} refused the credentials of user {self.endpoint.user!r}: check user and password reference"
            )
        if _is_lost(error) or isinstance(error, DriverError | OSError):
            return Unreachable(
                f"{where} does not answer: check that it runs and that the address is right ({_brief(error)})"
            )
        if isinstance(error, Forbidden):
            return Denied(f"{where} does not let user {self.endpoint.user!r} do this ({_brief(error)})")
        if isinstance(error, ConstraintError):
            return Invalid(f"{where} refused a duplicate, nothing was written ({_brief(error)})")
        if _HAS_STOPPED in _brief(error):
            return Unreachable(
                f"{where} has stopped working, as it does when its disk is full: make room, then start it again. What"
                " was acknowledged is there; what was under way may be there too: look before you do it again"
                f" ({_brief(error)})"
            )
        if "TimedOut" in (getattr(error, "code", "") or ""):
            return LimitExceeded(
                f"{where} took longer than the time limit of a transaction: ask for less ({_brief(error)})"
            )
        if isinstance(error, TransientError):
            return Unreachable(f"{where} is too busy: try again later ({_brief(error)})")
        return CmdbError(f"{where} refused a statement ({_brief(error)})")


class _Shared(threading.local):
    """The transaction that the reads of a thread share, if they do."""

    def __init__(self) -> None:
        self.is_wanted = False
        self.transaction: Transaction | None = None
        self.stack = ExitStack()

    def end(self) -> None:
        """Give the connection back in order; what went wrong in it does not matter any more."""
        if self.transaction is not None:
            with suppress(DriverError, Neo4jError, OSError):
                self.transaction.commit()
        self.leave()

    def leave(self) -> None:
        """Let the reads that follow have transactions of their own."""
        self.is_wanted, self.transaction = False, None
        with suppress(DriverError, Neo4jError, OSError):
            self.stack.close()


@cache
def _as_one(statements: tuple[str, ...]) -> str:
    """One statement with a column for each of some, all its rows as a list."""
    listed = []
    for n, statement in enumerate(statements):
        before, _, columns = statement.rpartition(" RETURN ")
        listed.append(f"{before} RETURN collect([{columns}]) AS r{n}")
    if len(listed) == 1:
        return listed[0]
    calls = " ".join(f"CALL {{ {one} }}" for one in listed)
    return f"{calls} RETURN {', '.join(f'r{n}' for n in range(len(listed)))}"


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return LEAST_FREE_BYTES  # not known


def _delays() -> Any:
    return (min(LONGEST_DELAY_S, FIRST_DELAY_S * 2**n) for n in range(MAX_TRANSIENT))


def _is_lost(error: Exception) -> bool:
    """Whether the server is away, or back but not yet open: then the same may work later."""
    if isinstance(error, ClientError):
        return error.code in (
            "Neo.ClientError.Database.DatabaseNotFound",
            "Neo.ClientError.Database.DatabaseUnavailable",
        )
    if isinstance(error, TransientError):
        return error.code == "Neo.TransientError.General.DatabaseUnavailable"
    return isinstance(error, ServiceUnavailable | SessionExpired | OSError)


def _brief(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:300]
