"""Which CIs something is about: by class and name."""

from __future__ import annotations

from typing import Any

import msgspec

from cmdb.changes import STATUSES
from cmdb.errors import Invalid
from cmdb.model.near import near
from cmdb.model.registry import Model
from cmdb.service.lifecycle import MAX_NAME

MAX_CLASSES = 50


class Scope(msgspec.Struct, frozen=True):
    """CIs of these classes, or of classes that extend them (none: of any), whose names start so, in these states."""

    classes: tuple[str, ...] = ()
    name: str = ""
    status: tuple[str, ...] = ("planned", "in_stock", "in_service", "missing")

    def check(self, model: Model) -> Scope:
        """The same scope; raises Invalid for words that nothing is called by."""
        if len(self.classes) > MAX_CLASSES or len(self.name) > MAX_NAME:
            raise Invalid(f"a scope takes at most {MAX_CLASSES} classes and {MAX_NAME} characters of a name")
        for name in self.classes:
            if model.ci_class(name).internal:
                raise Invalid(f"{name} is a class of the program itself; name a class of CIs")
        for status in self.status:
            if status not in STATUSES:
                raise Invalid(f"there is no status {status!r}; {near(status, STATUSES)}")
        return self

    def holds(self, model: Model, ci_class: str, name: str, status: str) -> bool:
        """Whether a CI is meant."""
        found = model.classes.get(ci_class)
        if found is None or found.internal or status not in self.status:
            return False
        if self.classes and set(self.classes).isdisjoint(model.ancestry(ci_class)):
            return False
        return name.lower().startswith(self.name.lower())

    def as_body(self) -> dict[str, Any]:
        """The scope as plain values."""
        return {"classes": list(self.classes), "name": self.name, "status": list(self.status)}

    def words(self) -> str:
        """The scope for people."""
        what = ", ".join(self.classes) or "CIs of all classes"
        return f"{what} named {self.name}…" if self.name else what


def scope_of(body: dict[str, Any]) -> Scope:
    """The scope that `as_body` gave."""
    return Scope(tuple(body["classes"]), body["name"], tuple(body["status"]))
