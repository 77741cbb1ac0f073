"""Tells the discovery of this installation which keys the hosts of the demo site have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cmdb.errors import UsageError
from collectors.responders.keys import public_line
from collectors.responders.ssh import RunningHost


def write_known_hosts(file: Path, running: Mapping[str, RunningHost]) -> None:
    """Make the keys of these hosts known at the ports they have now; other lines of the file stay as they are.

    Ports are others at each start: what the file says of these keys at earlier ones is taken out. Raises UsageError.
    """
    keys = {public_line(host.host_key) for host in running.values()}
    places = {f"[{host.address}]:{host.port}" for host in running.values()}
    try:
        before = file.read_text("utf-8", "surrogateescape").splitlines() if file.exists() else []
        kept = [line for line in before if not _is_ours(line, keys, places)]
        own = [f"[{host.address}]:{host.port} {public_line(host.host_key)}" for host in running.values()]
        _replace(file, "\n".join([*kept, *own, ""]))
    except OSError as error:
        raise UsageError(f"{file}: the file of host keys can't be written: {error.strerror}") from error


def _is_ours(line: str, keys: set[str], places: set[str]) -> bool:
    """Whether a line is about one of these keys, or about a port that is one of these hosts' now."""
    words = line.split()
    return len(words) >= 3 and (" ".join(words[1:3]) in keys or words[0] in places)


def _replace(file: Path, text: str) -> None:
    """Write a file as a whole, mode 0600: whoever reads it meanwhile sees the old or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.demo")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as out:
        out.write(text)
    os.replace(beside, file)
