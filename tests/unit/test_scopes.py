"""Scopes files: what they mean, and what is wrong with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cmdb.errors import LimitExceeded, NotFound, UsageError
from collectors.scopes import Scopes, TargetSpec, load_scopes
from collectors.transport.credentials import Community, Secret, SshLogin, UsmUser

GOOD = """
[[scope]]
name = "plant-1"
ranges = ["10.20.0.0/29", "core-1.example.net", "10.20.1.1-3", "10.20.2.1:1161"]
exclude = ["10.20.0.3", "10.20.1.3"]
protocols = ["snmp", "ssh", "netmiko"]
credentials = ["site-v3", "site-v2c", "ops-key"]
crawl = true

[[scope.target]]
name = "core-2"
address = "10.20.0.2"
snmp_port = 1161
ssh_port = 2222

[[scope.target]]
name = "core-3"
address = "10.20.0.1"

[[scope]]
name = "plant-2"
ranges = ["2001:db8::/126", "10.20.0.1"]

[[credential]]
name = "site-v3"
kind = "snmp-v3"
user = "observer"
auth = "sha256"
auth_secret = "env:SITE_AUTH"
priv = "AES-256-C"
priv_secret = "file:site-priv"

[[credential]]
name = "site-v2c"
kind = "snmp-v2c"
community = "env:SITE_COMMUNITY"

[[credential]]
name = "ops-key"
kind = "ssh"
user = "cmdb"
key_file = "id_ed25519"
"""


def load(folder: Path, text: str) -> Scopes:
    path = folder / "scopes.toml"
    path.write_text(text, "utf-8")
    return load_scopes(path)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        load(folder, text)
    return str(caught.value)


def test_credentials_are_read_with_their_references(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD).credentials

    assert found == (
        UsmUser(
            "site-v3",
            "observer",
            "SHA-256",
            Secret("env:SITE_AUTH", tmp_path),
            "AES-256-C",
            Secret("file:site-priv", tmp_path),
        ),
        Community("site-v2c", "v2c", Secret("env:SITE_COMMUNITY", tmp_path)),
        SshLogin("ops-key", "cmdb", tmp_path / "id_ed25519"),
    )


def test_targets_are_those_with_names_and_the_addresses_of_ranges(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD).targets()

    assert [(t.name, t.address, t.port, t.expected) for t in found if t.scope == "plant-1"] == [
        ("core-2", "10.20.0.2", 1161, True),
        ("core-3", "10.20.0.1", 161, True),
        ("10.20.0.4", "10.20.0.4", 161, False),
        ("10.20.0.5", "10.20.0.5", 161, False),
        ("10.20.0.6", "10.20.0.6", 161, False),
        ("core-1.example.net", "core-1.example.net", 161, True),
        ("10.20.1.1", "10.20.1.1", 161, False),
        ("10.20.1.2", "10.20.1.2", 161, False),
        ("10.20.2.1:1161", "10.20.2.1", 1161, True),
    ]
    assert [c.name for c in found[0].credentials] == ["site-v3", "site-v2c", "ops-key"]


def test_an_address_belongs_to_the_first_scope_that_has_it(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD).targets()

    assert [(t.name, t.scope) for t in found if t.address == "10.20.0.1"] == [("core-3", "plant-1")]
    assert [t.name for t in found if t.scope == "plant-2"] == [f"2001:db8::{n or ''}" for n in range(4)]


def test_one_scope_can_be_asked_for(tmp_path: Path) -> None:
    scopes = load(tmp_path, GOOD)

    assert {t.scope for t in scopes.targets(["plant-2"])} == {"plant-2"}
    with pytest.raises(NotFound, match="scopes are: plant-1, plant-2"):
        scopes.targets(["plant-3"])


@pytest.mark.parametrize(
    ("text", "names", "scope", "credentials"),
    [
        ("core-2", ["core-2"], "plant-1", 3),
        ("10.20.0.5", ["10.20.0.5"], "plant-1", 3),
        ("10.20.0.5:99", ["10.20.0.5:99"], "plant-1", 3),
        ("[2001:db8::1]:99", ["[2001:db8::1]:99"], "plant-2", 0),
        ("192.0.2.4/31", ["192.0.2.4", "192.0.2.5"], "", 3),
        ("other.example.net", ["other.example.net"], "", 3),
    ],
)
def test_a_target_of_the_command_line(
    text: str, names: list[str], scope: str, credentials: int, tmp_path: Path
) -> None:
    found = load(tmp_path, GOOD).resolve(text)

    assert [t.name for t in found] == names
    assert {t.scope for t in found} == {scope}
    assert {len(t.credentials) for t in found} == {credentials}


@pytest.mark.parametrize(
    "text", ["", "10.0.0.256", "10.0.0.1:0", "10.0.0.1:x", "10.0.0.0/33", "10.0.0.9-1", "a b", "[::1"]
)
def test_what_is_no_target_is_told(text: str) -> None:
    with pytest.raises(UsageError):
        Scopes().resolve(text)


def test_ranges_are_bounded() -> None:
    with pytest.raises(LimitExceeded, match="at most 1048576"):
        Scopes().resolve("10.0.0.0/8")


SCOPE = '[[scope]]\nname = "a"\n'
TARGET = '[[scope.target]]\nname = "t"\naddress = "10.0.0.1"\n'
V2C = '[[credential]]\nname = "c"\nkind = "snmp-v2c"\n'
V3 = '[[credential]]\nname = "c"\nkind = "snmp-v3"\nuser = "u"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SCOPE + "rnages = []\n", "scope[0].rnages: there is no such key"),
        ("[[scopes]]\n", "scopes: there is no such key"),
        (SCOPE + 'ranges = ["10.0.0.0/99"]\n', "scope[0].ranges[0]: '10.0.0.0/99'"),
        (SCOPE + 'exclude = ["10.0.0.9-10.0.0.1"]\n', "scope[0].exclude[0]: '10.0.0.9-10.0.0.1'"),
        (SCOPE + 'protocols = ["telnet"]\n', "scope[0].protocols[0]:"),
        (SCOPE + 'credentials = ["x"]\n', "scope[0].credentials[0]: there is no credential 'x'"),
        (SCOPE + SCOPE, "scope[1].name: there are two scopes 'a'"),
        ('[[scope]]\nranges = ["10.0.0.1"]\n', "scope[0].name: Field required"),
        (
            SCOPE + '[[scope.target]]\nname = "t"\naddress = "10.0.0.1"\nsnmp_port = 0\n',
            "scope[0].target[0].snmp_port:",
        ),
        (SCOPE + TARGET + TARGET, "scope[0].target[1].name: there are two targets 't'"),
        (V2C, "credential[0].community: Field required"),
        ('[[credential]]\nname = "c"\n', "credential[0]: kind is missing"),
        (V2C + 'community = "store:x"\n', "credential[0].community: secrets in store: are not available yet"),
        (V3 + 'auth = "SHA-256"\n', "credential[0]: auth and auth_secret belong together"),
        (V3 + 'priv = "AES"\npriv_secret = "env:P"\n', "credential[0]: priv needs auth"),
        (V3 + 'auth = "SHA-3"\nauth_secret = "env:A"\n', "credential[0].auth: 'SHA-3' is not known; choose one of MD5"),
        ('[[credential]]\nname = "s"\nkind = "ssh"\nuser = "u"\n', "credential[0]: give either key_file or password"),
        ("[[scope", "not TOML"),
    ],
)
def test_mistakes_name_file_and_key(text: str, says: str, tmp_path: Path) -> None:
    found = refused(tmp_path, text)

    assert found.startswith(f"{tmp_path / 'scopes.toml'}: ")
    assert says in found


@pytest.mark.parametrize("written", ["s3cr3t-w0rd", "s3cr3t-w0rd:x", "env:", "file:"])
def test_a_secret_that_is_written_out_is_refused_and_not_repeated(written: str, tmp_path: Path) -> None:
    found = refused(tmp_path, f'{V2C}community = "{written}"\n')

    assert "credential[0].community: a secret is never written out: refer to it as env:NAME" in found
    assert "s3cr3t" not in found


def test_other_keys_are_left_to_the_settings_in_their_file(tmp_path: Path) -> None:
    (tmp_path / "cmdb.toml").write_text('port = 8000\n[[scope]]\nname = "a"\n', "utf-8")

    found = load_scopes(tmp_path / "cmdb.toml", beside_settings=True)

    assert [scope.name for scope in found.scopes] == ["a"]


def test_secrets_come_from_the_environment_and_from_private_files(tmp_path: Path) -> None:
    (tmp_path / "word").write_bytes(b"pa\xe4ss\n")
    (tmp_path / "word").chmod(0o600)

    assert Secret("env:WORD").reveal({"WORD": "abc"}) == b"abc"
    assert Secret("file:word", tmp_path).reveal() == b"pa\xe4ss"
    assert Secret(f"file:{tmp_path / 'word'}").reveal() == b"pa\xe4ss"


@pytest.mark.parametrize(
    ("reference", "mode", "content", "says"),
    [
        ("file:word", 0o640, b"abc", "can be read by others; chmod 600"),
        ("file:word", 0o604, b"abc", "can be read by others; chmod 600"),
        ("file:word", 0o600, b"\n", "is empty"),
        ("file:word", 0o600, b"a" * 5000, "longer than 4096"),
        ("file:other", 0o600, b"abc", "can't be read: No such file"),
        ("env:NOBODY_SETS_THIS", 0o600, b"abc", "set the variable NOBODY_SETS_THIS"),
    ],
)
def test_a_secret_that_can_not_be_had_says_why(
    reference: str, mode: int, content: bytes, says: str, tmp_path: Path
) -> None:
    (tmp_path / "word").write_bytes(content)
    (tmp_path / "word").chmod(mode)

    with pytest.raises(UsageError, match=says) as caught:
        Secret(reference, tmp_path).reveal()

    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("reference", ["credential:word", "file:{}/word"])
@pytest.mark.parametrize(("mode", "says"), [(0o400, ""), (0o440, ""), (0o444, "read by others"), (0o460, "by others")])
def test_a_credential_of_the_service_manager_may_show_the_mask_of_an_access_list(
    reference: str, mode: int, says: str, tmp_path: Path
) -> None:
    (tmp_path / "word").write_bytes(b"abc\n")
    (tmp_path / "word").chmod(mode)
    secret = Secret(reference.format(tmp_path), Path("/nowhere"))
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    if says:
        with pytest.raises(UsageError, match=says):
            secret.reveal(environment)
    else:
        assert secret.reveal(environment) == b"abc"


def test_a_credential_needs_a_service_manager_and_stays_in_its_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="CREDENTIALS_DIRECTORY is not set"):
        Secret("credential:word").reveal({})
    with pytest.raises(UsageError, match="without a folder"):
        Secret("credential:../word")


def test_a_pipe_in_the_place_of_a_secret_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "word", 0o600)

    with pytest.raises(UsageError, match="no regular file"):
        Secret("file:word", tmp_path).reveal()


def test_nothing_that_is_shown_holds_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SITE_COMMUNITY", "s3cr3t-w0rd")
    target: TargetSpec = load(tmp_path, GOOD).targets()[0]
    secret = target.credentials[1].community  # type: ignore[union-attr]  # the second one is a community

    assert secret.reveal() == b"s3cr3t-w0rd"
    assert "s3cr3t-w0rd" not in f"{target!r}{target}{secret!r}{secret}"
