"""The demo: a small data centre, discovered over real SNMP and SSH, served, asked what a weak point brings down."""

from __future__ import annotations

import asyncio
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from cmdb.demo.known import write_known_hosts
from cmdb.demo.manual import Asked, describe, manual_report
from cmdb.demo.serve import Secrets, serve_site, write_scopes
from cmdb.demo.site import Site, digest_of, load_site
from cmdb.entrypoints.cli.output import say
from cmdb.entrypoints.discovery import Errand, Progress, discover_into
from cmdb.entrypoints.keys import find_one
from cmdb.entrypoints.live import live
from cmdb.entrypoints.pictures import chain, table
from cmdb.entrypoints.progress import shown
from cmdb.entrypoints.running import services
from cmdb.entrypoints.server import listen, serve
from cmdb.entrypoints.services import Services
from cmdb.entrypoints.settings import Settings
from cmdb.entrypoints.wiring import Wired, clock_ms, wired
from cmdb.impact import Seed, evaluate
from cmdb.impact.proof import PARTS
from cmdb.observation import origin_name
from cmdb.reconcile.plan import report_hash
from cmdb.store.protocol import CIRef
from collectors.scopes import load_scopes

ACTOR = "demo"


def run_demo(settings: Settings, site_file: Path | None = None) -> None:
    """Start everything, answer until interrupted, stop everything that was started."""
    site = load_site(site_file) if site_file else load_site()
    listening = listen(settings.host, settings.port)
    with closing(listening), wired(settings, own=True) as parts, answering(site, settings) as scopes:
        fill(parts, site, scopes)
        with services(parts) as behind:
            serve(behind, listening, lambda address, _: tell(behind, settings, site, scopes, address))
    say("stopped")


@contextmanager
def answering(site: Site, settings: Settings) -> Iterator[Path]:
    """Let the site answer in the background; gives the scopes file that says how to reach it.

    The keys of its hosts are made known where discovery looks for them: the program itself made them.
    """
    folder = _folder(settings)
    ready = threading.Event()
    found: list[Path] = []
    failed: list[BaseException] = []
    ending: list[Callable[[], object]] = []

    async def answer() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        ending.append(partial(loop.call_soon_threadsafe, stop.set))
        secrets = Secrets()
        async with serve_site(site, secrets, folder) as served:
            write_known_hosts(settings.known_hosts or settings.data_dir / "known_hosts", served.hosts)
            found.append(write_scopes(site, served, secrets, folder))
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


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "demo"


def fill(parts: Wired, site: Site, scopes: Path) -> None:
    """Discover the site, then take in what it can't tell itself; nothing of it where the same was done before."""
    report = manual_report(site, clock_ms(), parts.model)
    origin = origin_name(report.source, report.target)
    known = parts.store.targets([origin]).get(origin)
    taken = _folder(parts.settings) / "taken"
    content = f"{site.content.name} {digest_of(site)}\n"
    if known is not None and known.hash == report_hash(report) and taken.is_file() and taken.read_text() == content:
        say("starting from the stored graph")
        return
    specs = load_scopes(scopes).targets()
    progress = Progress(len(specs))
    with live(specs, parts.settings) as found, shown(progress) as told:
        errand = Errand(ACTOR, f"discovery of {site.content.name}")
        asyncio.run(discover_into(parts, found.targets, progress, errand, told))
    for outcome in progress.outcomes:
        say(f"{outcome.state}: {outcome.target}: {outcome.reason}: {outcome.detail}")
    parts.ingest.run([report], ACTOR, "what nothing of the demo site can tell")
    if not progress.outcomes:
        taken.write_text(content)


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
    about = evaluate(behind.topology, [Seed(seed.id, "DOWN")], first=1000, only=[service.id])
    if way := chain(about, service.id, "PowerDevice"):
        print(f"the way there: {' → '.join(_called(behind, way))}")
    table(about, proof=True, title=behind.topology.title)


def _called(behind: Services, way: list[CIRef]) -> list[str]:
    """Names for people: ports and programs with the device that they are in."""
    records = {r.id: r for r in behind.store.cis([one.id for one in way])}
    above = {r.id: r.name for r in behind.store.cis([r.parent for r in records.values() if r.parent])}
    parts = {i: above[r.parent] for i, r in records.items() if r.ci_class in PARTS and r.parent in above}
    return [f"{one.name} {PARTS[one.ci_class]} {parts[one.id]}" if one.id in parts else one.name for one in way]
