"""Sort more than fits in memory: sorted parts in files, merged while they are read."""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import msgspec

from cmdb.errors import LimitExceeded

IN_MEMORY = 200_000

Key = tuple[Any, ...]
Mark = tuple[Any, ...]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[tuple[Any, ...], tuple[Any, ...]]).decode


class Sorter:
    """Takes marks by key and gives them back by key, of each key the mark that came last. A context manager."""

    def __init__(self, folder: Path | None = None, in_memory: int = IN_MEMORY) -> None:
        """Files go to `folder` once there are more than `in_memory` keys; None: the system's folder for such."""
        self._folder, self._limit = folder, in_memory
        self._held: dict[Key, Mark] = {}
        self._parts: list[BinaryIO] = []

    def __enter__(self) -> Sorter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for part in self._parts:
            part.close()  # which also removes it

    def add(self, key: Key, mark: Mark) -> None:
        """Note a mark; of two with one key the later one counts. Raises LimitExceeded where the disk is full."""
        self._held[key] = mark
        if len(self._held) > self._limit:
            self._write()

    def sorted(self) -> Iterator[tuple[Key, Mark]]:
        """All keys in order, each once."""
        parts = [_read(part) for part in self._parts]
        held = iter(sorted(self._held.items()))
        latest: tuple[Key, Mark] | None = None
        # Of equal keys heapq gives that of the earlier part first: the last one is the latest.
        for entry in heapq.merge(*parts, held, key=lambda e: e[0]):
            if latest is not None and latest[0] != entry[0]:
                yield latest
            latest = entry
        if latest is not None:
            yield latest

    def _write(self) -> None:
        part = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed at the end
        self._parts.append(part)
        try:
            for entry in sorted(self._held.items()):
                data = _encode(entry)
                part.write(len(data).to_bytes(4, "big") + data)
            part.seek(0)
        except OSError as error:
            where = self._folder or tempfile.gettempdir()
            raise LimitExceeded(f"{where} has no room to sort in: {os.strerror(error.errno or 0)}") from error
        self._held.clear()


def _read(part: BinaryIO) -> Iterator[tuple[Key, Mark]]:
    while head := part.read(4):
        yield _decode(part.read(int.from_bytes(head, "big")))
