"""Print, write or check the reference of commands: `python -m cmdb.entrypoints.document [--write | --check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from cmdb.entrypoints.cli.app import app
from cmdb.entrypoints.settings import describe

FILE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
HEAD = """# Commands and settings

Written from the code by `make docs`. Data goes to standard output, everything else to standard error.

| exit code | when |
| --- | --- |
| 0 | done |
| 1 | error |
| 2 | wrong usage: an option, argument or setting that makes no sense, a required one that is missing or blank |
| 3 | what was named is not there: a CI, task, decision, audit, review, baseline, source, run, scope, file |
| 4 | not allowed |
| 5 | conflict or invalid data; a class or attribute that the model lacks, a moment that is still to come |
| 6 | partly done: the rest was refused, failed, or waits for another person |
| 7 | something did not answer |
| 10 | there is what was looked for: differences, findings, something overdue, impact above `--fail-on` |
| 130 | interrupted |
"""
SETTINGS = """
## Settings

A flag beats `CMDB_NAME` in the environment, which beats `./cmdb.toml`, which beats
`$XDG_CONFIG_HOME/cmdb/config.toml`, which beats `/etc/cmdb/config.toml`, which beats the default.
Unknown names are errors. `cmdb config show --origin` tells what holds.

"""


def page() -> str:
    """The whole page in Markdown."""
    root = typer.main.get_command(app)
    return HEAD + "".join(_commands(root, "cmdb")) + SETTINGS + describe()


def _commands(command: Any, name: str) -> Iterator[str]:
    """Sections of a command and of those below it."""
    below = getattr(command, "commands", None)
    if below:
        for word in sorted(below):
            yield from _commands(below[word], f"{name} {word}")
        return
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([name, *(f"{a.name.upper()}{'…' if a.nargs == -1 else ''}" for a in arguments)])
    yield f"\n## `{usage}`\n\n{command.help}\n\n"
    for parameter in command.params:
        if parameter in arguments:
            yield f"- `{parameter.name.upper()}`: {parameter.help}\n"
        elif parameter.name != "help":
            yield f"- `{', '.join(parameter.opts)}`: {parameter.help}\n"


def main(arguments: list[str]) -> int:
    """Print, write or check the page; returns the exit code."""
    text = page()
    if arguments == ["--write"]:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(text, "utf-8")
    elif arguments == ["--check"]:
        if not FILE.exists() or FILE.read_text("utf-8") != text:
            sys.stderr.write(f"{FILE} is out of date: run make docs\n")
            return 1
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
