"""What others wrote is shown as it is, and steers nothing."""

from __future__ import annotations

import pytest

from cmdb.entrypoints.cli.options import Format
from cmdb.entrypoints.cli.output import print_rows
from cmdb.entrypoints.terminal import plain

NAMES = ["x [/] y", "[red]Te1/1[/red]", "[1/1/1]", ":smile:", "[link=file:///etc/passwd]a[/link]"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_table_is_no_markup(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"id": "1", "name": name}], ("id", "name"), Format.table)

    assert capsys.readouterr().out.splitlines()[1].split(maxsplit=1)[1].strip() == name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("grün 日本 💥", "grün 日本 💥"),
        ("two\n\tlines", "two\n\tlines"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\udcff", "\\udcff"),
        ("a\rb", "a\\rb"),
    ],
)
def test_what_would_steer_a_terminal_is_seen(text: str, shown: str) -> None:
    assert plain(text) == shown
