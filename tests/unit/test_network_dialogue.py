"""The dialogue on a terminal line, on lines and a clock of our own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from collectors.transport.commands import Outcome
from collectors.transport.network_dialogue import (
    CommandLimits,
    Dialogue,
    drawn,
    find_prompt,
    pager_at_end,
    without_pager,
)

PROMPT = "sw-1#"


@dataclass
class Terminal:
    """A line on which `react` says what a typed text brings; b"" hangs up. Silence passes time."""

    react: Callable[[str], list[bytes]]
    clock: float = 0.0
    coming: list[bytes] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)

    def send(self, text: str) -> None:
        self.typed.append(text)
        self.coming += self.react(text)

    def receive(self, timeout_s: float) -> bytes | None:
        if self.coming:
            return self.coming.pop(0)
        self.clock += timeout_s
        return None

    def now(self) -> float:
        return self.clock

    def dialogue(self, limits: CommandLimits | None = None, deadline: float = 1000.0, prompt: str = PROMPT) -> Dialogue:
        return Dialogue(self, prompt, deadline, limits, self.now)


def device(answers: dict[str, list[bytes]], prompt: str = PROMPT) -> Callable[[str], list[bytes]]:
    """Echo what is typed; answer lines that are known; a prompt after everything else."""

    def react(text: str) -> list[bytes]:
        line = text.rstrip("\n")
        return answers.get(line, [f"{text}{prompt}\n".replace("\n", "\r\n").encode()[:-2]])

    return react


def test_pieces_are_put_together() -> None:
    pieces = [b"show ver", b"sion\r\nIO", b"S 15", b"\r\n", b"sw-", b"1#"]
    found = Terminal(device({"show version": pieces})).dialogue().ask("show version")

    assert (found.outcome, found.text) == (Outcome.READ, "IOS 15")


def test_prompts_that_come_late_do_not_end_the_next_command() -> None:
    terminal = Terminal(device({"show version": [b"show version\r\nIOS 15\r\nsw-1#"]}))
    terminal.coming = [b"\r\nsw-1#", b"\r\nsw-1#", b"\r\nsw-1#"]

    assert terminal.dialogue().ask("show version").text == "IOS 15"


def test_an_empty_line_that_the_device_swallows_is_typed_again() -> None:
    swallowed = iter([True, True])
    known = device({"show version": [b"show version\r\nIOS 15\r\nsw-1#"]})
    terminal = Terminal(lambda text: [] if text == "\n" and next(swallowed, False) else known(text))

    assert terminal.dialogue().ask("show version").text == "IOS 15"
    assert terminal.typed == ["show version\n", "\n", "\n", "\n"]


def test_a_device_that_echoes_nothing_is_read() -> None:
    terminal = Terminal(device({"show version": [b"\r\nIOS 15\r\nsw-1#"]}))

    assert terminal.dialogue().ask("show version").text == "IOS 15"


def test_the_role_that_junos_prints_above_its_prompt_is_no_answer() -> None:
    prompt = "cmdb@mx-1>"
    first = b"show version\r\nHostname: mx-1\r\n\r\n{master:0}\r\ncmdb@mx-1> "
    react = device({"show version": [first], "": [b"\r\n\r\n{master:0}\r\ncmdb@mx-1> "]}, prompt)

    assert Terminal(react).dialogue(prompt=prompt).ask("show version").text == "Hostname: mx-1\n"


def test_a_session_that_ends_within_an_answer_is_cut_and_nothing_more_is_asked() -> None:
    terminal = Terminal(device({"show version": [b"show version\r\nIOS", b""]}))
    asked = terminal.dialogue()
    first, second = asked.ask("show version"), asked.ask("show inventory")

    assert (first.outcome, first.text) == (Outcome.CUT, "IOS")
    assert second.outcome is Outcome.TIMEOUT
    assert "show inventory\n" not in terminal.typed


def test_a_prompt_that_never_comes_back_ends_the_session() -> None:
    terminal = Terminal(lambda text: [b"..."] if text.startswith("show") else [])
    asked = terminal.dialogue(CommandLimits(timeout_s=60, recover_s=5))
    outcomes = [asked.ask(c).outcome for c in ("show version", "show inventory")]

    assert outcomes == [Outcome.TIMEOUT, Outcome.TIMEOUT]
    assert terminal.clock == 65
    assert terminal.typed == ["show version\n", "\x03\n\n"]


def test_beyond_the_budget_nothing_is_typed() -> None:
    terminal = Terminal(device({}))

    assert terminal.dialogue(deadline=0.0).ask("show version").outcome is Outcome.TIMEOUT
    assert terminal.typed == []


def test_a_pager_without_end_is_cut() -> None:
    react = device({"show version": [b"show version\r\nx\r\n--More-- "], " ": [b"\r\nx\r\n--More-- "]})
    found = Terminal(react).dialogue(CommandLimits(pages=50)).ask("show version")

    assert (found.outcome, found.detail) == (Outcome.CUT, "more than 50 pages")


@pytest.mark.parametrize(
    ("greeting", "expected"),
    [
        ([b"Welcome\r\nsw-1#"], "sw-1#"),
        ([b"Welcome", b" to sw-1\r\n", b"sw-1#"], "sw-1#"),
        ([b"# not > a prompt\r\n", b"<core-1>"], "sw-1#"),
    ],
)
def test_the_prompt_is_what_two_empty_lines_bring(greeting: list[bytes], expected: str) -> None:
    terminal = Terminal(device({}), coming=greeting)

    assert find_prompt(terminal, 20.0, terminal.now) == expected


def test_without_a_prompt_the_search_ends() -> None:
    number = iter(range(1000))
    silent = Terminal(lambda _: [])
    talking = Terminal(lambda _: [f"\r\nline {next(number)}".encode()])

    assert find_prompt(silent, 20.0, silent.now) == ""
    assert find_prompt(talking, 20.0, talking.now) == ""


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a\r\nb\r\r\nc", "a\nb\nc"),
        (b" --More-- " + b"\x08" * 9 + b" " * 8 + b"\x08" * 9 + b" Gi1/0/1", " Gi1/0/1"),
        (b"  ---- More ----\x1b[16D                \x1b[16DSlot 1", "Slot 1"),
        (b"--More--\r        \rnext", "next"),
        (b"--More--\r\x1b[Knext", "next"),
        (b"\x1b[1;31mred\x1b[0m", "red"),
        ("Größe".encode(), "Größe"),
        ("Größe".encode("latin-1"), "Größe"),
        (b"a\x00b\x07c\x1b", "abc"),
    ],
)
def test_what_a_terminal_would_show(raw: bytes, text: str) -> None:
    assert drawn(raw) == text


@pytest.mark.parametrize(
    "question", ["--More--", " --More-- ", "  ---- More ----", "---(more)---", "---(more 56%)---", "<--- More --->"]
)
def test_questions_of_pagers_are_known_and_left_out(question: str) -> None:
    assert pager_at_end(f"a\n{question}")
    assert not pager_at_end(f"{question}\na")
    assert without_pager(f"a\n{question}\nb\n{question}c") == "a\nb\nc"
