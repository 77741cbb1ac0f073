"""What is generated is as the code says."""

from __future__ import annotations

from cmdb.entrypoints import document


def test_commands_and_settings_are_documented() -> None:
    published = document.FILE.read_text("utf-8")

    assert published == document.page(), "run: make docs"
