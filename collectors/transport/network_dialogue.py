"""One command and its answer over a terminal line that may pause, page, repeat prompts, or never end."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from collectors.transport.commands import CommandAnswer, Outcome, answered

_CONTROL_SEQUENCE = re.compile(
    r"\x1b(?:\[(?P<number>\d*)(?P<letter>[A-Za-z])|\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78ME])"
)
_PAGER = re.compile(
    r"(?:<-{2,4} ?more ?-{2,4}>|-{2,4} ?\(?more(?: \d{1,3}%)?\)? ?-{2,4}|\bpress any key to continue[^\n]{0,40}"
    r"|\bmore: <space>,[^\n]{0,60})",
    re.IGNORECASE,
)
_ASKED = re.compile(rf"[ \t]*{_PAGER.pattern}[ \t]?", re.IGNORECASE)
_NEEDS_DRAWING = re.compile(r"[\x07\x08\r\x1b]")
_WIDEST = 1000  # columns that a cursor is moved at once
_TAIL = 512  # characters in which a prompt or a pager is looked for
_INTERRUPT = "\x03"
_QUIET_S = 0.2  # without a word between, whatever was still under way has come
_FIRST_WORD_S, _SILENCE_S = 3.0, 0.3
_AGAIN_S, _MOST_AGAIN = 2.0, 3  # an empty line that was typed while the device printed may be lost


class Line(Protocol):
    """A terminal line."""

    def send(self, text: str) -> None:
        """Type a text."""

    def receive(self, timeout_s: float) -> bytes | None:
        """What came, as soon as something comes; None if nothing does, b"" at the end of the session."""


@dataclass(frozen=True)
class CommandLimits:
    """What one command may take: seconds, bytes, and pages of a pager that could not be switched off."""

    timeout_s: float = 60.0
    bytes: int = 4 << 20
    pages: int = 5000
    recover_s: float = 5.0


def find_prompt(line: Line, end: float, now: Callable[[], float] = time.monotonic) -> str:
    """The prompt: what stands in the last line after one empty line, and after another; "" where nothing does so."""
    before = ""
    while now() < end:
        line.send("\n")
        tail = ""
        while (left := end - now()) > 0:
            chunk = line.receive(min(left, _SILENCE_S if tail else _FIRST_WORD_S))
            if not chunk:
                break
            tail = (tail + drawn(chunk))[-_TAIL:]
        last = tail.rpartition("\n")[2].strip()
        if last and last == before:
            return last
        before = last
    return ""


class Dialogue:
    """Commands one after the other over one line, whose prompt is `prompt`. `deadline` is of the clock `now`."""

    def __init__(
        self,
        line: Line,
        prompt: str,
        deadline: float,
        limits: CommandLimits | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line, self._deadline, self._limits, self._now = line, deadline, limits or CommandLimits(), now
        self._word = word = re.escape(prompt.strip())
        self._prompt = re.compile(rf"(?:^|\n)[ \t]*{word}[ \t]*$")
        # Two prompts that follow each other: that of the command, and that of an empty line typed after it. Junos
        # prints the role of the routing engine above each.
        between = r"(?:\n[ \t]*|\n\{[^\n]{0,40}\}[ \t]*)"
        role = r"(?:(?:^|\n)\{[^\n]{0,40}\}[ \t]*)?"
        self._end = re.compile(rf"{role}(?:^|\n)[ \t]*{word}[ \t]*{between}*\n[ \t]*{word}[ \t]*$")
        self._lost = ""

    def synchronise(self) -> bool:
        """Type two empty lines and wait for two prompts: whatever came before belongs to the greeting."""
        self._line.send("\n\n")
        return self._settle()

    def ask(self, command: str) -> CommandAnswer:
        """Run a command. Whatever the device does is told by the outcome; raises what the line raises."""
        if self._lost:
            detail = f"the prompt did not come back after {self._lost!r}"
            return CommandAnswer(command, outcome=Outcome.TIMEOUT, detail=detail)
        end = min(self._now() + self._limits.timeout_s, self._deadline)
        if self._now() >= end:
            return CommandAnswer(command, outcome=Outcome.TIMEOUT, detail="the time for this device was used up")
        raw, outcome, detail = self._collect(command, end)
        text = self._answer(command, without_pager(drawn(raw)))
        if outcome is Outcome.READ:
            return answered(command, text)
        self._recover(command)
        return CommandAnswer(command, text, outcome, detail)

    def _collect(self, command: str, end: float) -> tuple[bytes, Outcome, str]:
        raw = bytearray()
        tail = ""
        typed = pages = 0
        echo, echoed = command.encode(), False
        self._line.send(f"{command}\n")
        while (left := end - self._now()) > 0:
            chunk = self._line.receive(min(left, _AGAIN_S) if typed else left)
            if chunk is None:
                if typed and self._end.search(tail):  # a device that echoes nothing
                    return bytes(raw), Outcome.READ, ""
                if 0 < typed < _MOST_AGAIN and self._prompt.search(tail):
                    typed += 1
                    self._line.send("\n")
                continue
            if not chunk:
                self._lost = command
                return bytes(raw), Outcome.CUT, "the session ended within the answer"
            raw += chunk
            if len(raw) > self._limits.bytes:
                return bytes(raw), Outcome.CUT, f"more than {self._limits.bytes} bytes"
            tail = drawn(bytes(raw[-_TAIL:]))
            echoed = echoed or echo in raw
            if pager_at_end(tail):
                pages += 1
                if pages > self._limits.pages:
                    return bytes(raw), Outcome.CUT, f"more than {self._limits.pages} pages"
                self._line.send(" ")
            elif typed and echoed and self._end.search(tail):
                return bytes(raw), Outcome.READ, ""
            elif not typed and self._prompt.search(tail):
                # It may be a line of the answer that looks like the prompt: only a prompt answers an empty line.
                typed = 1
                self._line.send("\n")
        return bytes(raw), Outcome.TIMEOUT, "the prompt did not come back in time"

    def _recover(self, command: str) -> None:
        """Interrupt what hangs; where no prompt follows, nothing more is asked in this session."""
        if self._lost:
            return
        try:
            self._line.send(f"{_INTERRUPT}\n\n")
            alive = self._settle()
        except (OSError, EOFError):
            alive = False
        if not alive:
            self._lost = command

    def _settle(self) -> bool:
        """Wait for two prompts and silence after them; False where they do not come."""
        end = min(self._now() + self._limits.recover_s, self._deadline)
        tail = ""
        while (left := end - self._now()) > 0:
            is_there = self._end.search(tail) is not None
            chunk = self._line.receive(min(left, _QUIET_S) if is_there else left)
            if not chunk:
                return is_there and chunk is None
            tail = (tail + drawn(chunk))[-_TAIL:]
        return False

    def _answer(self, command: str, shown: str) -> str:
        """Without the echo in front, without the prompts behind."""
        found = re.search(rf"(?:^|\n)[ \t]*(?:{self._word}[ \t]*)?{re.escape(command)}[ \t]*(?:\n|\Z)", shown)
        body = shown[found.end() :] if found else shown.lstrip("\n")
        return self._end.sub("", body)


def pager_at_end(tail: str) -> bool:
    """Whether a text ends with the question of a pager."""
    last = tail.rstrip(" \t").rpartition("\n")[2]
    found = _PAGER.search(last)
    return found is not None and not last[found.end() :].strip()


def drawn(raw: bytes) -> str:
    """What a terminal of endless width would show: backspaces and returns write over what stands there."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\x00", "")
    return "\n".join(_drawn_line(line) if _NEEDS_DRAWING.search(line) else line for line in text.split("\n"))


def without_pager(text: str) -> str:
    """A text without the questions of a pager, where the device leaves them standing."""
    lines = []
    for line in text.split("\n"):
        found = _ASKED.match(line)
        if not found:
            lines.append(line)
        elif line[found.end() :].strip():
            lines.append(line[found.end() :])
    return "\n".join(lines)


def _drawn_line(line: str) -> str:
    cells: list[str] = []
    at = position = 0
    while position < len(line):
        sequence = _CONTROL_SEQUENCE.match(line, position)
        if sequence:
            position = sequence.end()
            at = _moved(cells, at, sequence["letter"], min(int(sequence["number"] or 1), _WIDEST))
            continue
        character = line[position]
        position += 1
        if character == "\r":
            at = 0
        elif character == "\x08":
            at = max(0, at - 1)
        elif character >= " " or character == "\t":
            cells[at : at + 1] = [character]
            at += 1
    return "".join(cells).rstrip()  # blanks that wiped out the question of a pager


def _moved(cells: list[str], at: int, letter: str | None, number: int) -> int:
    if letter == "D":
        return max(0, at - number)
    if letter == "K":
        del cells[at:]
    return at
