"""Recordings of command lines as folders: `NAME.ssh/` with `platform` and `commands.ndjson`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cmdb.errors import Invalid, LimitExceeded, NotFound
from collectors.scrub import blot_out, scrub_configuration, scrub_text
from collectors.transport.record import enter_target, file_name
from collectors.transport.replay import TARGETS_FILE, read_targets

SUFFIX = ".ssh"
PLATFORM, COMMANDS = "platform", "commands.ndjson"
HOST = "host"
MAX_BYTES = 64 * 1024 * 1024
PROTOCOLS = ("ssh", "netmiko")  # what `targets.tsv` may call them
_PLATFORM = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SHOWN = 60  # characters of a platform that is none


class CommandLine(msgspec.Struct, frozen=True):
    """One line of `commands.ndjson`; of a host it is one section of the script, which `section` names.

    Of a time-out the exit status is 124, of an answer that was cut 141; null where the end was not seen.
    """

    command: str
    stdout: str = ""
    exit_status: int | msgspec.UnsetType | None = msgspec.UNSET
    stderr: str = ""
    section: str = ""


@dataclass(frozen=True)
class CommandsRecording:
    """The answers of one target. `platform` is `host`, or the device type that netmiko calls it by.

    `bad` says which lines are none, each with its place.
    """

    platform: str
    lines: tuple[CommandLine, ...]
    bad: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordedCommands:
    """Where a recorded target is found; `address` is "" where `targets.tsv` gives none."""

    name: str
    address: str
    path: Path
    platform: str


def is_commands_recording(path: Path) -> bool:
    """Whether a path is such a folder."""
    return path.name.endswith(SUFFIX) and path.is_dir()


def find_commands(paths: Iterable[Path], targets_file: Path | None = None) -> list[RecordedCommands]:
    """Recordings in folders (not below them), or given themselves, in order of their names.

    Addresses come from `targets_file`, or from the `targets.tsv` beside the recordings. Raises Invalid for two
    recordings of one name, or one whose platform can't be read.
    """
    listed = _listed(targets_file) if targets_file else {}
    found: dict[str, Path] = {}
    for path in paths:
        for folder in _recordings_of(path):
            table = folder.parent / TARGETS_FILE
            if targets_file is None and table.is_file():
                listed |= _listed(table)
            name = folder.name.removesuffix(SUFFIX)
            if name in found and found[name].resolve() != folder.resolve():
                raise Invalid(f"{folder}: {found[name]} is a recording of the same name. Rename one.")
            found[name] = folder
    return [RecordedCommands(n, listed.get(n, ""), found[n], read_platform(found[n])) for n in sorted(found)]


def _listed(table: Path) -> dict[str, str]:
    return {name: at for protocol in PROTOCOLS for name, at in read_targets(table, protocol).items()}


def _recordings_of(path: Path) -> list[Path]:
    if is_commands_recording(path):
        return [path]
    return sorted(p for p in path.iterdir() if is_commands_recording(p)) if path.is_dir() else []


def read_platform(folder: Path) -> str:
    """What answered. Raises NotFound, Invalid and LimitExceeded."""
    platform = _text(folder / PLATFORM).strip()
    if not _PLATFORM.fullmatch(platform):
        shown = platform[:_SHOWN]
        raise Invalid(f"{folder / PLATFORM}: {shown!r} is neither `host` nor a device type such as `cisco_ios`")
    return platform


def read_commands(folder: Path) -> CommandsRecording:
    """Read a folder; lines that are none are told. Raises NotFound, Invalid and LimitExceeded."""
    platform = read_platform(folder)
    lines: list[CommandLine] = []
    bad: list[str] = []
    for number, raw in enumerate(_text(folder / COMMANDS).split("\n"), 1):
        if not raw.strip():
            continue
        try:
            lines.append(msgspec.json.decode(raw, type=CommandLine))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            bad.append(f"{folder / COMMANDS}:{number}: {error}")
    return CommandsRecording(platform, tuple(lines), tuple(bad))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"{path} is missing: a recording of commands has the files {PLATFORM} and {COMMANDS}") from error
    except OSError as error:
        raise Invalid(f"{path} can't be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise LimitExceeded(f"{path} is longer than {MAX_BYTES} bytes")
    return data.decode("utf-8", "replace")


def write_commands(folder: Path, recording: CommandsRecording, secrets: Sequence[bytes] = ()) -> list[Path]:
    """Write a folder without the secrets that its texts hold; gives the files that were written."""
    folder.mkdir(parents=True, exist_ok=True)
    platform, commands = folder / PLATFORM, folder / COMMANDS
    scrub = scrub_text if recording.platform == HOST else scrub_configuration
    clean = (_clean(line, secrets, scrub) for line in recording.lines)
    commands.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in clean))
    platform.write_text(f"{recording.platform}\n", encoding="utf-8")
    return [platform, commands]


def _clean(line: CommandLine, secrets: Sequence[bytes], scrub: Callable[[str], str]) -> CommandLine:
    stdout, stderr = (scrub(blot_out(text, secrets)) for text in (line.stdout, line.stderr))
    return msgspec.structs.replace(line, stdout=stdout, stderr=stderr)


def save_commands(
    folder: Path, target: str, address: str, recording: CommandsRecording, secrets: Sequence[bytes] = ()
) -> Path:
    """Write a recording as `NAME.ssh` into `folder`, and enter it in `targets.tsv`; gives its own folder.

    `secrets` are those of the session. An existing recording of that name is replaced.
    """
    name = file_name(target)
    place = folder / f"{name}{SUFFIX}"
    write_commands(place, recording, secrets)
    enter_target(folder / TARGETS_FILE, name, address, "ssh" if recording.platform == HOST else "netmiko")
    return place
