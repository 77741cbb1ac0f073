"""A plugin that fails a run whose skipped tests are not the ones that were agreed on."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--skips", type=Path, help="file that lists the tests that may be skipped, one a line")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Compare, say what differs, and fail. Where the shared data is there, nothing at all may be skipped."""
    config = session.config
    file = config.getoption("--skips")
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if file is None or reporter is None:
        return
    skipped = {report.nodeid for report in reporter.stats.get("skipped", [])}
    agreed = set() if SHARED.is_dir() else {n for n in file.read_text("utf-8").split() if _selected(n, config)}
    for node in sorted(skipped - agreed):
        reporter.write_line(f"\nSKIPPED, BUT NOT AGREED ON: {node}", red=True)
    for node in sorted(agreed - skipped):
        reporter.write_line(f"\nAGREED TO BE SKIPPED, BUT WAS NOT: {node}", red=True)
    if skipped != agreed:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _selected(node: str, config: pytest.Config) -> bool:
    """Whether this run would have had the test: end-to-end tests run on their own."""
    return node.startswith("tests/e2e/") == (config.getoption("-m") == "e2e")
