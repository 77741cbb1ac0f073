"""Recordings of command lines: what is written is read again, without secrets, and bad input is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.errors import Invalid, NotFound
from collectors.scrub import PRIVATE, blot_out, scrub_configuration
from collectors.transport.commands import Outcome, answered, refusal
from collectors.transport.commands_recording import (
    CommandLine,
    CommandsRecording,
    is_commands_recording,
    read_commands,
    write_commands,
)
from collectors.transport.replies import EXIT_STATUS, answer_of, line_of


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "switch-1.ssh"
    recording = CommandsRecording(
        "cisco_ios", (CommandLine("show version", "Größe\n\x1b[1m", 0), CommandLine("x", "", 1))
    )

    files = write_commands(folder, recording)

    assert [f.name for f in files] == ["platform", "commands.ndjson"]
    assert read_commands(folder) == recording
    assert is_commands_recording(folder)
    assert not is_commands_recording(tmp_path)


def test_lines_that_are_none_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "a.ssh"
    folder.mkdir()
    (folder / "platform").write_text("host\n")
    (folder / "commands.ndjson").write_bytes(
        b'{"command":"a","stdout":"b"}\n\n{"command":7}\nnothing\n\xff\xfe\n{"command":"c","stdout":"\xff","exit_status":2}'
    )

    found = read_commands(folder)

    assert [said.partition(".ndjson:")[2][:2] for said in found.bad] == ["3:", "4:", "5:"]
    assert [(answer.command, answer.outcome) for answer in map(answer_of, found.lines)] == [
        ("a", Outcome.READ),
        ("c", Outcome.REFUSED),
    ]


def test_a_folder_that_is_no_recording_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="platform is missing"):
        read_commands(tmp_path)

    (tmp_path / "platform").write_text("../../etc")
    (tmp_path / "commands.ndjson").write_text("")

    with pytest.raises(Invalid, match="neither `host` nor a device type"):
        read_commands(tmp_path)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("snmp-server community s3cr3t RO", f"snmp-server community {PRIVATE} RO"),
        ("username x password 7 0822455D0A16", f"username x password 7 {PRIVATE}"),
        ("enable secret 5 $1$abc$def", f"enable secret 5 {PRIVATE}"),
        (" password cipher %^%#abc%^%#", f" password cipher {PRIVATE}"),
        ("mysqld --password=abc --port=1", f"mysqld --password={PRIVATE} --port=1"),
        ("the words of the session: hunter22!", f"the words of the session: {PRIVATE}!"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nx", f"{PRIVATE}\nx"),
        ("Version 15.2(2)E, serial FOC1234X0AB", "Version 15.2(2)E, serial FOC1234X0AB"),
    ],
)
def test_secrets_do_not_reach_a_recording(text: str, clean: str) -> None:
    assert scrub_configuration(blot_out(text, [b"hunter22"])) == clean


@pytest.mark.parametrize(
    "text",
    [
        "            ^\n% Invalid input detected at '^' marker.\n",
        "% Invalid command at '^' marker.",
        "% CDP is not enabled",
        "% LLDP is not enabled",
        "Error: Unrecognized command found at '^' position.",
        "Error: Global LLDP is not enabled.",
        " % Unrecognized command found at '^' position.",
        "syntax error, expecting <command>.",
        "unknown command.",
        "% Permission denied for the role",
        "Command authorization failed.",
        '% Ambiguous command:  "show v"',
    ],
)
def test_refusals_are_told_from_answers(text: str) -> None:
    assert refusal(text)
    assert answered("show version", text).outcome is Outcome.REFUSED


@pytest.mark.parametrize("text", ["", "Total entries displayed: 0", "a\n" * 20 + "% Invalid input detected", "up"])
def test_other_texts_are_answers(text: str) -> None:
    assert answered("show version", text).outcome is Outcome.READ


@pytest.mark.parametrize("outcome", list(Outcome))
def test_outcomes_survive_a_recording(outcome: Outcome) -> None:
    line = CommandLine("show version", "% Invalid input" if outcome is Outcome.REFUSED else "x", EXIT_STATUS[outcome])

    assert answer_of(line).outcome is outcome
    assert line_of(answer_of(line)) == line
