"""Many writers, and connections that break: nothing twice, nothing by half, nothing lost. On both engines."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from neo4j import Transaction

from cmdb.changes import ChangeSet, LinkFacet, SetRelationship
from cmdb.errors import Denied, Invalid, Unreachable
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.store.engine import Endpoint
from cmdb.store.open import open_store
from cmdb.store.protocol import Conflict
from tests.contracts.build import AT, ORIGIN, changed, commit, device, relationship, target
from tests.contracts.proxy import Moment, Proxy
from tests.contracts.replay import replayed, stored

ROOT = Path(__file__).parents[2]


def test_two_processes_of_eight_threads_double_nothing(any_store: BoltStore) -> None:
    endpoint = any_store.connection.endpoint
    given = {"W_URI": endpoint.uri, "W_DB": endpoint.database, "W_USER": endpoint.user, "W_PASSWORD": endpoint.password}
    command = [sys.executable, "-m", "tests.contracts.writers"]
    processes = [
        subprocess.Popen(
            [*command, str(n), "8", "4"], cwd=ROOT, env={**os.environ, **given}, stdout=subprocess.PIPE, text=True
        )
        for n in range(2)
    ]
    said = [p.communicate(timeout=120)[0].strip() for p in processes]

    assert said == ["done", "done"]
    assert any_store.head().sequence <= 64
    assert stored(any_store) == replayed(any_store)
    names = [c.name for c in any_store.scan_cis() if c.ci_class == "NetworkDevice"]
    assert len(names) == len(set(names)) > 20


def test_of_many_commits_behind_one_head_exactly_one_wins(any_store: BoltStore) -> None:
    start, outcomes = threading.Barrier(8), []

    def race(n: int) -> None:
        start.wait()
        try:
            outcomes.append(any_store.commit(ChangeSet(AT, [device(f"d{n}")]), 0, "test", "race"))
        except Conflict:
            outcomes.append(0)

    threads = [threading.Thread(target=race, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [0] * 7 + [1]
    assert len(list(any_store.scan_cis())) == 1


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_a_connection_lost_at_the_commit_applies_it_once(any_store: BoltStore, model: Model, moment: Moment) -> None:
    endpoint = any_store.connection.endpoint
    with Proxy(urlsplit(endpoint.uri).port or 0) as proxy:
        through = BoltStore(replace(endpoint, uri=f"bolt://127.0.0.1:{proxy.port}"), model)
        commit(through, device("d1"))
        proxy.cut = moment
        sequence = commit(through, device("d2"), changed(device("d1"), vendor="cisco"))
        through.close()

    assert proxy.cuts == 1
    assert sequence == 2
    assert {c.id: c.revision for c in any_store.cis(["d1", "d2"])} == {"d1": 2, "d2": 1}
    assert stored(any_store) == replayed(any_store)


@pytest.mark.neo4j
def test_what_a_vanished_connection_left_open_is_ended_before_writing_again(
    neo4j_store: BoltStore, model: Model
) -> None:
    endpoint = neo4j_store.connection.endpoint
    lock = "MATCH (h:Ledger {id: 'head'}) SET h.lock = 'me' RETURN h.seq"
    named = (
        "SHOW TRANSACTIONS YIELD metaData AS about, status WHERE about.cmdb IS NOT NULL AND status = 'Running'"
        " RETURN count(*)"
    )
    running: list[int] = []
    with Proxy(urlsplit(endpoint.uri).port or 0) as proxy:
        through = BoltStore(replace(endpoint, uri=f"bolt://127.0.0.1:{proxy.port}"), model)

        def work(tx: Transaction) -> int:
            running.append(neo4j_store.connection.rows(named)[0][0])  # `tx` itself, and what was left
            found: int = tx.run(lock).values()[0][0]
            proxy.cut = "never" if proxy.cuts else "before_commit"
            return found

        assert through.connection.write(work, lambda: None) == 0
        through.close()

    assert proxy.cuts == 1
    assert running == [1, 1]


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_working_state_lost_at_the_commit_is_planned_again_at_most(
    any_store: BoltStore, model: Model, moment: Moment
) -> None:
    endpoint = any_store.connection.endpoint
    with Proxy(urlsplit(endpoint.uri).port or 0) as proxy:
        through = BoltStore(replace(endpoint, uri=f"bolt://127.0.0.1:{proxy.port}"), model)
        commit(through, device("d1"), targets=[target()])
        proxy.cut = moment
        try:
            commit(through, targets=[target(was=AT, at=AT + 1)])
        except Conflict:
            assert moment == "after_commit"
        through.close()

    assert proxy.cuts == 1
    assert any_store.targets([ORIGIN])[ORIGIN].last_seen == AT + 1


def test_a_statement_that_fails_leaves_nothing_of_the_ones_before(any_store: BoltStore) -> None:
    commit(any_store, device("d1"))

    with pytest.raises(Invalid):
        commit(any_store, *(device(f"n{n}") for n in range(50)), device("d1"), *(device(f"m{n}") for n in range(50)))

    assert [c.id for c in any_store.scan_cis()] == ["d1"]


def test_relationships_of_a_hub_change_about_as_fast_as_others(any_store: BoltStore) -> None:
    leaves = range(6_000)
    commit(any_store, device("hub"), *(device(f"l{n:05}") for n in leaves))
    commit(any_store, *(relationship(f"l{n:05}", "DEPENDS_ON", "hub") for n in leaves))
    commit(any_store, *(relationship(f"l{n:05}", "LOCATED_IN", f"l{n + 1:05}") for n in range(1_000)))

    def seconds_to_change(type_: str, to_hub: bool) -> float:
        facets = {ORIGIN: LinkFacet(AT, "file", {})}
        rows = [
            SetRelationship(f"l{n:05}", type_, "hub" if to_hub else f"l{n + 1:05}", {}, facets) for n in range(1_000)
        ]
        started = time.perf_counter()
        commit(any_store, *rows)
        return time.perf_counter() - started

    plain, hub = seconds_to_change("LOCATED_IN", False), seconds_to_change("DEPENDS_ON", True)
    page = any_store.neighbours(["hub"], first=10)["hub"]

    assert hub < 8 * plain + 1, "from the hub it takes 6,000 steps for each of the 1,000"
    assert (page.total, len(page.neighbours), page.more) == (6_000, 10, True)
    assert any_store.connection.rows("MATCH (v:RelVersion) RETURN count(v)") == [[2_000]]


def test_load_csv_reaches_no_file_and_no_address(any_store: BoltStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        for url in (f"http://127.0.0.1:{listener.getsockname()[1]}/x.csv", "file:///etc/passwd"):
            with pytest.raises(Exception, match=r"(?i)load|csv|url|access|allow|forbid|refus"):
                any_store.connection.rows("LOAD CSV FROM $url AS r RETURN r LIMIT 1", url=url)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_store_that_is_away_says_what_to_do(model: Model, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    away = BoltStore(Endpoint(f"bolt://127.0.0.1:{port}", "x", "me", "s3cret-words", patience_s=0.1), model)

    def write() -> None:
        away.commit(ChangeSet(AT, [device("d1")]), 0, "test", "in vain")

    for call in (away.ping, away.head, away.migrate, write):
        with pytest.raises(Unreachable, match="check that it runs") as caught:
            call()
        assert "s3cret" not in str(caught.value)
    away.close()
    with pytest.raises(Unreachable, match=str(port)):
        open_store(f"bolt://127.0.0.1:{port}", tmp_path, model, "me", "s3cret-words")


def test_wrong_credentials_are_denied(any_store: BoltStore, model: Model) -> None:
    wrong = BoltStore(replace(any_store.connection.endpoint, password="not-it-at-all"), model)

    with pytest.raises(Denied, match="credentials") as caught:
        wrong.ping()
    wrong.close()

    assert "not-it-at-all" not in str(caught.value) + repr(wrong.connection.endpoint)


def test_two_commits_never_have_one_number(any_store: BoltStore) -> None:
    commit(any_store, device("d1"))

    with pytest.raises(Invalid, match="duplicate"):
        any_store.connection.write(lambda tx: tx.run("CREATE (:Commit {seq: 1})").consume(), lambda: None)


def test_a_routed_address_works_as_well(any_store: BoltStore, model: Model) -> None:
    endpoint = any_store.connection.endpoint
    routed = BoltStore(replace(endpoint, uri=endpoint.uri.replace("bolt://", "neo4j://")), model)
    commit(routed, device("d1"))
    head = routed.head()
    routed.close()

    assert head == any_store.head()
    assert head.sequence == 1
