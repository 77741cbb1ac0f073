"""Scopes and credentials: which addresses to discover, and as whom."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pydantic

from cmdb.errors import NotFound, UsageError
from collectors.ranges import Addresses, canonical, covers, expand, is_single, split_port, valid
from collectors.scopes_file import (
    SNMP_PORT,
    SSH_PORT,
    Protocol,
    ScopeEntry,
    ScopesFile,
    SshEntry,
    V1Entry,
    V3Entry,
)
from collectors.transport.credentials import Auth, Community, Credential, Priv, Secret, SshLogin, UsmUser

MAX_TARGETS = 1 << 20
MAX_FILE_BYTES = 4 << 20

_AUTH = {a.replace("-", ""): a for a in ("MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512")} | {"SHA": "SHA-1"}
_PRIVS = ("DES", "3DES", "AES-128", "AES-192", "AES-256", "AES-192-C", "AES-256-C")
_PRIV = {p.replace("-", ""): p for p in _PRIVS} | {"AES": "AES-128"}


@dataclass(frozen=True)
class TargetSpec:
    """One address or host name to discover, with its credentials in the order in which they are tried.

    `expected` is False where it is only one address of a range: nobody need be there.
    """

    name: str
    address: str
    port: int = SNMP_PORT
    ssh_port: int = SSH_PORT
    scope: str = ""
    protocols: tuple[Protocol, ...] = ("snmp",)
    credentials: tuple[Credential, ...] = ()
    expected: bool = True
    exclude: Addresses | None = field(default=None, compare=False, repr=False)  # a name may lead to one of these


@dataclass(frozen=True)
class Scope:
    """A named part of the network that is discovered together."""

    name: str
    ranges: tuple[str, ...]
    inside: Addresses
    exclude: Addresses
    targets: tuple[TargetSpec, ...]
    protocols: tuple[Protocol, ...]
    credentials: tuple[Credential, ...]
    crawl: bool = False  # follow neighbours
    sweep: bool = True  # ask all addresses of ranges; without it they only say how far to follow
    every_s: Mapping[str, int] = field(default_factory=dict)  # what a server reads of it, by the name of the kind

    def spec_of(self, address: str) -> TargetSpec | None:
        """The target that an address is here; None where no range has it as a host, or it is excluded."""
        address = canonical(address)
        if address in self.exclude:
            return None
        for text in self.ranges:
            host, port = split_port(text, SNMP_PORT)
            if covers(host, address):
                return _spec(address, port, self, expected=False)
        return None


@dataclass(frozen=True)
class Scopes:
    """Everything that the scopes file says."""

    scopes: tuple[Scope, ...] = ()
    credentials: tuple[Credential, ...] = ()

    def targets(self, names: Sequence[str] = ()) -> list[TargetSpec]:
        """All targets of the scopes named (of all, if none are), each name once: the first scope that has it counts.

        Raises NotFound for a scope that does not exist, LimitExceeded for more than MAX_TARGETS addresses.
        """
        known = {scope.name: scope for scope in self.scopes}
        for name in names:
            if name not in known:
                raise NotFound(f"there is no scope {name!r}; scopes are: {', '.join(sorted(known)) or 'none'}")
        chosen = [known[name] for name in names] if names else self.scopes
        found = {spec.name: spec for scope in chosen for spec in _own(scope)}
        # An address that has a name of its own is not visited once more because a range covers it.
        named = {spec.address for spec in found.values()}
        taken: set[tuple[str, int]] = set()
        for scope in chosen:
            for spec in _of_ranges(scope):
                place = (spec.address, spec.port)
                if spec.address not in named and place not in taken:
                    taken.add(place)
                    found.setdefault(spec.name, spec)
        return list(found.values())

    def resolve(self, text: str) -> list[TargetSpec]:
        """What a `TARGET` of the command line means: the name of a target, or `address[:port]`, a range, a host name.

        Credentials are those of the scope that has it, else all there are. Raises UsageError, LimitExceeded.
        """
        for scope in self.scopes:
            named = [spec for spec in scope.targets if spec.name == text]
            if named:
                return named
        host, port = split_port(valid(text), SNMP_PORT)
        rest = Scope("", (), Addresses(()), Addresses(()), (), ("snmp",), self.credentials)
        addresses = list(expand(host, MAX_TARGETS))
        homes = [(address, next((s for s in self.scopes if _holds(s, address)), rest)) for address in addresses]
        return [_spec(address, port, home, expected=len(addresses) == 1) for address, home in homes]


def _name(address: str, port: int) -> str:
    if port == SNMP_PORT:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _holds(scope: Scope, address: str) -> bool:
    if address in scope.exclude:
        return False
    return address in scope.inside or any(address == spec.address for spec in scope.targets)


def _own(scope: Scope) -> list[TargetSpec]:
    """Targets of a scope with a name of their own."""
    return [spec for spec in scope.targets if spec.address not in scope.exclude]


def _of_ranges(scope: Scope) -> Iterator[TargetSpec]:
    """The addresses of a scope's ranges as targets."""
    for text in scope.ranges:
        host, port = split_port(text, SNMP_PORT)
        if not scope.sweep and not is_single(host):
            continue
        addresses = list(expand(host, MAX_TARGETS))
        for address in addresses:
            if address not in scope.exclude:
                yield _spec(address, port, scope, expected=len(addresses) == 1)


def _spec(address: str, port: int, scope: Scope, expected: bool) -> TargetSpec:
    return TargetSpec(
        _name(address, port),
        address,
        port,
        SSH_PORT,
        scope.name,
        scope.protocols,
        scope.credentials,
        expected,
        scope.exclude,
    )


def load_scopes(path: Path, beside_settings: bool = False) -> Scopes:
    """Read a scopes file (TOML). With `beside_settings` other keys of the file are left to the settings.

    Raises UsageError that names file and key.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise UsageError(f"{path}: a scopes file has at most {MAX_FILE_BYTES} bytes")
        table = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: the scopes file can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from error
    if beside_settings:
        table = {key: value for key, value in table.items() if key in ScopesFile.model_fields}
    return parse_scopes(table, str(path), path.parent)


def parse_scopes(table: Mapping[str, Any], place: str, folder: Path = Path()) -> Scopes:
    """Check what a scopes file says; `place` names it in errors, `folder` is where relative paths start."""
    try:
        read = ScopesFile.model_validate(table)
    except pydantic.ValidationError as error:
        raise UsageError("\n".join(f"{place}: {_where(e['loc'])}: {_what(e)}" for e in error.errors())) from None
    credentials: dict[str, Credential] = {}
    for number, entry in enumerate(read.credential):
        where = f"{place}: credential[{number}]"
        if entry.name in credentials:
            raise UsageError(f"{where}.name: there are two credentials {entry.name!r}")
        credentials[entry.name] = _credential(entry, where, folder)
    scopes: dict[str, Scope] = {}
    names: set[str] = set()
    for number, scope in enumerate(read.scope):
        where = f"{place}: scope[{number}]"
        for at, target in enumerate(scope.target):
            if target.name in names:
                raise UsageError(f"{where}.target[{at}].name: there are two targets {target.name!r}")
            names.add(target.name)
        if scope.name in scopes:
            raise UsageError(f"{where}.name: there are two scopes {scope.name!r}")
        scopes[scope.name] = _scope(scope, credentials, where)
    return Scopes(tuple(scopes.values()), tuple(credentials.values()))


def _where(location: Sequence[int | str]) -> str:
    """A place in the file, such as `scope[0].target[1].snmp_port`."""
    tags = ("snmp-v1", "snmp-v2c", "snmp-v3", "ssh")
    parts = (f"[{p}]" if isinstance(p, int) else f".{p}" for p in location if p not in tags)
    return "".join(parts).lstrip(".")


def _what(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such key"
    if error["type"] == "union_tag_not_found":
        return "kind is missing: snmp-v1, snmp-v2c, snmp-v3 or ssh"
    return str(error["msg"]).removeprefix("Value error, ")


def _scope(read: ScopeEntry, credentials: Mapping[str, Credential], where: str) -> Scope:
    for number, name in enumerate(read.credentials):
        if name not in credentials:
            known = ", ".join(sorted(credentials)) or "none"
            raise UsageError(
                f"{where}.credentials[{number}]: there is no credential {name!r}; credentials are: {known}"
            )
    chosen = tuple(credentials[name] for name in read.credentials)
    exclude = Addresses(read.exclude)
    targets = tuple(
        TargetSpec(t.name, t.address, t.snmp_port, t.ssh_port, read.name, read.protocols, chosen, exclude=exclude)
        for t in read.target
    )
    inside = Addresses(read.ranges)
    every = {kind: seconds for kind, seconds in read.every.model_dump().items() if seconds is not None}
    rest = read.protocols, chosen, read.crawl, read.sweep, every
    return Scope(read.name, read.ranges, inside, exclude, targets, *rest)


def _credential(read: V1Entry | V3Entry | SshEntry, where: str, folder: Path) -> Credential:
    if isinstance(read, V1Entry):
        version: Literal["v1", "v2c"] = "v1" if read.kind == "snmp-v1" else "v2c"
        return Community(read.name, version, _secret(read.community, f"{where}.community", folder))
    if isinstance(read, SshEntry):
        if (read.key_file is None) == (read.password is None):
            raise UsageError(f"{where}: give either key_file or password")
        password = _secret(read.password, f"{where}.password", folder) if read.password is not None else None
        key_file = folder / read.key_file if read.key_file else None
        return SshLogin(read.name, read.user, key_file, password, read.sudo)
    return _user(read, where, folder)


def _user(read: V3Entry, where: str, folder: Path) -> UsmUser:
    for kind, protocol, secret in (("auth", read.auth, read.auth_secret), ("priv", read.priv, read.priv_secret)):
        if (protocol is None) != (secret is None):
            raise UsageError(f"{where}: {kind} and {kind}_secret belong together; give both or none")
    if read.priv and not read.auth:
        raise UsageError(f"{where}: priv needs auth (RFC 3414 has no privacy without authentication)")
    auth: Auth | None = _choose(read.auth, _AUTH, f"{where}.auth")  # type: ignore[assignment]  # values of the table
    priv: Priv | None = _choose(read.priv, _PRIV, f"{where}.priv")  # type: ignore[assignment]  # values of the table
    auth_secret = _secret(read.auth_secret, f"{where}.auth_secret", folder) if read.auth_secret is not None else None
    priv_secret = _secret(read.priv_secret, f"{where}.priv_secret", folder) if read.priv_secret is not None else None
    return UsmUser(read.name, read.user, auth, auth_secret, priv, priv_secret)


def _choose(text: str | None, names: Mapping[str, str], where: str) -> str | None:
    if text is None:
        return None
    name = names.get(text.upper().replace("-", "").replace("_", ""))
    if name is None:
        raise UsageError(f"{where}: {text!r} is not known; choose one of {', '.join(dict.fromkeys(names.values()))}")
    return name


def _secret(reference: str, where: str, folder: Path) -> Secret:
    try:
        return Secret(reference, folder)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
