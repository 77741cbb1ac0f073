"""Running commands in this process on a store that is open already: far quicker than a process and an engine each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cmdb.entrypoints.cli.app import app
from cmdb.errors import CmdbError
from cmdb.store.engine import Endpoint


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    def rows(self) -> list[dict[str, Any]]:
        """What it printed as NDJSON."""
        return [json.loads(line) for line in self.out.splitlines()]


class Commands:
    """Runs commands as one user or another."""

    def __init__(
        self, endpoint: Endpoint, home: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._patch, self._capsys = patch, capsys
        patch.chdir(home)
        values = {"URI": endpoint.uri, "DATABASE": endpoint.database, "USER": endpoint.user}
        for name, value in {**values, "PASSWORD": "env:PASSWORD_OF_THE_TEST"}.items():
            patch.setenv(f"CMDB_STORE_{name}", value)
        patch.setenv("PASSWORD_OF_THE_TEST", endpoint.password)
        patch.setenv("XDG_CONFIG_HOME", str(home))

    def __call__(self, who: str, *arguments: object) -> Done:
        """Run a command to its end."""
        self._patch.setenv("LOGNAME", who)
        self._capsys.readouterr()
        message = ""
        try:
            code = app([str(a) for a in arguments], standalone_mode=False) or 0
        except CmdbError as error:
            code, message = error.exit_code, str(error)
        said = self._capsys.readouterr()
        return Done(code, said.out, said.err + message)
