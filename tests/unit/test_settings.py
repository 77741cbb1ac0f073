"""Settings: which layer wins, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.entrypoints.settings import load
from cmdb.errors import UsageError


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "cmdb.toml"
    file.write_text('port = 1\nhost = "127.0.0.2"\nin_flight = 7\n[[scope]]\nname = "x"\n')

    settings, origins = load({"port": 3, "data_dir": None}, {"CMDB_PORT": "2", "CMDB_HOST": "127.0.0.3"}, [file])

    assert (settings.port, settings.host, settings.in_flight, settings.log_level) == (3, "127.0.0.3", 7, "info")
    assert [origins[n] for n in ("port", "host", "in_flight", "log_level")] == [
        "flag",
        "environment",
        str(file),
        "default",
    ]


@pytest.mark.parametrize(
    ("flags", "environment", "text", "message"),
    [
        ({}, {"CMDB_PROT": "1"}, "", "environment: there is no setting 'prot'"),
        ({}, {}, "prot = 1", "there is no setting 'prot'"),
        ({}, {}, "port = [", "not TOML"),
        ({"port": 70000}, {}, "", "flag: port"),
        ({"store_uri": "http://x"}, {}, "", "flag: store_uri"),
        ({}, {}, 'store_password = "hunter2"', "a secret is never written out"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(
    tmp_path: Path, flags: dict[str, object], environment: dict[str, str], text: str, message: str
) -> None:
    file = tmp_path / "cmdb.toml"
    file.write_text(text)

    with pytest.raises(UsageError, match=message) as caught:
        load(flags, environment, [file])

    assert "hunter2" not in str(caught.value)
