"""Verify impact answers of a running server from outside: everything over GraphQL, nothing of the program imported.

    python tests/impact/outside.py --url http://127.0.0.1:8000/graphql --seeds core-1 pdu-2
    python tests/impact/outside.py --url … --all 200

Reads the requirements, cables and roots of the whole estate, puts the planes together by the published rules, and then
checks each answer: every step of the proof follows from earlier ones, and nothing next to a loss was forgotten. With
`--seeds` one question about all of them together, with `--all N` one about each of N CIs. Exit code 0: all answers
hold; 1: one is refuted, and why; 2: the server can't be asked. Of answers in which something is only possible, what is
sure is checked.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.impact.checker import LAN, Checker, in_the_dark
from tests.impact.estate import Estate, Ground, Literal, Need

FORWARDING = {"switch", "router", "firewall", "access_point", "load_balancer"}
PARTS = {"Chassis", "Module", "Interface"}
PAGE, CABLES, PROVIDERS, ENTRIES, LOST, MOST = 100, 8, 6, 100, 60, 1_000

REQUIREMENT = "requirements { id needed total onLoss pass holds providers(first: %d) { ci { id } weight connected } }"
CIS = """query Cis($after: String) { cis(first: %d, after: $after) { nodes {
  id name class parent { id } ... on Device { roles } %s } pageInfo { hasNextPage endCursor } } }"""
WHOLE = "query Whole($ids: [ID!]!) { nodes(ids: $ids) { id ... on ConfigurationItem { %s } } }"
CABLED = """query Cabled($after: String, $class: [CiClass!]) { cis(filter: {class: $class}, first: %d, after: $after) {
  nodes { id %s } pageInfo { hasNextPage endCursor } } }"""
TIES = """relationships(types: [CONNECTED_TO, ATTACHED_TO], first: %d, after: $more) {
  nodes { from { id } to { id } attributes { name value } } pageInfo { hasNextPage endCursor } }"""
MORE = "query More($ids: [ID!]!, $more: String) { nodes(ids: $ids) { id ... on ConfigurationItem { %s } } }"
PLANES = "{ planes { name roots { id } } ledger { head { sequence } } }"
GROUP = "group { id needed total lostWeight lost(first: %d) { id weight plane } }"
IMPACT = """query Impact($input: ImpactInput!) { impact(input: $input) { sequence truncated
  summary { down downPlanned maintenance isolated degraded atRisk toRetest serviceCount }
  nodes { ci { id } state toRetest certainty order isService }
  proof { number kind ci { id } state certainty %s plane island cites }
  spared { ci { id } %s carriers(first: %d) { id weight plane } margin livePath { id } } } }"""


class Unanswered(Exception):
    """The server refuses a question, or is not there."""


@dataclass
class Server:
    """Where to ask, and how often it was."""

    url: str
    token: str = ""
    asked: int = 0

    def ask(self, document: str, **variables: Any) -> Any:
        """The data of an answer."""
        self.asked += 1
        body = json.dumps({"query": document, "variables": variables}).encode()
        headers = {"content-type": "application/json"} | (
            {"authorization": f"Bearer {self.token}"} if self.token else {}
        )
        request = urllib.request.Request(self.url, body, headers)  # noqa: S310 - as the caller says
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                found = json.load(answer)
        except (OSError, ValueError) as error:
            text = error.read().decode(errors="replace")[:500] if isinstance(error, urllib.error.HTTPError) else ""
            raise Unanswered(f"{self.url}: {error} {text}") from error
        if found.get("errors"):
            raise Unanswered(found["errors"][0]["message"])
        return found["data"]

    def pages(self, document: str, **variables: Any) -> Iterator[Any]:
        """All nodes of `cis`."""
        after = None
        while True:
            page = self.ask(document, after=after, **variables)["cis"]
            yield from page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]


@dataclass
class Known:
    """The estate as the API tells it, put together anew."""

    classes: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    forwarding: set[str] = field(default_factory=set)
    cables: dict[str, set[str]] = field(default_factory=dict)
    named: dict[str, Need] = field(default_factory=dict)
    users: dict[str, list[str]] = field(default_factory=dict)  # CI -> ids of requirements that it provides or owns
    planes: dict[str, Ground] = field(default_factory=dict)
    dark: set[Literal] = field(default_factory=set)
    sequence: int = 0

    def device(self, ci: str) -> str:
        """What an interface, module or chassis is in."""
        while self.classes.get(ci) in PARTS and ci in self.parents:
            ci = self.parents[ci]
        return ci

    def is_transit(self, ci: str) -> bool:
        """Whether a CI stands in the planes."""
        if self.classes[ci] == "Interface":
            return self.device(ci) in self.forwarding or bool(self.cables.get(ci))
        return self.classes[ci] == "Segment" or ci in self.forwarding

    def lay_planes(self, roots: dict[str, set[str]]) -> None:
        """Put the planes together: cables, and forwarding devices with their interfaces."""
        members = {ci for ci in self.classes if self.is_transit(ci)}
        links = {frozenset((a, b)) for a in members for b in self.cables.get(a, ()) if b in members and a != b}
        for ci in members:
            device = self.device(ci)
            if self.classes[ci] == "Interface" and device in self.forwarding and device != ci:
                links.add(frozenset((ci, device)))
        through = {
            name: {ci for ci in members if self.device(ci) in of - self.forwarding} for name, of in roots.items()
        }
        needed = {lit[0] for need in self.named.values() for lit in need.weights if isinstance(lit, tuple)}
        for name in needed | {LAN}:  # in any other plane nobody needs a path
            grounded = (roots.get(name, set()) & members) | through.get(name, set())
            self.planes[name] = Ground(members, links, grounded)
        self.dark = in_the_dark(Estate([], [], self.planes))

    def near(self, cis: set[str], groups: set[str]) -> dict[str, Need]:
        """The requirements that some CIs provide or own, and some more."""
        ids = groups.union(*(self.users.get(ci, ()) for ci in cis))
        return {id_: self.named[id_] for id_ in ids}


def read(server: Server) -> Known:
    """Read what impact rests on. Raises Unanswered."""
    known, cut = Known(), list[str]()
    for row in server.pages(CIS % (PAGE, REQUIREMENT % PROVIDERS)):
        known.classes[row["id"]] = row["class"]
        if row["parent"]:
            known.parents[row["id"]] = row["parent"]["id"]
        if FORWARDING.intersection(row.get("roles") or ()):
            known.forwarding.add(row["id"])
        if any(len(r["providers"]) == PROVIDERS for r in row["requirements"]):
            cut.append(row["id"])
        _take(known, row)
    for ci in cut:
        _take(known, server.ask(WHOLE % (REQUIREMENT % MOST), ids=[ci])["nodes"][0])
    document = (CABLED % (PAGE, TIES % CABLES)).replace(", after: $more", "")
    for row in server.pages(document, **{"class": ["Interface", "Segment"]}):
        _cables(known, row)
        page = row["relationships"]["pageInfo"]
        while page["hasNextPage"]:
            more = server.ask(MORE % (TIES % 200), ids=[row["id"]], more=page["endCursor"])["nodes"][0]
            _cables(known, more)
            page = more["relationships"]["pageInfo"]
    told = server.ask(PLANES)
    known.sequence = told["ledger"]["head"]["sequence"]
    known.lay_planes({plane["name"]: {root["id"] for root in plane["roots"]} for plane in told["planes"]})
    return known


def _take(known: Known, row: Any) -> None:
    for told in row["requirements"]:
        mentions = tuple(
            ((p["connected"], p["ci"]["id"]) if p["connected"] else p["ci"]["id"], p["weight"])
            for p in told["providers"]
        )
        known.named[told["id"]] = Need(row["id"], told["needed"], mentions, told["onLoss"], told["pass"])
        for ci in {row["id"], *(p["ci"]["id"] for p in told["providers"])}:
            if told["id"] not in known.users.setdefault(ci, []):
                known.users[ci].append(told["id"])


def _cables(known: Known, row: Any) -> None:
    for tie in row["relationships"]["nodes"]:
        ends = tie["from"]["id"], tie["to"]["id"]
        is_inside = any(a["name"] == "internal" and a["value"] in (True, "true") for a in tie["attributes"])
        if not is_inside and all(ci in known.classes for ci in ends):
            for near, far in (ends, ends[::-1]):
                known.cables.setdefault(near, set()).add(far)


def answer(server: Server, seeds: list[dict[str, str]], sequence: int | None = None) -> Any:
    """A whole impact answer, page by page, as plain objects."""
    document, skip, whole = IMPACT % (GROUP % LOST, GROUP % LOST, LOST), 0, None
    while True:
        given = {"seeds": seeds, "first": ENTRIES, "skip": skip} | ({"sequence": sequence} if sequence else {})
        page = plain(server.ask(document, input=given)["impact"])
        lists = [page.nodes, page.proof, page.spared]
        if whole is None:
            whole = page
        else:
            whole.nodes, whole.proof, whole.spared = (a + b for a, b in zip(_lists(whole), lists, strict=True))
        if page.sequence != whole.sequence:
            raise Unanswered("the graph changed between two pages of one answer; ask again")
        if all(len(entries) < ENTRIES for entries in lists):
            whole.truncated = False
            return whole
        skip += ENTRIES


def _lists(page: Any) -> list[Any]:
    return [page.nodes, page.proof, page.spared]


def plain(value: Any) -> Any:
    """JSON as objects with names as Python writes them."""
    if isinstance(value, dict):
        return SimpleNamespace(**{_snake(k): tuple(v) if k == "cites" else plain(v) for k, v in value.items()})
    return [plain(v) for v in value] if isinstance(value, list) else value


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def verify(known: Known, kinds: dict[str, str], told: Any) -> None:
    """Check one answer. Raises AssertionError with the reason."""
    assert told.sequence == known.sequence, f"the graph is at commit {told.sequence}, not {known.sequence} any more"
    cis = {*kinds, *(step.ci.id for step in told.proof), *(node.ci.id for node in told.nodes)}
    groups = {step.group.id for step in told.proof if step.group} | {spared.group.id for spared in told.spared}
    named = known.near(cis, groups)
    estate, judged = Estate([], list(named.values()), known.planes), set(known.planes)
    checker = Checker(estate, named, kinds, told, dark=known.dark, judged=judged)
    if any(node.certainty == "POSSIBLE" for node in told.nodes):
        checker.check_sure()
    else:
        checker.check()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Verify impact answers of a running server from outside.")
    parser.add_argument("--url", required=True, help="where GraphQL is served, http://…/graphql")
    parser.add_argument("--token", default="", help="a token, if the server wants one")
    parser.add_argument("--kind", default="DOWN", choices=["DOWN", "MAINTENANCE", "DEGRADED"])
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--seeds", nargs="+", metavar="KEY", help="CIs of one question, by id, identifier or name")
    asked.add_argument("--all", type=int, metavar="N", help="one question about each of N CIs")
    options = parser.parse_args(arguments)
    try:
        return check_all(Server(options.url, options.token), options.kind, options.seeds, options.all)
    except Unanswered as error:
        print(error, file=sys.stderr)
        return 2


def check_all(server: Server, kind: str, seeds: list[str] | None, count: int | None) -> int:
    """Ask and check; prints what was checked, or what is wrong."""
    began = time.perf_counter()
    known = read(server)
    members = max((len(g.members) for g in known.planes.values()), default=0)
    print(f"{len(known.classes):,} CIs, {len(known.named):,} requirements, {members:,} transit CIs at commit ", end="")
    print(f"{known.sequence}, read in {time.perf_counter() - began:.1f} s by {server.asked:,} questions")
    questions = [[{"key": key, "kind": kind} for key in seeds]] if seeds else _each(known, kind, count or 1)
    tally, spent = Counter[str](), [0.0, 0.0]
    for question in questions:
        start = time.perf_counter()
        told = answer(server, question)
        between = time.perf_counter()
        kinds = dict.fromkeys((s.ci.id for s in told.proof if s.kind == "SEED"), kind)
        try:
            assert len(kinds) == len(question), "not every seed is in the proof"
            verify(known, kinds, told)
        except (AssertionError, KeyError, StopIteration) as error:
            print(f"REFUTED {json.dumps(question)}: {type(error).__name__} {error}", file=sys.stderr)
            return 1
        spent = [spent[0] + between - start, spent[1] + time.perf_counter() - between]
        tally["answers of which only what is sure was checked"] += any(n.certainty == "POSSIBLE" for n in told.nodes)
        tally.update(
            {"answers": 1, "steps": len(told.proof), "impacted CIs": len(told.nodes), "spared": len(told.spared)}
        )
    print(f"verified: {', '.join(f'{n:,} {what}' for what, n in tally.items() if n)}; ", end="")
    print(f"{spent[0]:.1f} s of asking, {spent[1]:.1f} s of checking")
    return 0


def _each(known: Known, kind: str, count: int) -> list[list[dict[str, str]]]:
    """One question about each of some CIs, the same ones each time."""
    cis = sorted(known.classes)
    chosen = random.Random(1).sample(cis, min(count, len(cis)))
    return [[{"ci": ci, "kind": kind}] for ci in chosen]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
