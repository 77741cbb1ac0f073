"""Taking in files of observations: what people write down, and what other tools have saved for pushing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmdb.entrypoints.problems import Refusal
from cmdb.entrypoints.push import Push
from cmdb.entrypoints.services import IngestLimits, Services
from cmdb.entrypoints.wiring import Wired, clock_ms
from cmdb.errors import Invalid, NotFound
from cmdb.topology import Topology
from collectors.push.manual import read_manual


@dataclass(frozen=True)
class Taken:
    """What became of a file: a row for each thing in it, what was not taken, and where the ledger stands."""

    rows: list[dict[str, Any]]
    problems: list[str]
    sequence: int


def push_manual(parts: Wired, file: Path, actor: str, reason: str, dry_run: bool) -> Taken:
    """Take in a file that people wrote. Raises Invalid with file and key."""
    report = read_manual(file, clock_ms(), parts.model)
    done = parts.ingest.run([report], actor, reason or f"push of {file.name}", dry_run=dry_run, explain=True)
    rows = [
        {"item": o.path, "status": o.status, "ci": o.ci, "matched_by": o.matched_by, "changes": o.changes}
        for outcomes in done.outcomes.values()
        for o in outcomes
    ]
    return Taken(rows, [f"{p.path}: {p.field}: {p.message}" for p in done.problems], done.sequence)


def push_native(parts: Wired, file: Path, source: str, actor: str, dry_run: bool) -> Taken:
    """Take in NDJSON of entity events, as `POST /api/v1/ingest/native` does. Raises Invalid, NotFound."""
    limits = IngestLimits()
    try:
        if file.stat().st_size > limits.decompressed_bytes:
            raise Invalid(f"{file} is larger than {limits.decompressed_bytes} bytes; split it")
        body = file.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {file}") from error
    except OSError as error:
        raise Invalid(f"{file} can't be read: {error.strerror}") from error
    services = Services(parts.store, parts.model, Topology(parts.model), parts.ingest, ingest_limits=limits)
    try:
        answer = Push(services).take(body, "application/x-ndjson", source, actor, dry_run, None)
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
    refused = [i for i in answer["items"] if i["status"] in ("rejected", "conflict")]
    problems = [f"item {i['index'] + 1}: {(i.get('reason') or {}).get('message', i['status'])}" for i in refused]
    return Taken(rows, problems, answer["sequence"])
