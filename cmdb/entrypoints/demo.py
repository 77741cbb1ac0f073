"""The demo: agents of a small data centre, discovered over real SNMP, served, asked what a weak point brings down."""

from __future__ import annotations

import asyncio
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from cmdb.demo.manual import Asked, describe, manual_report
from cmdb.demo.serve import Secrets, serve_site, write_scopes
from cmdb.demo.site import Site, load_site
from cmdb.entrypoints.cli.output import say
from cmdb.entrypoints.discovery import Progress, discover_into, live
from cmdb.entrypoints.keys import find_one
from cmdb.entrypoints.pictures import table
from cmdb.entrypoints.progress import shown
from cmdb.entrypoints.running import services
from cmdb.entrypoints.server import listen, serve
from cmdb.entrypoints.services import Services
from cmdb.entrypoints.settings import Settings
from cmdb.entrypoints.wiring import Wired, clock_ms, wired
from cmdb.impact import Seed, evaluate
from cmdb.observation import origin_name
from cmdb.reconcile.plan import report_hash
from collectors.scopes import load_scopes

ACTOR = "demo"


def run_demo(settings: Settings, site_file: Path | None = None) -> None:
    """Start everything, answer until interrupted, stop everything that was started."""
    site = load_site(site_file) if site_file else load_site()
    listening = listen(settings.host, settings.port)
    with closing(listening), wired(settings, own=True) as parts, agents(site, settings.data_dir) as scopes:
        fill(parts, site, scopes)
        with services(parts) as behind:
            serve(behind, listening, lambda address, _: tell(behind, settings, site, scopes, address))
    say("stopped")


@contextmanager
def agents(site: Site, folder: Path) -> Iterator[Path]:
    """Let the site's agents answer in the background; gives the scopes file that says how to reach them."""
    ready = threading.Event()
    found: list[Path] = []
    failed: list[BaseException] = []
    ending: list[Callable[[], object]] = []

    async def answer() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        ending.append(partial(loop.call_soon_threadsafe, stop.set))
        secrets = Secrets()
        async with serve_site(site, secrets) as running:
            found.append(write_scopes(site, running, secrets, folder / "demo"))
            ready.set()
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(answer())
        except BaseException as error:  # handed to the thread that waits
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="demo-agents", daemon=True)
    thread.start()
    ready.wait()
    if failed:
        raise failed[0]
    try:
        yield found[0]
    finally:
        ending[0]()
        thread.join()


def fill(parts: Wired, site: Site, scopes: Path) -> None:
    """Discover the site, then take in what no agent can tell; nothing of it where the same was done before."""
    report = manual_report(site, clock_ms(), parts.model)
    origin = origin_name(report.source, report.target)
    known = parts.store.targets([origin]).get(origin)
    if known is not None and known.hash == report_hash(report):
        say("starting from the stored graph")
        return
    specs = load_scopes(scopes).targets()
    progress = Progress(len(specs))
    with live(specs, parts.settings) as targets, shown(progress) as told:
        reason = f"discovery of {site.content.name}"
        asyncio.run(discover_into(parts, targets, progress, ACTOR, reason, told))
    for outcome in progress.outcomes:
        say(f"{outcome.state}: {outcome.target}: {outcome.reason}: {outcome.detail}")
    parts.ingest.run([report], ACTOR, "what no agent of the demo site can tell")


def tell(behind: Services, settings: Settings, site: Site, scopes: Path, address: str) -> None:
    """Print what was found, the address, the question with its answer, and how to ask again."""
    by_class, by_type = behind.store.totals()
    internal = {n for n, c in behind.model.classes.items() if c.internal}
    found = ", ".join(f"{n} {name}" for name, n in sorted(by_class.items()) if name not in internal)
    asked = describe(site)
    print(f"\nfound: {found}; {sum(by_type.values())} relationships")
    print(f"serving {address} (GraphQL at /graphql, REST at /api/v1, metrics at /metrics)")
    print(f"\nquestion: {asked.text}")
    answer(behind, asked)
    program = Path(sys.argv[0])
    shown_program = program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program
    folder = settings.data_dir if not settings.store_uri else None
    where = ["--data-dir", str(folder)] if folder else ["--store-uri", settings.store_uri]
    print("\nask it again:    " + shlex.join([str(shown_program), "impact", asked.seed, *where]))
    print("discover again:  " + shlex.join([str(shown_program), "discover", "run", "--scopes", str(scopes), *where]))
    print("Ctrl-C stops everything.", flush=True)


def answer(behind: Services, asked: Asked) -> None:
    """Print the answer of the engine, and what it says of the service that the question is about."""
    seed = find_one(behind.store, asked.seed_key)
    service = find_one(behind.store, asked.service_key)
    found = evaluate(behind.topology, [Seed(seed.id, "DOWN")], first=1000)
    states = {n.ci.id: n.state for n in found.nodes}
    print(f"answer: {service.name} is {states.get(service.id, 'not impacted')}.")
    table(evaluate(behind.topology, [Seed(seed.id, "DOWN")], first=1000, only=[service.id]), proof=True)
