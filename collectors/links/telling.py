"""The report of one target about its ties, put together piece by piece."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cmdb.observation import LINKS, Identifier, Link, Observation, Report, Value, path
from collectors.facts import Facts
from collectors.links.network import Device


class Telling:
    """What one target says; each thing once, with all of its links."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._things: dict[str, Observation] = {}
        self._links: dict[str, dict[tuple[str, str], Link]] = {}

    def device(self, device: Device) -> str:
        """Mention a device that is known; returns its key."""
        self._things.setdefault(
            device.key, Observation(device.ci_class, device.key, {}, identifiers=device.identifiers, role="mentioned")
        )
        return device.key

    def port(self, device: Device, key: str) -> str:
        """Mention a port that is known; returns its path."""
        self.device(device)
        parent = device.parent_of(key)
        if parent != device.key:
            whole, ci_class, inner = parent.rsplit("|", 2)
            self._things.setdefault(
                parent,
                Observation(
                    ci_class, inner.replace("%7C", "|").replace("%25", "%"), {}, parent=whole, role="mentioned"
                ),
            )
        where = path(parent, "Interface", key)
        self._things.setdefault(where, Observation("Interface", key, {}, parent=parent, role="mentioned"))
        return where

    def mention(self, ci_class: str, key: str, identifiers: tuple[Identifier, ...]) -> str:
        """Mention a thing that another report describes; returns its key."""
        self._things.setdefault(key, Observation(ci_class, key, {}, identifiers=identifiers, role="mentioned"))
        return key

    def inside(self, parent: str, part: Observation) -> str:
        """Mention a part of something that was mentioned; returns its path."""
        where = path(parent, part.ci_class, part.key)
        self._things.setdefault(where, msgspec.structs.replace(part, parent=parent))
        return where

    def thing(
        self, ci_class: str, key: str, attributes: Mapping[str, Value], identifiers: tuple[Identifier, ...]
    ) -> str:
        """Report something new; returns its key."""
        self._things.setdefault(
            key, Observation(ci_class, key, dict(sorted(attributes.items())), identifiers=identifiers, role="reported")
        )
        return key

    def part(self, parent: str, ci_class: str, key: str, attributes: Mapping[str, Value]) -> str:
        """Report a part of something that was reported; returns its path."""
        where = path(parent, ci_class, key)
        part = Observation(ci_class, key, dict(sorted(attributes.items())), parent=parent, role="reported")
        self._things.setdefault(where, part)
        return where

    def tie(self, thing: str, link: Link) -> None:
        """Say a link from something that was mentioned or reported; one said before with the same end stays."""
        self._links.setdefault(thing, {}).setdefault((link.type, link.to), link)

    def report(self) -> Report | None:
        """The whole of it, in an order of its own; None where nothing was said."""
        if not self._things:
            return None
        found = []
        for where, thing in sorted(self._things.items(), key=lambda item: (item[1].parent is not None, item[0])):
            links = tuple(link for _, link in sorted(self._links.get(where, {}).items()))
            found.append(msgspec.structs.replace(thing, links=links))
        return Report(self.facts.source, self.facts.target, self.facts.at, tuple(found), complete=False, part=LINKS)
