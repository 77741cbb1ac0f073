"""Makes one shell text of many commands, and takes its output apart again."""

from __future__ import annotations

import re
import shlex

from collectors.transport.host_answers import Command, Script, Section

COMMAND_S = 20  # for one command, where the host has `timeout`
_FAREWELL = 65_536  # bytes at the end of a stream among which the last marker is looked for

# Works in dash, bash, ksh and BusyBox ash. The script comes on standard input, so that no list of processes shows its
# marker and no command may read from it. The marker goes to both streams: what stands between two belongs together.
_HEAD = """\
M={marker}
LC_ALL=C
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
S={sudo}
[ "$(id -u 2>/dev/null)" = 0 ] && S=
export LC_ALL PATH S
unset ENV BASH_ENV
T=
if timeout -k 2 {seconds} true </dev/null >/dev/null 2>&1; then T='timeout -k 2 {seconds}'
elif timeout {seconds} true </dev/null >/dev/null 2>&1; then T='timeout {seconds}'
elif timeout -t {seconds} true </dev/null >/dev/null 2>&1; then T='timeout -t {seconds}'
fi
m() {{ printf '\\n%s %s\\n' "$M" "$*" >&2; printf '\\n%s %s\\n' "$M" "$*"; }}
"""


def compose(script: Script, marker: str, sudo: bool = False, seconds: int = COMMAND_S) -> bytes:
    """The shell text that runs a script. With `sudo`, `$S` in commands is `sudo -n`, which never asks."""
    head = _HEAD.format(marker=marker, sudo="'sudo -n'" if sudo else "", seconds=seconds)
    sections = (f"m b {n}\n$T sh -c {shlex.quote(c.shell)} </dev/null\nm e {n} $?\n" for n, c in enumerate(script))
    return (head + "".join(sections) + "m end\n").encode()


def is_finished(stdout: bytes, stderr: bytes, marker: str) -> bool:
    """Whether the last marker has come on both streams; a login shell may say something after it."""
    end = f"\n{marker} end\n".encode()
    return all(stream.find(end, max(0, len(stream) - _FAREWELL)) >= 0 for stream in (stdout, stderr))


def has_begun(stdout: bytes, marker: str) -> bool:
    """Whether a shell ran the script at all."""
    return f"\n{marker} b 0\n".encode() in stdout


def split(script: Script, marker: str, stdout: bytes, stderr: bytes) -> dict[str, Section]:
    """Sections of an output by name; what a shell prints around them is left out."""
    out, errors = _pieces(marker, stdout), _pieces(marker, stderr)
    return {
        command.name: _section(command, out[number], errors.get(number, (b"", None)))
        for number, command in enumerate(script)
        if number in out
    }


def _section(command: Command, out: tuple[bytes, int | None], errors: tuple[bytes, int | None]) -> Section:
    return Section(
        command.name, command.shell, out[0].decode("utf-8", "replace"), errors[0].decode("utf-8", "replace"), out[1]
    )


def _pieces(marker: str, stream: bytes) -> dict[int, tuple[bytes, int | None]]:
    """Text and exit status between the markers of each section; the status is None where the end did not come."""
    found: dict[int, tuple[bytes, int | None]] = {}
    line = re.compile(rb"\n%s (?:b (\d+)|e (\d+) (\d+)|end)\n" % re.escape(marker).encode())
    begun: tuple[int, int] | None = None
    for match in line.finditer(stream):
        if match[1] is not None:
            begun = int(match[1]), match.end()
        elif match[2] is not None and begun is not None and begun[0] == int(match[2]):
            found[begun[0]] = stream[begun[1] : match.start()], int(match[3])
            begun = None
    if begun is not None:
        found[begun[0]] = stream[begun[1] :], None
    return found
