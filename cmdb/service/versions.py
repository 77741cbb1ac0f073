"""Which versions CIs have: in an attribute, or of a product that is installed on them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cmdb.errors import Invalid, LimitExceeded
from cmdb.model.near import near
from cmdb.model.registry import Model
from cmdb.service import lifecycle
from cmdb.service.version_order import is_compared, version_order
from cmdb.store.protocol import CIRecord, GraphStore, Neighbour
from cmdb.topology import Topology

PRODUCT = "product:"
INSTALLED_ON = "INSTALLED_ON"
PRODUCTS, PAGE = 200, 1_000
MOST_FACTS = 20  # that one release says
_WHAT = re.compile(rf"{PRODUCT}\S.{{0,199}}|[a-z][a-z0-9_]{{0,63}}")


class Fact(NamedTuple):
    """A version: `what` is an attribute, such as os_version, or `product:NAME` for a product that is installed."""

    what: str
    version: str

    @property
    def product(self) -> str:
        """The name of the product, lower case; "" for an attribute."""
        return self.what.removeprefix(PRODUCT).lower() if self.what.startswith(PRODUCT) else ""


def read_facts(texts: Iterable[str]) -> tuple[Fact, ...]:
    """Facts written as `os_version=15.2(8)E` or `product:openssl=3.0.15`. Raises Invalid."""
    found = []
    for text in texts:
        what, is_there, version = text.partition("=")
        if not is_there:
            raise Invalid(f"{text[:80]!r} says no version: write os_version=15.2(8)E or product:openssl=3.0.15")
        found.append(Fact(what.strip(), version.strip()))
    return tuple(found)


def check_facts(facts: Sequence[Fact], model: Model, what: str) -> None:
    """Raise Invalid or LimitExceeded for what is no fact: an attribute that no class has, a version that is empty."""
    if len(facts) > MOST_FACTS:
        raise LimitExceeded(f"{len(facts):,} {what}; at most {MOST_FACTS} fit one release")
    known = {name for ci_class in model.classes.values() if not ci_class.internal for name in ci_class.attributes}
    for fact in facts:
        if not fact.product and fact.what not in known:
            raise Invalid(f"no class has an attribute {fact.what[:80]!r}; {near(fact.what, known)}, or {PRODUCT}NAME")
        if not _WHAT.fullmatch(fact.what):
            raise Invalid(f"{fact.what[:80]!r} is no attribute and no {PRODUCT}NAME; correct it")
        lifecycle.text(fact.version, f"the version of {fact.what}", lifecycle.MAX_NAME)
        if what == "contents" and is_compared(fact.version):
            raise Invalid(f"{fact.what}={fact.version[:80]} is no single version, and a release brings one; write it")


def versions_on(
    store: GraphStore, topology: Topology, cis: Sequence[CIRecord], whats: Iterable[str]
) -> dict[str, dict[str, tuple[str, ...]]]:
    """CI ids -> what -> the versions that it has now, sorted; none where nothing is known."""
    wanted = list(dict.fromkeys(whats))
    products = {Fact(what, "").product: what for what in wanted if what.startswith(PRODUCT)}
    installed = _installed(store, topology, [ci.id for ci in cis], frozenset(products)) if products else {}
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for ci in cis:
        here = {what: _values(ci.attributes.get(what)) for what in wanted if not what.startswith(PRODUCT)}
        found[ci.id] = here | {what: installed.get((ci.id, name), ()) for name, what in products.items()}
    return found


def _values(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(sorted(map(str, value), key=version_order)) if isinstance(value, list | tuple) else (str(value),)


def _installed(
    store: GraphStore, topology: Topology, ids: Sequence[str], names: frozenset[str]
) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """(CI, product name) -> the versions of it that were seen there last.

    After an upgrade the version before is still in the graph, until enough visits did not see it.
    """
    products = _products(topology, ids, names)
    wanted = set(ids)
    seen: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    known = {ci.id: ci for ci in store.cis(products)} if products else {}
    for tie in _ties(store, list(known)):
        product, host = known[tie.ci], tie.other.id
        if host in wanted and (version := product.attributes.get("version")):
            versions = seen[host, product.name.lower()]
            last = max(tie.relationship.seen.values(), default=0)
            versions[str(version)] = max(last, versions.get(str(version), 0))
    return {
        key: tuple(sorted((v for v, last in versions.items() if last == max(versions.values())), key=version_order))
        for key, versions in seen.items()
    }


def _products(topology: Topology, ids: Sequence[str], names: frozenset[str]) -> list[str]:
    """The products (ids) of these names that are installed on some CIs; the graph in memory knows which are."""
    found: dict[str, None] = {}
    with topology.lock:
        facts = topology.facts
        for ci in ids:
            here = topology.find(ci)
            for type_, far, outgoing in facts.users.get(here, {}) if here is not None else ():
                node = facts.nodes[far]
                if type_ == INSTALLED_ON and not outgoing and node.is_there and node.name.lower() in names:
                    found[node.id] = None
    return sorted(found)


def _ties(store: GraphStore, products: Sequence[str]) -> Iterator[Neighbour]:
    """Where products are installed: a query for some hundred products, and one for each thousand CIs more of one."""
    for at in range(0, len(products), PRODUCTS):
        pages = store.neighbours(products[at : at + PRODUCTS], [INSTALLED_ON], "out", PAGE)
        for product, page in pages.items():
            yield from page.neighbours
            while page.more:
                page = store.neighbours([product], [INSTALLED_ON], "out", PAGE, page.cursor)[product]
                yield from page.neighbours
