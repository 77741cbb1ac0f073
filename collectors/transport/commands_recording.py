"""Recordings of command lines as folders: `NAME.ssh/` with `platform` and `commands.ndjson`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cmdb.errors import Invalid, LimitExceeded, NotFound

SUFFIX = ".ssh"
PLATFORM, COMMANDS = "platform", "commands.ndjson"
MAX_BYTES = 64 * 1024 * 1024
SCRUBBED = "<scrubbed>"
_SHORTEST = 4  # a secret of one to three characters is part of too many innocent texts
_PLATFORM = re.compile(r"[a-z][a-z0-9_]{0,63}")
# Lines of configurations and of process lists that carry secrets; the word before stays.
_SECRETS = re.compile(
    r"(?P<word>\b(?:snmp-server community|snmp-agent community (?:read|write)(?: cipher| simple)?"
    r"|(?:password|secret|passphrase|pre-shared-key|key-string|encrypted-password|authentication-key|auth-password"
    r"|priv-password)(?: (?:cipher|simple|irreversible-cipher|hash|encrypted|sha512|[0-9]))*))"
    r"(?P<gap>[ =:]+)(?P<value>\"[^\"\n]*\"|[^\s;,]+)",
    re.IGNORECASE,
)
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


class CommandLine(msgspec.Struct, frozen=True):
    """One line of `commands.ndjson`. Of a time-out the exit status is 124, of an answer that was cut 141."""

    command: str
    stdout: str
    exit_status: int = 0


@dataclass(frozen=True)
class CommandsRecording:
    """The answers of one target. `platform` is `host`, or the device type that netmiko calls it by."""

    platform: str
    lines: tuple[CommandLine, ...]
    bad_lines: int = 0


def is_commands_recording(path: Path) -> bool:
    """Whether a path is such a folder."""
    return path.name.endswith(SUFFIX) and path.is_dir()


def read_commands(folder: Path) -> CommandsRecording:
    """Read a folder; lines that are none are counted. Raises NotFound, Invalid and LimitExceeded."""
    platform = _text(folder / PLATFORM).strip()
    if not _PLATFORM.fullmatch(platform):
        raise Invalid(f"{folder / PLATFORM}: {platform[:60]!r} is neither `host` nor a device type such as `cisco_ios`")
    lines: list[CommandLine] = []
    bad = 0
    for raw in _text(folder / COMMANDS).split("\n"):
        if not raw.strip():
            continue
        try:
            lines.append(msgspec.json.decode(raw, type=CommandLine))
        except (msgspec.DecodeError, UnicodeError):
            bad += 1
    return CommandsRecording(platform, tuple(lines), bad)


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
    clean = (msgspec.structs.replace(line, stdout=scrub_text(line.stdout, secrets)) for line in recording.lines)
    commands.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in clean))
    platform.write_text(f"{recording.platform}\n", encoding="utf-8")
    return [platform, commands]


def scrub_text(text: str, secrets: Iterable[bytes] = ()) -> str:
    """Blot out `secrets` (those of the session) wherever they are, private keys, and what stands behind `password`."""
    words = {s.decode("utf-8", "replace") for s in secrets if len(s) >= _SHORTEST}
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, SCRUBBED)
    text = _KEY_BLOCK.sub(SCRUBBED, text)
    return _SECRETS.sub(lambda m: f"{m['word']}{m['gap']}{SCRUBBED}", text)
