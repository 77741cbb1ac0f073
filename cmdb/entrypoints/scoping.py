"""Which targets a run of scopes has: those that the scopes file names, and those to which neighbours led before."""

from __future__ import annotations

from collections.abc import Sequence

from cmdb.entrypoints.discovery import Following
from cmdb.entrypoints.live import Live
from cmdb.entrypoints.settings import Settings, files
from cmdb.entrypoints.visits import known_visits
from collectors.crawl import Frontier
from collectors.scopes import Scopes, TargetSpec, load_scopes


def scopes_of(values: Settings) -> Scopes:
    """The scopes file, or what the strongest settings file with scopes or credentials says beside the settings."""
    if values.scopes is not None:
        return load_scopes(values.scopes)
    said = (load_scopes(file, beside_settings=True) for file in files() if file.is_file())
    return next((scopes for scopes in said if scopes != Scopes()), Scopes())


def with_followed(
    scopes: Scopes, specs: Sequence[TargetSpec], names: Sequence[str], values: Settings
) -> list[TargetSpec]:
    """The targets, with those of scopes that crawl to which neighbours led before: else nobody would miss them.

    `names` are those of the scopes (none: all of them).
    """
    crawling = {scope.name: scope for scope in scopes.scopes if scope.crawl and (not names or scope.name in names)}
    found = {spec.name: spec for spec in specs}
    taken = {spec.address for spec in specs}
    for visit in known_visits(values.data_dir).values() if crawling else ():
        scope = crawling.get(visit.scope)
        spec = scope.spec_of(visit.address) if scope is not None and visit.read_at else None
        if spec is not None and spec.address not in taken:
            found.setdefault(spec.name, spec)
    return list(found.values())


def followed(scopes: Scopes, specs: Sequence[TargetSpec], found: Live) -> Following | None:
    """How to go on to neighbours; None where no scope says to."""
    if not any(scope.crawl for scope in scopes.scopes):
        return None
    return Following(Frontier(scopes, specs), found.make)
