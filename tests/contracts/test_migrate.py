"""Migrations: once, in order, by one process, and never backwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmdb.errors import Invalid, Unreachable
from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.store.dialect import EMBEDDED, NEO4J, dialect_of
from cmdb.store.migrate import migrate, read_migrations
from tests.contracts.test_ingest import ids
from tests.reports import device, report

AT = 1_700_000_000_000


@pytest.fixture
def bare(any_store: BoltStore) -> Iterator[BoltStore]:
    """A store that remembers no migration; its own are put back at the end."""

    def forget() -> None:
        statement = "MATCH (m) WHERE m:Migration OR (m:Ledger AND m.id <> 'first slots') DETACH DELETE m"
        any_store.connection.write(lambda tx: tx.run(statement).consume(), lambda: None)

    forget()
    yield any_store
    forget()
    any_store.migrate()


def files(folder: Path, *texts: str) -> Path:
    for number, text in enumerate(texts, 1):
        (folder / f"V{number:04}__step_{number}.cypher").write_text(text)
    return folder


def run(store: BoltStore, folder: Path, now_ms: int = AT) -> list[str]:
    dialect = dialect_of(store.ping())
    return migrate(store.connection, dialect, read_migrations(dialect, folder), now_ms)


def test_each_runs_once_and_in_order(bare: BoltStore, tmp_path: Path) -> None:
    files(tmp_path, "CREATE (:Probe {n: 1});\n// a comment; with a semicolon\nCREATE (:Probe {n: 2});\n")

    assert run(bare, tmp_path) == ["V0001__step_1"]
    assert run(bare, tmp_path) == []
    files(tmp_path, (tmp_path / "V0001__step_1.cypher").read_text(), "MATCH (p:Probe) SET p.n = p.n * 10")
    assert run(bare, tmp_path) == ["V0002__step_2"]
    assert sorted(bare.connection.rows("MATCH (p:Probe) RETURN p.n")) == [[10], [20]]
    assert bare.connection.rows("MATCH (m:Migration) RETURN m.version, m.at ORDER BY m.version") == [[1, AT], [2, AT]]


def test_a_store_newer_than_the_program_is_refused(bare: BoltStore, tmp_path: Path) -> None:
    files(tmp_path, "RETURN 1", "RETURN 2")
    run(bare, tmp_path)
    (tmp_path / "V0002__step_2.cypher").unlink()

    with pytest.raises(Invalid, match=r"V0002__step_2.*V0001 at most.*update this program"):
        run(bare, tmp_path)


def test_a_file_that_changed_afterwards_is_refused(bare: BoltStore, tmp_path: Path) -> None:
    run(bare, files(tmp_path, "RETURN 1"))
    files(tmp_path, "RETURN 2")

    with pytest.raises(Invalid, match=r"V0001__step_1.*differs"):
        run(bare, tmp_path)


def test_one_that_fails_is_tried_again(bare: BoltStore, tmp_path: Path) -> None:
    files(tmp_path, "MERGE (:Probe {n: 1});\nTHIS IS NOT CYPHER;\n")
    with pytest.raises(Exception, match="refused a statement"):
        run(bare, tmp_path)
    files(tmp_path, "MERGE (:Probe {n: 1});\nMERGE (:Probe {n: 2});\n")

    assert run(bare, tmp_path) == ["V0001__step_1"]
    assert sorted(bare.connection.rows("MATCH (p:Probe) RETURN p.n")) == [[1], [2]]


def test_several_at_once_run_it_once(bare: BoltStore, tmp_path: Path) -> None:
    files(tmp_path, "CREATE (:Probe {n: 1})")
    outcomes: list[list[str]] = []
    threads = [threading.Thread(target=lambda: outcomes.append(run(bare, tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [[], [], [], ["V0001__step_1"]]
    assert bare.connection.rows("MATCH (p:Probe) RETURN count(p)") == [[1]]


def test_the_lock_of_a_process_that_died_runs_out(
    bare: BoltStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(tmp_path, "RETURN 1")
    held = "CREATE (:Ledger {id: 'migration', owner: 'gone', until: $until, lock: ''})"
    bare.connection.write(lambda tx: tx.run(held, until=AT + 1000).consume(), lambda: None)
    monkeypatch.setattr("cmdb.store.migrate.WAIT_S", 0)

    with pytest.raises(Unreachable, match="another process"):
        run(bare, tmp_path)
    assert run(bare, tmp_path, AT + 2000) == ["V0001__step_1"]


def test_files_are_named_numbered_and_for_their_engine(tmp_path: Path) -> None:
    files(tmp_path, "RETURN 1")
    (tmp_path / "V0002__text.neo4j.cypher").write_text("RETURN 2")
    (tmp_path / "V0002__text.embedded.cypher").write_text("RETURN 3")

    assert [m.statements for m in read_migrations(NEO4J, tmp_path)] == [("RETURN 1",), ("RETURN 2",)]
    assert [m.statements for m in read_migrations(EMBEDDED, tmp_path)] == [("RETURN 1",), ("RETURN 3",)]
    (tmp_path / "V0004__gap.cypher").write_text("RETURN 4")
    with pytest.raises(Invalid, match="without gaps"):
        read_migrations(NEO4J, tmp_path)
    (tmp_path / "notes.cypher").write_text("")
    with pytest.raises(Invalid, match=r"notes\.cypher"):
        read_migrations(NEO4J, tmp_path)


def test_the_built_in_ones_are_sound() -> None:
    for dialect in (NEO4J, EMBEDDED):
        assert read_migrations(dialect)


def test_manifests_of_an_older_program_are_found_where_they_are_looked_for(any_store: BoltStore, model: Model) -> None:
    Ingest(any_store, model, lambda: 1_000, ids()).run([report("a", 1, device("a", "serial:x:A"))], "test", "")
    before = dict(any_store.scan_targets())
    old = "MATCH (t:Target), (m:Manifest {name: t.name}) SET t.manifest = m.manifest DELETE m"
    forget = "MATCH (m:Migration) WHERE m.version >= 6 DELETE m"
    for statement in (old, forget):
        any_store.connection.write(lambda tx, s=statement: tx.run(s).consume(), lambda: None)  # type: ignore[misc]

    assert dict(any_store.scan_targets()) == {}
    assert "V0006__manifests" in any_store.migrate()
    assert list(before) == ["snmp/a"]
    assert dict(any_store.scan_targets()) == before
