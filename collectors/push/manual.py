"""What people write down about CIs, in a file: it becomes the observations of source `manual`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cmdb.model.near import near
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Link, Observation, Report, Value, path
from collectors.push.document import Strict, read_document, refuse

SOURCE = "manual"

Scalar = str | int | float | bool
Text = Annotated[str, Field(min_length=1, max_length=1000)]
Attributes = Annotated[dict[str, Scalar | list[Scalar]], Field(max_length=200)]


class ManualLink(Strict):
    """A relationship to another CI: `to` is a key of this file, an identifier, or a path below one of these."""

    type: Text
    to: Text
    attributes: Attributes = {}


class ManualProvider(Strict):
    """One of the CIs that can fill a requirement; `connected` names the plane in which it must have a live path."""

    to: Text
    weight: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    connected: Text | None = None


class ManualRequirement(Strict):
    """So much weight of these providers must be there for the CI to work."""

    name: Text
    needed: Annotated[int, Field(ge=1, le=1_000_000)]
    providers: Annotated[list[ManualProvider], Field(min_length=1, max_length=10_000)]
    on_loss: Literal["none", "at_risk", "degraded"] = "at_risk"
    pass_: Literal["never", "needed", "any"] = Field("needed", alias="pass")


class ManualCI(Strict):
    """One CI. A dependent one stands under `parts` of its parent, and `key` is its local key there."""

    ci_class: Text = Field(alias="class")
    name: Text | None = None
    status: Literal["planned", "in_stock", "in_service", "retired"] | None = None
    key: Text | None = None
    identifiers: Annotated[list[Text], Field(max_length=100)] = []
    attributes: Attributes = {}
    links: Annotated[list[ManualLink], Field(max_length=10_000)] = []
    requirements: Annotated[list[ManualRequirement], Field(max_length=100)] = []
    parts: Annotated[list[ManualCI], Field(max_length=100_000)] = []


class ManualFile(Strict):
    """A whole file. `name` is the target that its observations belong to: a later file of that name replaces them."""

    format: Literal[1]
    name: Text
    cis: Annotated[list[ManualCI], Field(max_length=100_000)]


def read_manual(file: Path, at: int, model: Model) -> Report:
    """Read a file of manual observations; `at` in epoch milliseconds. Raises Invalid with file and key."""
    return manual_report(read_document(file, ManualFile), at, model, str(file))


def manual_report(
    content: ManualFile, at: int, model: Model, name: str, label: Callable[[int], str] = "cis[{}]".format
) -> Report:
    """Turn a file's content into observations, all of role self: what a person says is said of the thing itself.

    `label` gives the key in the file `name` at which the CI of an index was written, for messages.
    """
    writer = _Writer(content, model, label)
    observations = tuple(writer.observations())
    refuse(name, writer.mistakes)
    return Report(source=SOURCE, target=content.name, at=at, observations=observations, tables=("file",))


class _Writer:
    """Goes through a file once and keeps what was wrong with it."""

    def __init__(self, content: ManualFile, model: Model, label: Callable[[int], str]) -> None:
        self.content, self.model, self.label = content, model, label
        self.mistakes: list[tuple[str, str]] = []
        self.keys: dict[str, str] = {}  # key of the file -> key of the observation
        self.classes: dict[str, str] = {}  # name of an observation -> its class
        for at, ci in enumerate(content.cis):
            self._register(ci, label(at))

    def observations(self) -> Iterator[Observation]:
        """All observations, parents first."""
        for at, ci in enumerate(self.content.cis):
            if ci.identifiers:
                yield from self._observe(ci, None, self.label(at))

    def _register(self, ci: ManualCI, where: str) -> None:
        """Note the names of a CI before anything refers to them."""
        if not ci.identifiers:
            known = self.model.classes.get(ci.ci_class)
            if known and known.inside and not known.independent:
                self._mistake(where, f"a {ci.ci_class} is part of another CI: put it under `parts` of that one")
            else:
                self._mistake(f"{where}.identifiers", "is missing; say how the CI is known, such as service:web-shop")
            return
        key = ci.identifiers[0]
        for name, field in {ci.key or key: "key", key: "identifiers[0]"}.items():
            if self.keys.setdefault(name, key) != key or (name == key and key in self.classes):
                self._mistake(f"{where}.{field}", f"{name!r} already stands for another CI of this file")
        self.classes[key] = ci.ci_class
        self._register_parts(ci, key)

    def _register_parts(self, ci: ManualCI, name: str) -> None:
        for part in ci.parts:
            if part.key:
                below = path(name, part.ci_class, part.key)
                self.classes[below] = part.ci_class
                self._register_parts(part, below)

    def _observe(self, ci: ManualCI, parent: str | None, where: str) -> Iterator[Observation]:
        key = ci.identifiers[0] if parent is None else ci.key
        if not self._check_class(ci, parent, where) or key is None:
            return
        own = key if parent is None else path(parent, ci.ci_class, key)
        attributes = self._attributes(ci, where)
        links = tuple(self._links(ci, own, where))
        identifiers = tuple(self._identifiers(ci, where))
        yield Observation(ci.ci_class, key, attributes, identifiers, parent, links)
        for at, requirement in enumerate(ci.requirements):
            yield self._requirement(requirement, own, f"{where}.requirements[{at}]")
        for at, part in enumerate(ci.parts):
            yield from self._observe(part, own, f"{where}.parts[{at}]")
        self._check_twins(ci, where)

    def _check_class(self, ci: ManualCI, parent: str | None, where: str) -> bool:
        known = self.model.classes.get(ci.ci_class)
        if known is None or known.abstract or known.internal:
            names = [c.name for c in self.model.classes.values() if not c.abstract and not c.internal]
            self._mistake(f"{where}.class", f"there is no class {ci.ci_class!r}; {near(ci.ci_class, names)}")
            return False
        if parent is None:
            return True
        if misfit := self.model.check_parent(ci.ci_class, self.classes[parent]):
            self._mistake(f"{where}.class", misfit)
        elif not ci.key:
            self._mistake(f"{where}.key", "is missing; a part needs the name by which its parent knows it")
        elif ci.identifiers:
            self._mistake(f"{where}.identifiers", "a part has none; its key inside its parent names it")
        return True

    def _check_twins(self, ci: ManualCI, where: str) -> None:
        seen: set[tuple[str, str]] = set()
        for at, (kind, key) in enumerate([(p.ci_class, p.key or "") for p in ci.parts]):
            if key and (kind, key) in seen:
                self._mistake(f"{where}.parts[{at}].key", f"{kind} {key!r} stands under this CI twice")
            seen.add((kind, key))
        names = [r.name for r in ci.requirements]
        for at, name in enumerate(names):
            if name in names[:at]:
                self._mistake(f"{where}.requirements[{at}].name", f"{name!r} stands under this CI twice")

    def _attributes(self, ci: ManualCI, where: str) -> dict[str, Value]:
        given: dict[str, Value] = {"name": ci.name} if ci.name else {}
        if "name" in ci.attributes:
            self._mistake(f"{where}.attributes.name", "write the name one level up, beside `class`")
        if "status" in ci.attributes:
            self._mistake(f"{where}.attributes.status", "write the status one level up, beside `class`")
            return given
        accepted, problems = self.model.check_attributes(ci.ci_class, {**ci.attributes, **given})
        for name, _, message in problems:
            self._mistake(f"{where}.attributes.{name}" if name != "name" else f"{where}.name", message)
        return {**accepted, "status": ci.status} if ci.status else dict(accepted)

    def _identifiers(self, ci: ManualCI, where: str) -> Iterator[Identifier]:
        schemes = {s.scheme: s for s in self.model.classes[ci.ci_class].identifiers}
        for at, key in enumerate(ci.identifiers):
            scheme, colon, value = key.partition(":")
            if not colon or not value:
                self._mistake(f"{where}.identifiers[{at}]", f"{key!r} is no identifier; write scheme:value")
            elif scheme not in schemes:
                what = f"{scheme!r} does not identify a {ci.ci_class}; {near(scheme, schemes)}"
                self._mistake(f"{where}.identifiers[{at}]", what)
            else:
                yield Identifier(key, schemes[scheme].strong)

    def _links(self, ci: ManualCI, own: str, where: str) -> Iterator[Link]:
        for at, link in enumerate(ci.links):
            known = self.model.relationship_types.get(link.type)
            here = f"{where}.links[{at}]"
            if known is None or known.internal:
                names = [t.name for t in self.model.relationship_types.values() if not t.internal]
                self._mistake(f"{here}.type", f"there is no relationship type {link.type!r}; {near(link.type, names)}")
                continue
            to = self._resolve(link.to, f"{here}.to")
            if to == own:
                self._mistake(f"{here}.to", "a CI can't be tied to itself")
            elif to in self.classes and (misfit := self.model.check_ends(link.type, ci.ci_class, self.classes[to])):
                self._mistake(here, misfit)
            attributes, problems = self.model.check_link(link.type, link.attributes)
            for name, message in problems:
                self._mistake(f"{here}.attributes.{name}", message)
            yield Link(link.type, to, attributes or {}, "file")

    def _requirement(self, wanted: ManualRequirement, owner: str, where: str) -> Observation:
        links: list[Link] = []
        for at, provider in enumerate(wanted.providers):
            attributes: dict[str, Value] = {"weight": provider.weight}
            if provider.connected:
                attributes["connected"] = provider.connected
            to = self._resolve(provider.to, f"{where}.providers[{at}].to")
            if to == owner:
                self._mistake(f"{where}.providers[{at}].to", "a CI can't be its own provider")
            if any(to == link.to for link in links):
                self._mistake(f"{where}.providers[{at}].to", f"{provider.to!r} is already a provider here")
            links.append(Link("PROVIDED_BY", to, attributes, "file"))
        attributes = {"name": wanted.name, "needed": wanted.needed, "on_loss": wanted.on_loss, "pass": wanted.pass_}
        return Observation("Requirement", wanted.name, attributes, (), owner, tuple(links))

    def _resolve(self, to: str, where: str) -> str:
        """The far end as the rest of the program knows it, if it is of this file or an identifier."""
        head, bar, rest = to.partition("|")
        key = self.keys.get(head)
        if key is not None:
            return key + bar + rest
        if ":" not in head:
            self._mistake(where, f"{head!r} is neither a key of this file nor an identifier; {near(head, self.keys)}")
        return to

    def _mistake(self, where: str, what: str) -> None:
        self.mistakes.append((where, what))
