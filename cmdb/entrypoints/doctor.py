"""Checks of everything that this program needs to work here."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cmdb.entrypoints.settings import Settings
from cmdb.errors import CmdbError

ENOUGH_BYTES = 500 * 1024 * 1024  # an empty embedded store with its caches takes a fifth of this


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    detail: str


def checks(load: Callable[[], Settings]) -> Iterator[Check]:
    """Look at one thing after the other; what can't be looked at because of an earlier failure is left out."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", sys.version_info >= (3, 11), f"{version} (3.11 or newer is needed)")
    try:
        settings = load()
    except CmdbError as error:
        yield Check("settings", False, str(error))
        return
    yield Check("settings", True, "valid; `cmdb config show --origin` lists them")
    if not settings.store_uri:
        yield _disk(settings)
    yield _port(settings)
    yield from _store(settings)


def _disk(settings: Settings) -> Check:
    folder = settings.data_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Check("disk", free > ENOUGH_BYTES, f"{free // 2**20} MiB free for {settings.data_dir}")


def _port(settings: Settings) -> Check:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            detail = f"{settings.host}:{settings.port} is not free ({error.strerror}); a running server, or set `port`"
            return Check("port", True, detail)
    return Check("port", True, f"{settings.host}:{settings.port} is free")


def _store(settings: Settings) -> Iterator[Check]:
    from cmdb.entrypoints.wiring import wired

    try:
        with wired(settings) as parts:
            yield Check("store", True, parts.store.ping())
            head = parts.store.head()
            yield Check("ledger", True, f"at sequence {head.sequence}; `cmdb ledger verify` proves it")
    except CmdbError as error:
        yield Check("store", False, str(error))
