"""Settings as one flat table: defaults, where each value came from, and their documentation."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pydantic

from cmdb.errors import UsageError

PREFIX = "CMDB_"
FILE = "cmdb.toml"
OTHER_TABLES = {"scope", "credential"}  # read by collectors.scopes
Role = Literal["viewer", "operator", "change_manager", "auditor", "administrator", "feeder"]
NEVER = "never"
SECRET_REFERENCES = ("env:", "file:", "credential:")


def default_data_dir() -> Path:
    """Where the embedded store keeps its data unless told otherwise (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_DATA_HOME") or _home() / ".local/share") / "cmdb"


def _home() -> Path:
    """The user's home; the root of the file system for a user that the system has no entry for, as in containers."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


class Settings(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Everything that can be set. Modules receive values, never this."""

    data_dir: Path = pydantic.Field(
        default_factory=default_data_dir,
        description="folder of the embedded store, of waiting pushes and the topology's snapshot; made if missing",
    )
    store_uri: str = pydantic.Field(
        "",
        pattern=r"^$|^(bolt|neo4j)(\+s|\+ssc)?://",
        description="Neo4j to use instead of the embedded store, as bolt://host:port or neo4j://host:port",
    )
    store_user: str = pydantic.Field("neo4j", description="user at `store_uri`")
    store_password: str = pydantic.Field(
        "",
        description="reference to the password at `store_uri`: env:NAME, file:PATH (mode 0600) or credential:NAME",
    )
    store_database: str = pydantic.Field("neo4j", description="name of the database at `store_uri`")
    store_heap_mb: int = pydantic.Field(
        1024, ge=256, le=65536, description="memory of the embedded engine in megabytes"
    )
    host: str = pydantic.Field("127.0.0.1", description="address that the server listens on")
    port: int = pydantic.Field(8000, ge=0, le=65535, description="port of the server; 0: any free one")
    scopes: Path | None = pydantic.Field(None, description="file with the scopes and credentials of discovery")
    known_hosts: Path | None = pydantic.Field(
        None, description="file of SSH host keys in OpenSSH's form; none: known_hosts in `data_dir`"
    )
    in_flight: int = pydantic.Field(200, ge=1, le=5000, description="devices that are discovered at the same time")
    in_flight_per_subnet: int = pydantic.Field(
        64, ge=1, le=5000, description="devices of one subnet (/24, /64) that are discovered at the same time"
    )
    device_time_s: int = pydantic.Field(
        600, ge=1, le=86_400, description="seconds for one device; what was not read by then makes it partial"
    )
    sweep_packets_per_s: int = pydantic.Field(
        2000, ge=1, le=1_000_000, description="packets a second with which ranges are swept"
    )
    sweep_packets_per_subnet_s: int = pydantic.Field(
        500, ge=1, le=1_000_000, description="packets a second with which one subnet (/24, /64) is swept"
    )
    batch_observations: int = pydantic.Field(
        5000, ge=1, le=50_000, description="observations written in one commit of a discovery run, at least one device"
    )
    push_compressed_bytes: int = pydantic.Field(
        10 * 2**20, ge=1024, le=2**30, description="size of a compressed body of a push"
    )
    push_decompressed_bytes: int = pydantic.Field(
        100 * 2**20, ge=1024, le=2**30, description="size of the body of a push, unpacked"
    )
    push_ratio: int = pydantic.Field(
        100, ge=2, le=1000, description="times that a compressed body may grow when unpacked"
    )
    push_items: int = pydantic.Field(10_000, ge=1, le=100_000, description="items of one push")
    push_item_bytes: int = pydantic.Field(2**20, ge=1024, le=2**26, description="size of one pushed item")
    push_depth: int = pydantic.Field(64, ge=4, le=500, description="levels of nesting of a pushed item")
    push_at_once: int = pydantic.Field(
        500, ge=0, le=100_000, description="items that are answered at once; a push of more becomes a job"
    )
    push_waiting: int = pydantic.Field(20, ge=2, le=1000, description="pushes that may stand in line; full at 80 %")
    push_per_minute: int = pydantic.Field(
        60_000, ge=1, le=10_000_000, description="items that one source may push in a minute"
    )
    push_jobs: int = pydantic.Field(100, ge=2, le=10_000, description="jobs that may wait; full at 80 %")
    quarantine_items: int = pydantic.Field(
        10_000, ge=0, le=1_000_000, description="pushed items kept for a person because nobody could place them"
    )
    retention_free_text_days: int = pydantic.Field(
        0, ge=0, le=36_500, description="days that free text is kept after it was superseded; 0: for ever"
    )
    retention_personal_days: int = pydantic.Field(
        0, ge=0, le=36_500, description="days that personal values are kept after they were superseded; 0: for ever"
    )
    retention_reason_days: int = pydantic.Field(
        0, ge=0, le=36_500, description="days that reasons of commits are kept; 0: for ever"
    )
    roles: dict[str, Role] = pydantic.Field(
        default={},
        description="who may do what, by login: viewer, operator, change_manager, auditor, administrator or feeder;"
        " where it is empty everybody is administrator, else those who are not listed may only read",
    )
    control: Path | None = pydantic.Field(
        None, description="file that says who may edit what and what is reviewed; none: everything is automatic"
    )
    precedence: Path | None = pydantic.Field(
        None, description="file that says whose word counts, for the sources that it names; the others as in the model"
    )
    absence: Path | None = pydantic.Field(
        None,
        description="file that says when what is not seen is missing or retired; the rest as in the model",
    )
    alarm_rules: Path | None = pydantic.Field(
        None, description="file that says what alarms say of their CIs; none: the rules that come with the program"
    )
    shrink_limit: int = pydantic.Field(
        20, ge=0, le=100, description="percent of the targets of a run that may fall silent at once and be believed"
    )
    sweep_every_s: int = pydantic.Field(
        3600, ge=0, le=86_400 * 7, description="seconds between the sweeps of a server; 0: it does not sweep"
    )
    recheck_every_s: int = pydantic.Field(
        60,
        ge=0,
        le=86_400 * 7,
        description="seconds until a server assesses waiting changes again, and looks again for the CIs of"
        " alarms that nobody could place; 0: it does not",
    )
    scan_at: str = pydantic.Field(
        "03:00",
        pattern=r"^never$|^([01]\d|2[0-3]):[0-5]\d$",
        description="time of day (UTC) at which a server scans the estate for what is fragile; never: it does not",
    )
    scan_time_s: int = pydantic.Field(
        900, ge=1, le=86_400, description="seconds after which each scan of the day ends with what it has found"
    )
    scan_keep_days: int = pydantic.Field(
        90, ge=1, le=3_660, description="days that the numbers of daily scans are listed; the ledger keeps all of them"
    )
    snapshot_every_s: int = pydantic.Field(
        600, ge=0, le=86_400 * 7, description="seconds between the snapshots of the topology; 0: none is kept"
    )
    log_level: str = pydantic.Field(
        "info", pattern="^(debug|info|warning|error)$", description="least level of log lines"
    )

    @pydantic.field_validator("roles", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        """Roles from the environment, as `ann=auditor,otto=operator`."""
        if not isinstance(value, str):
            return value
        return {
            name.strip(): role.strip() for name, _, role in (pair.partition("=") for pair in value.split(",") if pair)
        }

    @pydantic.field_validator("store_password")
    @classmethod
    def _reference(cls, value: str) -> str:
        if value and not value.startswith(SECRET_REFERENCES):
            raise ValueError("a secret is never written out: refer to it as env:NAME, file:PATH or credential:NAME")
        return value


def minutes_of(time: str) -> int:
    """Minutes after midnight of a time of day."""
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


class Origins(dict[str, str]):
    """Setting → where its value came from."""


def files() -> list[Path]:
    """Settings files, the strongest first: here, of the user, of the machine."""
    config = Path(os.environ.get("XDG_CONFIG_HOME") or _home() / ".config")
    return [Path(FILE), config / "cmdb" / "config.toml", Path("/etc/cmdb/config.toml")]


def load(
    flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ, paths: list[Path] | None = None
) -> tuple[Settings, Origins]:
    """Settings from flags, then the environment (`CMDB_…`), then files, then defaults; and where each came from.

    Raises UsageError that names the place and the key of everything that does not fit.
    """
    layers = [("flag", {k: v for k, v in flags.items() if v is not None})]
    layers.append(("environment", _from_environment(environment)))
    layers += [(str(p), _from_file(p)) for p in (files() if paths is None else paths) if p.is_file()]
    values: dict[str, Any] = {}
    origins = Origins({name: "default" for name in Settings.model_fields})
    for place, layer in reversed(layers):
        unknown = sorted(set(layer) - set(Settings.model_fields))
        if unknown:
            known = ", ".join(sorted(Settings.model_fields))
            raise UsageError(f"{place}: there is no setting {unknown[0]!r}; settings are {known}")
        for name, value in layer.items():
            values[name], origins[name] = value, place
    try:
        return Settings(**values), origins
    except pydantic.ValidationError as error:
        listed = "; ".join(
            f"{origins.get(str(e['loc'][0]), 'settings')}: {'.'.join(map(str, e['loc']))}: {e['msg']}"
            for e in error.errors()
        )
        raise UsageError(listed) from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Variables `CMDB_NAME` as settings `name`; other variables of that prefix are errors, as keys of files are."""
    return {k[len(PREFIX) :].lower(): v for k, v in environment.items() if k.startswith(PREFIX) and v != ""}


def _from_file(file: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not TOML: {error}") from error
    except OSError as error:
        raise UsageError(f"{file}: can't be read: {error.strerror}") from error
    return {k: v for k, v in table.items() if k not in OTHER_TABLES}


def describe() -> str:
    """All settings as a table in Markdown."""
    rows = ["| setting | type | default | what it is |", "| --- | --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        kinds = (dict,) if get_origin(field.annotation) is dict else get_args(field.annotation) or (field.annotation,)
        kind = " or ".join(t.__name__ for t in kinds if t and t is not type(None))
        default = "per user" if field.default_factory else repr(field.default) if field.default is not None else "none"
        rows.append(f"| `{name}` | {kind} | {default} | {field.description} |")
    return "\n".join(rows) + "\n"
