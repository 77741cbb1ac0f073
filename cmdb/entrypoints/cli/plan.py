"""`cmdb change assess`, `check`, `windows` and `recheck`: what changes do, and when they may be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cmdb.entrypoints.cli.change import AnswerOutput, Cis, Degrades, From, Key, Releases, Shown, To, items_of
from cmdb.entrypoints.cli.options import DataDir, Format, Output, Reason, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.entrypoints.cli.times import as_answer, read_window
from cmdb.entrypoints.exits import FOUND
from cmdb.errors import UsageError

if TYPE_CHECKING:
    from cmdb.entrypoints.wiring import Wired
    from cmdb.impact.work import Work
    from cmdb.service.statements import Statement

CHANGED = ("number", "class", "changed")


def add_to(app: typer.Typer) -> None:
    """Put the commands beside those of a change."""
    for command in (assess, check, windows, recheck):
        app.command(command.__name__)(command)


def assess(
    key: Key, reason: Reason, data_dir: DataDir = None, store_uri: StoreUri = None, output: AnswerOutput = Shown.table
) -> None:
    """Judge what a change does, alone and with all that is planned or open, and keep the statement."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.statements import Statements, statements_of

    with wired(settings(data_dir, store_uri)) as parts:
        kept = Statements(parts.ingest, parts.topology()).assess(key, actor(), reason)
    _print(statements_of(kept)[0], output)


def check(
    key: Annotated[str | None, typer.Argument(help="Number, id or title of a change; none for a draft.")] = None,
    ci: Cis = None,
    degrades: Degrades = None,
    releases: Releases = None,
    start: From = None,
    end: To = None,
    fail_on_collision: Annotated[
        bool, typer.Option("--fail-on-collision", help="Exit with 10 if it collides.")
    ] = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: AnswerOutput = Shown.table,
) -> None:
    """Judge a change, or work that is not written down, jointly with all that is planned or open. Keeps nothing."""
    from cmdb.entrypoints.wiring import clock_ms, wired
    from cmdb.service.calendar import read_calendar
    from cmdb.service.statements import statement

    if key is not None and (start or end):
        raise UsageError("a change has a window of its own; `cmdb change edit` sets another one")
    with wired(settings(data_dir, store_uri)) as parts:
        now = clock_ms()
        work = _work(parts, key, {"MAINTENANCE": ci, "DEGRADED": degrades, "RELEASE": releases}, (start, end), now)
        calendar = read_calendar(parts.store, now, [work.key])
        said = statement(parts.store, parts.topology(), work, calendar, now)
    _print(said, output)
    if fail_on_collision and said.collision_count:
        raise typer.Exit(FOUND)


def windows(
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="Begin of the search: ISO 8601 with a zone.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="End of the search, at most 92 days later.")],
    key: Annotated[str | None, typer.Argument(help="Number, id or title of a change; none for a draft.")] = None,
    ci: Cis = None,
    degrades: Degrades = None,
    releases: Releases = None,
    minutes: Annotated[
        int | None, typer.Option(help="Length of the work; that of the change where not given.", show_default=False)
    ] = None,
    first: Annotated[int, typer.Option(help="Slots wanted, 1 to 50.")] = 5,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: AnswerOutput = Shown.table,
) -> None:
    """Find slots in which a change harms nothing beyond what it harms alone."""
    from cmdb.entrypoints.plan_tables import show_windows
    from cmdb.entrypoints.wiring import clock_ms, wired
    from cmdb.impact.windows import find_windows
    from cmdb.service.calendar import read_calendar
    from cmdb.service.lifecycle import number_of

    within = read_window(start, end)
    assert within is not None  # noqa: S101 - both are given
    with wired(settings(data_dir, store_uri)) as parts:
        now = clock_ms()
        named = {"MAINTENANCE": ci, "DEGRADED": degrades, "RELEASE": releases}
        work = _work(parts, key, named, (start, end), now)
        if minutes is None:
            if key is None or work.end is None:
                raise UsageError("how long is the work? give --minutes")
            minutes = -(-(work.end - work.start) // 60_000)
        calendar = read_calendar(parts.store, now, [work.key])
        found = find_windows(parts.topology(), work, minutes, within, calendar.works, first)
    numbers = {id_: number_of(record) for id_, record in calendar.records.items()}
    if output is Shown.table:
        show_windows(found, numbers)
    else:
        told = as_answer(found)
        for blocked in told["blocked"]:
            blocked["numbers"] = [numbers.get(id_, id_) for id_ in blocked["keys"]]
        print_value(told, Format(output.value))


def recheck(data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.table) -> None:
    """Assess again all changes that wait for their window; keep and print what says something else by now."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.lifecycle import number_of
    from cmdb.service.statements import POLICY, Statements

    with wired(settings(data_dir, store_uri)) as parts:
        found = Statements(parts.ingest, parts.topology()).recheck(POLICY)
    rows = [{"number": number_of(r), "class": said.severity_class, "changed": list(said.changed)} for r, said in found]
    print_rows(rows, CHANGED, output)
    say(f"{len(found)} changes do something else by now")


def _work(
    parts: Wired,
    key: str | None,
    named: dict[str, list[str] | None],
    times: tuple[str | None, str | None],
    now: int,
) -> Work:
    """A recorded change, or what the options describe."""
    from cmdb.impact.answer import Seed
    from cmdb.impact.work import Work
    from cmdb.service.calendar import work_of
    from cmdb.service.lifecycle import CHANGE, find_record

    if (key is None) == (not any(named.values())):
        raise UsageError("name either a change, or the CIs of a draft with --ci, --degrades or --releases")
    if key is not None:
        return work_of(parts.store, find_record(parts.store, CHANGE, key), now)
    window = read_window(*times)
    if window is None:
        raise UsageError("when? give --from and --to")
    seeds = tuple(Seed(ci, effect) for ci, effect in items_of(parts, named))  # type: ignore[arg-type] # same words
    return Work("(draft)", "(draft)", seeds, window.start, window.end)


def _print(said: Statement, output: Shown) -> None:
    from cmdb.entrypoints.plan_tables import show_statement

    if output is Shown.table:
        show_statement(said)
    else:
        print_value(as_answer(said), Format(output.value))
