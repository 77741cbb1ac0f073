"""The shape of a scopes file, before names and references in it are followed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import ConfigDict, Field

from cmdb.errors import CmdbError
from collectors.ranges import valid

Protocol = Literal["snmp", "ssh", "netmiko"]
SNMP_PORT, SSH_PORT = 161, 22


class _Strict(pydantic.BaseModel):
    """Unknown keys are errors, and no error repeats what the file says: it may be a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TargetEntry(_Strict):
    """A single target with a name of its own."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    address: Annotated[str, Field(min_length=1, max_length=255)]
    snmp_port: Annotated[int, Field(ge=1, le=65535)] = SNMP_PORT
    ssh_port: Annotated[int, Field(ge=1, le=65535)] = SSH_PORT


def _checked_range(text: str) -> str:
    try:
        return valid(text)
    except CmdbError as error:
        raise ValueError(str(error)) from error


_Range = Annotated[str, pydantic.AfterValidator(_checked_range)]


_UNITS = {"m": 60, "h": 3600, "d": 86_400}
SHORTEST_S, LONGEST_S = 60, 366 * 86_400


def _period(text: object) -> int:
    """Seconds of a period such as `15m`, `6h` or `1d`."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("a period is a number with m, h or d behind it, as 15m, 6h or 1d")
    seconds = int(found[1]) * _UNITS[found[2]]
    if seconds > LONGEST_S:
        raise ValueError("a period is a year at most")
    return seconds


_Period = Annotated[int, pydantic.BeforeValidator(_period)]


class ScheduleEntry(_Strict):
    """How often a server reads what of a scope, in seconds; what has no period is read with nothing of its own."""

    identity: _Period | None = None
    inventory: _Period | None = None
    neighbours: _Period | None = None
    forwarding: _Period | None = None


class ScopeEntry(_Strict):
    """A named part of the network."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    ranges: tuple[_Range, ...] = ()
    exclude: tuple[_Range, ...] = ()
    protocols: tuple[Protocol, ...] = ("snmp",)
    credentials: tuple[str, ...] = ()
    sweep: bool = True
    crawl: bool = False
    every: ScheduleEntry = ScheduleEntry()
    target: tuple[TargetEntry, ...] = ()


class V1Entry(_Strict):
    """Access by community."""

    name: str
    kind: Literal["snmp-v1", "snmp-v2c"]
    community: str


class V3Entry(_Strict):
    """Access as a user of version 3."""

    name: str
    kind: Literal["snmp-v3"]
    user: Annotated[str, Field(min_length=1, max_length=32)]  # RFC 3414: SnmpAdminString (SIZE(1..32))
    auth: str | None = None
    auth_secret: str | None = None
    priv: str | None = None
    priv_secret: str | None = None


class SshEntry(_Strict):
    """Access by SSH."""

    name: str
    kind: Literal["ssh"]
    user: Annotated[str, Field(min_length=1)]
    key_file: Path | None = None
    password: str | None = None
    sudo: bool = False


CredentialEntry = Annotated[V1Entry | V3Entry | SshEntry, Field(discriminator="kind")]


class ScopesFile(_Strict):
    """The whole file."""

    scope: tuple[ScopeEntry, ...] = ()
    credential: tuple[CredentialEntry, ...] = ()
