"""Loads the device profiles and the table of enterprise numbers, and says what is wrong with them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from cmdb.errors import Invalid
from collectors.snmp.profile import ATTRIBUTES, Match, Profile, ProfileFile, Rule, bad_regex, problems
from collectors.snmp.vendor_tables import VendorTable, bad_oid

FOLDER = Path(__file__).parent / "profiles"
ENTERPRISES = Path(__file__).parent / "enterprises.yaml"
REGISTERED = Path(__file__).parent / "enterprise_numbers.txt"
GENERIC = "generic"  # the profile that all others end in


class Catalogue:
    """All profiles by name, in order of their names."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self.profiles = {p.name: p for p in sorted(profiles, key=lambda p: p.name)}
        self.generic = self.profiles[GENERIC]


@functools.cache
def catalogue(folder: Path = FOLDER) -> Catalogue:
    """Load every YAML file of a folder; raises Invalid with one line per problem: file, key, what is wrong."""
    errors: list[str] = []
    files: dict[str, tuple[Path, ProfileFile]] = {}
    for file in sorted(folder.glob("*.yaml")):
        parsed = _read(file, errors)
        if parsed is None:
            continue
        if parsed.name in files:
            errors.append(
                f"{file.name}: name: {parsed.name!r} is taken by {files[parsed.name][0].name}; choose another"
            )
        files[parsed.name] = (file, parsed)
        errors.extend(f"{file.name}: {problem}" for problem in _check(parsed))
    if GENERIC not in files:
        errors.append(f"{folder.name}: there is no profile named {GENERIC!r}; all others end in it")
    profiles = [] if errors else [_resolve(name, files, errors) for name in files]
    if errors:
        raise Invalid("device profiles cannot be used:\n" + "\n".join(f"  {e}" for e in errors))
    return Catalogue(profiles)


def _read(file: Path, errors: list[str]) -> ProfileFile | None:
    """Parse one file; problems of YAML and of unknown or wrong keys go into `errors`."""
    try:
        return msgspec.convert(_yaml(file), ProfileFile)
    except yaml.YAMLError as error:
        errors.append(f"{file.name}: not YAML: {' '.join(str(error).split())}")
    except msgspec.ValidationError as error:
        errors.append(f"{file.name}: {error}")
    return None


def _yaml(file: Path) -> Any:
    return yaml.load(file.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader


def _check(file: ProfileFile) -> list[str]:
    """Problems that types do not tell."""
    found = []
    for number, match in enumerate(file.match):
        where = f"match[{number}]"
        if match == Match():
            found.append(f"{where}: has no condition; give sys_object_id, sys_descr or answers")
        if match.value is not None and match.answers is None:
            found.append(f"{where}.value: needs `answers`, the OID whose value it is")
        found += [f"{where}.{k}: {why}" for k in ("sys_object_id", "answers") if (why := bad_oid(getattr(match, k)))]
        found += [f"{where}.{k}: {why}" for k in ("sys_descr", "value") if (why := bad_regex(getattr(match, k)))]
    for key, tables in _tables(file).items():
        found += [f"{key}[{n}]: {problem}" for n, table in enumerate(tables) for problem in table.problems()]
    for attribute in ATTRIBUTES:
        for number, rule in enumerate(_rules(file, attribute)):
            found += [f"{attribute}[{number}]: {problem}" for problem in problems(rule)]
    return found


def _tables(file: ProfileFile) -> dict[str, Sequence[VendorTable]]:
    """Makers' tables by the key under which they stand."""
    return {"parts": file.parts, "members": file.members, "interfaces": file.interfaces}


def _rules(file: ProfileFile, attribute: str) -> tuple[Rule, ...]:
    """The rules of one attribute; a plain text is a rule too."""
    given = getattr(file, attribute)
    return (Rule(text=given),) if isinstance(given, str) else tuple(given)


def _resolve(name: str, files: dict[str, tuple[Path, ProfileFile]], errors: list[str]) -> Profile:
    """A profile with what it inherits."""
    line = _line(name, files, errors)
    first = files[name][1]

    def nearest(key: str) -> Any:
        return next((v for f in line if (v := getattr(f, key)) is not None), None)

    roles = nearest("roles")
    return Profile(
        name=name,
        match=tuple(first.match),
        priority=nearest("priority") or 0,
        ci_class=nearest("ci_class"),
        roles=None if roles is None else tuple(roles),
        rules={a: tuple(r for f in line for r in _rules(f, a)) for a in ATTRIBUTES},
        parts=tuple(table for f in line for table in f.parts),
        members=tuple(table for f in line for table in f.members),
        interfaces=tuple(table for f in line for table in f.interfaces),
    )


def _line(name: str, files: dict[str, tuple[Path, ProfileFile]], errors: list[str]) -> list[ProfileFile]:
    """A profile and those that it extends, nearest first, ending in the generic one."""
    line: list[ProfileFile] = []
    at: str | None = name
    while at is not None:
        if at not in files:
            errors.append(f"{files[line[-1].name][0].name}: extends: there is no profile named {at!r}")
            break
        if any(f.name == at for f in line):
            errors.append(
                f"{files[name][0].name}: extends: goes in a circle: {' → '.join([*(f.name for f in line), at])}"
            )
            break
        line.append(files[at][1])
        at = line[-1].extends or (GENERIC if at != GENERIC else None)
    return line


@functools.cache
def enterprises(file: Path = ENTERPRISES) -> dict[int, str]:
    """Makers by enterprise number (the arc after 1.3.6.1.4.1); raises Invalid."""
    try:
        return msgspec.convert(_yaml(file), dict[int, str])
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise Invalid(f"{file.name}: must map enterprise numbers to makers: {' '.join(str(error).split())}") from error


def registered(number: int) -> str | None:
    """Who registered an enterprise number with IANA; None for numbers that nobody has."""
    head = f"\n{number}\t".encode()
    start = _registry().find(head)
    if start < 0:
        return None
    start += len(head)
    return _registry()[start : _registry().index(b"\n", start)].decode("utf-8")


@functools.cache
def _registry() -> bytes:
    """The registry as it is: one look for the few numbers that nothing else knows costs less than 59,000 names."""
    return REGISTERED.read_bytes()
