"""The programs of the demo site as hosts show them: the file programs.yaml as data."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from collectors.push.document import Strict, read_document

Text = Annotated[str, Field(min_length=1, max_length=1000)]


class Program(Strict):
    """One program; `owner` is the package that brought its file where that is another one."""

    executable: Text
    owner: Text | None = None
    command: Text
    shown: Text
    user: Text
    package: Text
    version: Text
    unit: Text


class _Programs(Strict):
    programs: dict[str, Program]
    packages: dict[str, Text]


@cache
def _file() -> _Programs:
    return read_document(Path(__file__).with_name("programs.yaml"), _Programs)


def programs() -> dict[str, Program]:
    """All programs by name."""
    return _file().programs


def packages() -> dict[str, str]:
    """Packages that every host has, with their versions."""
    return _file().packages
