"""The complete backup: what comes back is the same ledger, graph, history and working state."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cmdb.errors import Invalid
from cmdb.exchange.full import full_lines
from cmdb.exchange.restore import restore
from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import Quarantined, RunRecord, TargetOutcome
from tests.conftest import emptied
from tests.contracts.build import AT
from tests.contracts.old_form import alter, rewrite_as_form_1
from tests.contracts.test_deep import told
from tests.contracts.test_exchange import fill, ids, lines
from tests.reports import REPORTS

NOW = 2_000_000_000_000


def filled(store: BoltStore, model: Model) -> None:
    """A store with everything that a backup can hold."""
    told(store)
    rewrite_as_form_1(store)
    fill(store, model)
    items = [
        Quarantined(f"q{n}", "nmap", "nmap", "h", "r", b"\x00{}", "code", "why", "", AT, AT + n, n) for n in (1, 2)
    ]
    store.quarantine(items, 10)
    wrong = TargetOutcome("c", "failed", "ssh", "refused", "no route")
    store.save_run(RunRecord("run-1", "nightly", "timer", AT, AT + 5, False, (wrong,)))


def full(store: BoltStore, model: Model) -> list[bytes]:
    return list(full_lines(store, iter(lines(store, model))))


def content(store: BoltStore) -> Any:
    """Everything in a store, property by property, in an order of its own."""
    rows = store.connection.rows(
        "MATCH (n) WHERE NOT n:Migration AND NOT n:Ledger AND size(keys(n)) > 0 RETURN labels(n), properties(n)"
    )
    ties = store.connection.rows(
        "MATCH (a)-[r]->(b) WHERE b.id IS NOT NULL RETURN coalesce(a.id, a.key), type(r), b.id, properties(r)"
    )
    head = store.head()
    # A commit of form 1 may say so or not.
    nodes = {
        repr((labels, sorted((k, v) for k, v in p.items() if v not in (None, "", b"") and (k, v) != ("form", 1))))
        for labels, p in rows
    }
    return nodes, set(map(repr, ties)), head


def test_a_backup_gives_back_everything(any_store: BoltStore, model: Model, tmp_path: Path) -> None:
    filled(any_store, model)
    before, there = full(any_store, model), content(any_store)
    file = tmp_path / "full.ndjson"
    file.write_bytes(b"".join(before))

    done = restore(emptied(any_store), model, file, "somebody", NOW)

    now = content(any_store)
    assert (now[0] - there[0], there[0] - now[0]) == (set(), set())
    assert now == there
    assert full(any_store, model)[1:] == before[1:]
    assert done.commits == done.sequence == any_store.head().sequence
    assert verify(any_store, model, deep=True).problems == ()
    kinds = {json.loads(line)["kind"] for line in before}
    assert {"commit", "target", "pending", "quarantined", "run", "end", "ci", "relationship", "header"} <= kinds


def test_what_is_observed_again_after_a_restore_is_unchanged(store: BoltStore, model: Model, tmp_path: Path) -> None:
    Ingest(store, model, lambda: AT, ids()).run(REPORTS, "test", "")
    file = tmp_path / "full.ndjson"
    file.write_bytes(b"".join(full(store, model)))
    restore(emptied(store), model, file, "somebody", NOW)

    latest = {r.origin: r for r in sorted(REPORTS, key=lambda r: r.at)}

    assert not Ingest(store, model, lambda: AT + 99, ids()).run(list(latest.values()), "test", "").committed


@pytest.mark.neo4j
def test_from_one_engine_to_the_other(store: BoltStore, neo4j_store: BoltStore, model: Model, tmp_path: Path) -> None:
    filled(store, model)
    before = full(store, model)
    file = tmp_path / "full.ndjson"
    file.write_bytes(b"".join(before))

    restore(neo4j_store, model, file, "somebody", NOW)

    assert full(neo4j_store, model)[1:] == before[1:]
    assert content(neo4j_store) == content(store)


Damage = Callable[[list[bytes]], list[bytes]]


def edited(kind: str, change: Callable[[dict[str, Any]], object], number: int = 1) -> Damage:
    """Something else in the `number`th line of a kind."""

    def damage(good: list[bytes]) -> list[bytes]:
        place = [i for i, line in enumerate(good) if json.loads(line)["kind"] == kind][number - 1]
        line = json.loads(good[place])
        change(line)
        return [*good[:place], json.dumps(line).encode() + b"\n", *good[place + 1 :]]

    return damage


def without(kind: str, number: int = 1) -> Damage:
    def damage(good: list[bytes]) -> list[bytes]:
        place = [i for i, line in enumerate(good) if json.loads(line)["kind"] == kind][number - 1]
        return good[:place] + good[place + 1 :]

    return damage


DAMAGES: dict[str, tuple[Damage, str]] = {
    "a gap": (without("commit", 2), r"line \d+: sequence 2 is missing; the next one is 3"),
    "wrong hash": (edited("commit", lambda c: c.update(hash="0" * 64), 2), r"line \d+: commit 2 was altered"),
    "other actor": (edited("commit", lambda c: c.update(actor="eve"), 2), r"line \d+: commit 2 was altered"),
    "other time": (edited("commit", lambda c: c.update(at=c["at"] + 1), 9), r"line \d+: commit 9 was altered"),
    "other reason": (edited("commit", lambda c: c.update(reason="0" * 40), 9), r"line \d+: commit 9 was altered"),
    "other text": (
        edited("commit", lambda c: c["texts"].update({m: [s, '"x"'] for m, (s, _) in c["texts"].items()}), 9),
        r"line \d+: commit 9 was altered: ",
    ),
    "payload no base64": (edited("commit", lambda c: c.update(payload="?"), 3), r"line \d+: not a commit"),
    "unknown form": (edited("commit", lambda c: c.update(form=7), 3), r"line \d+: commit 3 has form 7"),
    "field gone": (edited("commit", lambda c: c.pop("actor"), 3), r"line \d+: not a commit"),
    "cut off between lines": (lambda good: good[:-1], "the file was cut off"),
    "cut off in a line": (lambda good: [*good[:-1], good[-1][:20]], r"line \d+: not JSON .* was cut off here"),
    "cut off early": (lambda good: good[: len(good) // 2], "the file was cut off"),
    "target altered": (edited("target", lambda c: c.update(last_seen=1)), "are not the .* that were written"),
    "target gone": (without("target"), "are not the .* that were written"),
    "target no number": (edited("target", lambda c: c.update(last_seen="x")), r"line \d+: not a target"),
    "CI altered": (edited("ci", lambda c: c.update(name="x")), "are not the .* that were written"),
    "more behind the end": (lambda good: [*good, good[1]], "there is more behind the last line"),
    "other format": (edited("header", lambda c: c.update(format=9)), "line 1: format 9"),
    "header of another": (edited("header", lambda c: c.update(sequence=2)), "the header promises 2 commits"),
    "unknown kind": (
        lambda good: [*good[:3], b'{"kind":"thing"}\n', *good[3:]],
        "line 4: expected an object with kind",
    ),
}


@pytest.fixture(scope="module")
def good() -> dict[str, list[bytes]]:
    return {}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_backup_writes_nothing(
    store: BoltStore, model: Model, tmp_path: Path, kind: str, good: dict[str, list[bytes]]
) -> None:
    if not good:
        filled(store, model)
        good["lines"] = full(store, model)
    emptied(store)
    damage, message = DAMAGES[kind]
    file = tmp_path / "damaged.ndjson"
    file.write_bytes(b"".join(damage(good["lines"])))

    with pytest.raises(Invalid, match=message):
        restore(store, model, file, "somebody", NOW)

    assert store.connection.rows("MATCH (n:Ledger {id: 'head'}) RETURN count(n)") == [[1]]


def test_an_interrupted_import_goes_on_where_it_was(store: BoltStore, model: Model, tmp_path: Path) -> None:
    filled(store, model)
    before, there = full(store, model), content(store)
    file = tmp_path / "full.ndjson"
    file.write_bytes(b"".join(before))
    commits = store.commits(0)
    emptied(store)
    for commit in commits[:4]:
        store.replay(commit)

    restore(store, model, file, "somebody", NOW)

    assert content(store) == there


def test_a_store_with_something_else_is_refused(store: BoltStore, model: Model, tmp_path: Path) -> None:
    filled(store, model)
    file = tmp_path / "full.ndjson"
    file.write_bytes(b"".join(full(store, model)))

    with pytest.raises(Invalid, match="not empty"):  # it is all there, and in use
        restore(store, model, file, "somebody", NOW)
    fill(emptied(store), model)
    with pytest.raises(Invalid, match="not empty"):
        restore(store, model, file, "somebody", NOW)


def test_a_ledger_that_is_not_intact_is_not_backed_up(store: BoltStore, model: Model) -> None:
    told(store)
    alter(store, "MATCH (c:Commit {seq: 2}) SET c.actor = 'mallory'")

    with pytest.raises(Invalid, match="commit 2 was altered"):
        full(store, model)
