"""What a service manager or a container expects of the program."""

from __future__ import annotations

import getpass
import socket
from pathlib import Path

import pytest

from cmdb.entrypoints.notify import notify
from cmdb.entrypoints.scoping import scopes_of
from cmdb.entrypoints.settings import Settings, default_data_dir, files, load
from cmdb.entrypoints.wiring import actor, resolve_secret
from cmdb.errors import UsageError

SCOPE = '[[scope]]\nname = "{}"\nranges = ["10.0.0.1"]\n'


@pytest.mark.parametrize("name", ["", "@"])
def test_the_service_manager_is_told(name: str, tmp_path: Path) -> None:
    address = f"@{tmp_path}/notify" if name else f"{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind("\0" + address[1:] if name else address)
        notify("READY=1", {"NOTIFY_SOCKET": address})

        assert door.recv(64) == b"READY=1"


def test_nobody_waits_for_word() -> None:
    notify("READY=1", {})
    notify("READY=1", {"NOTIFY_SOCKET": "vsock:2:1234"})


def test_a_user_that_the_system_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    def homeless(*_: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(getpass, "getuser", unknown)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)

    assert actor().partition("@")[0].isdigit()
    assert default_data_dir() == Path("/.local/share/cmdb")
    assert files()[1] == Path("/.config/cmdb/config.toml")


def test_scopes_stand_in_the_strongest_settings_file_that_has_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, user, machine = (tmp_path / name for name in ("cmdb.toml", "user.toml", "machine.toml"))
    monkeypatch.setattr("cmdb.entrypoints.scoping.files", lambda: [here, user, machine])
    machine.write_text(SCOPE.format("of-the-machine"))
    here.write_text("port = 1\n")

    assert [s.name for s in scopes_of(Settings()).scopes] == ["of-the-machine"]

    user.write_text(SCOPE.format("of-the-user"))

    assert [s.name for s in scopes_of(Settings()).scopes] == ["of-the-user"]

    user.write_text('[[scope]]\nnmae = "typo"\n')

    with pytest.raises(UsageError, match="nmae"):
        scopes_of(Settings())


def test_the_password_of_the_store_is_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "store-password").write_bytes(b"s3cr3t\n")
    (tmp_path / "store-password").chmod(0o440)
    settings, _ = load({}, {"CMDB_STORE_PASSWORD": "credential:store-password"}, [])

    assert resolve_secret(settings.store_password, "store_password") == "s3cr3t"

    (tmp_path / "store-password").write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match="store_password: the secret credential:store-password is not UTF-8"):
        resolve_secret(settings.store_password, "store_password")
