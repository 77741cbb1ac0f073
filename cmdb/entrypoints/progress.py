"""Showing how far a run is: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cmdb.entrypoints.discovery import Progress
from cmdb.wording import amount

EVERY_S = 5.0


@contextmanager
def shown(progress: Progress) -> Iterator[Callable[[], None]]:
    """Give a function that is to be called after each target."""
    if sys.stderr.isatty():
        with _bar(progress) as tell:
            yield tell
    else:
        yield _lines(progress)


@contextmanager
def _bar(progress: Progress) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("discovering"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"))
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("targets", total=progress.total, said="")
        yield lambda: bar.update(task, completed=progress.done, total=progress.total, said=_said(progress))


def _lines(progress: Progress) -> Callable[[], None]:
    started = last = time.monotonic()

    def tell() -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY_S:
            last = now
            rate = progress.done / (now - started)
            print(
                f"{progress.done} of {amount(progress.total, 'target')}, {rate:.1f}/s{_said(progress)}",
                file=sys.stderr,
                flush=True,
            )

    return tell


def _said(progress: Progress) -> str:
    failed = progress.states["FAILED"] + progress.states["PARTIAL"]
    return f", {failed} failed or partial" if failed else ""
