"""Only our own names, no other site's pages."""

from __future__ import annotations

import pytest

from cmdb.entrypoints.doors import Doors, host_of
from cmdb.entrypoints.server import is_loopback, listen
from cmdb.errors import Unreachable, UsageError


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("localhost", "localhost"),
        ("LocalHost:8000", "localhost"),
        ("[::1]:8000", "::1"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("", ""),
    ],
)
def test_host_headers(header: str, host: str) -> None:
    assert host_of(header) == host


def test_further_names_are_ours_when_they_are_given() -> None:
    doors = Doors(lambda *_: None, frozenset({"CMDB.example"}))  # type: ignore[arg-type, return-value]

    assert "cmdb.example" in doors.hosts


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound, it is refused


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "10.0.0.1", "cmdb.example", ""])
def test_other_addresses_are_refused_before_anything_starts(host: str) -> None:
    with pytest.raises(UsageError, match="no authentication yet"):
        listen(host, 0)


def test_a_port_in_use_says_so() -> None:
    with (
        listen("127.0.0.1", 0) as first,
        pytest.raises(Unreachable, match=r"something else listens there.*--port") as caught,
    ):
        listen("127.0.0.1", first.getsockname()[1])

    assert caught.value.exit_code == 7
