"""Taking in files of observations: what people write down, and what other tools have saved for pushing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cmdb.entrypoints.ingest_routes import check_source
from cmdb.entrypoints.payloads import media_type_of
from cmdb.entrypoints.problems import Refusal
from cmdb.entrypoints.push import Push, Sender
from cmdb.entrypoints.services import Services, ingest_limits
from cmdb.entrypoints.wiring import Wired, alarm_rules_of, clock_ms
from cmdb.errors import Denied, Invalid, NotFound
from cmdb.ingest import Automatic
from cmdb.topology import Topology
from collectors.push.manual import read_manual

AS_USUAL = "NOT_UP"  # why most hosts of a scan are ignored


@dataclass(frozen=True)
class Taken:
    """What became of a file: a row for each thing in it, what was not taken, and where the ledger stands.

    `warnings` are remarks on things that were taken, or that needed not be: what was left out of them, and why.
    """

    rows: list[dict[str, Any]]
    problems: list[str]
    sequence: int
    warnings: list[str] = field(default_factory=list)


def push_manual(parts: Wired, file: Path, actor: str, reason: str, dry_run: bool) -> Taken:
    """Take in a file that people wrote. Raises Invalid with file and key, and Denied where the person may not."""
    report = read_manual(file, clock_ms(), parts.model)
    done = parts.ingest.run([report], actor, reason or Automatic(f"push of {file.name}"), dry_run=dry_run, explain=True)
    for held in done.held.values():
        if held.status == "rejected":
            raise (Denied if held.code == "NOT_ALLOWED" else Invalid)(held.text)
    rows = [
        {"item": o.path, "status": o.status, "ci": o.ci, "matched_by": o.matched_by, "changes": o.changes}
        for outcomes in done.outcomes.values()
        for o in outcomes
    ]
    return Taken(rows, [f"{p.path}: {p.field}: {p.message}" for p in done.problems], done.sequence)


def push_payload(parts: Wired, file: Path, sender: Sender) -> Taken:
    """Take in what another tool has written, as `POST /api/v1/ingest/{adapter}` does. Raises Invalid, NotFound."""
    limits = ingest_limits(parts.settings)
    try:
        if file.stat().st_size > limits.decompressed_bytes:
            raise Invalid(f"{file} is larger than {limits.decompressed_bytes} bytes; split it")
        body = file.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {file}") from error
    except OSError as error:
        raise Invalid(f"{file} can't be read: {error.strerror}") from error
    push = push_of(parts)
    try:
        check_source(sender.adapter, sender.source)
        answer = push.take(push.split(body, media_type_of(body, sender.adapter), sender), sender)
    except Refusal as refusal:
        raise Invalid(f"{file}: {refusal}") from refusal
    rows = [
        {
            "item": item.get("sourceRef") or f"line {item['index'] + 1}",
            "status": item["status"],
            "ci": item.get("ciId"),
            "matched_by": item.get("matchedBy"),
            "changes": item.get("changes"),
        }
        for item in answer["items"]
    ]
    refused = [i for i in answer["items"] if i["status"] in ("rejected", "conflict", "quarantined")]
    problems = [f"item {i['index'] + 1}: {(i.get('reason') or {}).get('message', i['status'])}" for i in refused]
    return Taken(rows, problems, answer["sequence"], list(_warnings(answer["items"])))


def _warnings(items: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What the answer remarks on its items, and why it ignored some, in their order."""
    for item in items:
        ignored = [item["reason"]] if item["status"] == "ignored" and item["reason"]["code"] != AS_USUAL else []
        for note in [*ignored, *item.get("warnings", ())]:
            said = note["message"].startswith(f"{note['path']}:") or not note["path"]
            where = "" if said else f"{note['path']}: "
            yield f"item {item['index'] + 1}: {where}{note['message']}"


def push_of(parts: Wired) -> Push:
    """A push into an open store."""
    limits = ingest_limits(parts.settings)
    rules = alarm_rules_of(parts.settings)
    topology = Topology(parts.model)
    return Push(Services(parts.store, parts.model, topology, parts.ingest, ingest_limits=limits, alarm_rules=rules))
