"""What is generated is as the code says."""

from __future__ import annotations

import re
import tomllib

from cmdb.entrypoints import document
from collectors.cli.platform import platforms
from collectors.scopes import parse_scopes

HOW_TO = document.FILE.parents[1] / "how-to"


def test_commands_and_settings_are_documented() -> None:
    published = document.FILE.read_text("utf-8")

    assert published == document.page(), "run: make docs"


def test_the_commands_that_network_devices_are_asked_are_documented() -> None:
    page = (HOW_TO / "discover.md").read_text("utf-8").replace("\\|", "|")
    rows = [
        re.findall(r"`([^`]+)`", row) for row in page.splitlines() if re.match(r"\| [A-Z].*\| `[a-z]+_[a-z]+`", row)
    ]
    expected = [[*sorted(v.device_type for v in p.variants), *p.commands] for p in platforms().values()]

    assert sorted(rows) == sorted(expected)


def test_the_scopes_of_the_how_to_can_be_read() -> None:
    page = (HOW_TO / "discover.md").read_text("utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    (scope,) = parse_scopes(tomllib.loads(example), "discover.md").scopes

    assert [target.name for target in scope.targets] == ["core-1"]
    assert [credential.name for credential in scope.credentials] == ["site-v3", "hosts", "switches"]
