"""The shape of a scopes file, before names and references in it are followed."""

from __future__ import annotations

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


class ScopeEntry(_Strict):
    """A named part of the network."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    ranges: tuple[_Range, ...] = ()
    exclude: tuple[_Range, ...] = ()
    protocols: tuple[Protocol, ...] = ("snmp",)
    credentials: tuple[str, ...] = ()
    crawl: bool = False
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
