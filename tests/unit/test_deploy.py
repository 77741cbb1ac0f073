"""The files of deploy/ keep what they promise, as far as can be seen without an engine that runs them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from cmdb import __version__
from cmdb.entrypoints.settings import load
from collectors.scopes import load_scopes
from collectors.transport.credentials import Community, UsmUser
from tests.deployment import DEPLOY, PROGRAM, compose, dockerfile, image_environment, last, unit
from tests.program import ROOT

EXAMPLE = DEPLOY / "cmdb.toml.example"
UNITS = ("cmdb.service", "cmdb-discover@.service")
SCRIPTS = [ROOT / ".ci" / "run", *sorted(p for folder in ("deploy", "tests") for p in (ROOT / folder).rglob("*.sh"))]
SERVICES = compose()["services"]
BUILD_TOOLS = ("gcc", "make", "apt-get", "curl", "wget", "git")


def version() -> str:
    """The version that the package has."""
    found: str = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return found


# --- image


def test_the_image_stands_on_a_base_of_one_version_and_takes_nothing_unseen() -> None:
    instructions = dockerfile()
    arguments = dict(i.rest.split("=", 1) for i in instructions if i.name == "ARG")
    bases = {i.rest.split()[0] for i in instructions if i.name == "FROM"}
    commands = " ".join(i.rest for i in instructions if i.name == "RUN")

    assert bases == {"python:${PYTHON}"}
    assert re.fullmatch(r"\d+\.\d+\.\d+-slim-[a-z]+", arguments["PYTHON"])
    assert "ADD" not in {i.name for i in instructions}
    assert not re.search(r"\|\s*(ba|da)?sh\b", commands)
    assert not [name for name in {*arguments, *image_environment()} if re.search("(?i)password|secret|token", name)]


def test_the_final_stage_has_no_build_tools_and_no_root() -> None:
    instructions = dockerfile()
    final = instructions[max(n for n, i in enumerate(instructions) if i.name == "FROM") :]
    commands = " ".join(i.rest for i in final if i.name == "RUN")
    copied = [i.rest for i in final if i.name == "COPY"]

    assert not [tool for tool in BUILD_TOOLS if re.search(rf"\b{tool}\b", commands)]
    assert "pip uninstall" in commands
    assert "pip install" not in commands
    assert copied == ["--from=build /opt/cmdb /opt/cmdb"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last("USER").rest)
    assert "HEALTHCHECK" in {i.name for i in final}


def test_what_the_build_copies_is_in_its_context_and_all_that_is_packed() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split("\n")
    sources = {
        word for i in dockerfile() if i.name == "COPY" and "--from" not in i.rest for word in i.rest.split()[:-1]
    }
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert {line[1:] for line in ignored if line.startswith("!")} == sources
    assert {package.partition("/")[0] for package in packed["packages"]} <= sources
    assert all((ROOT / source).exists() for source in sources)


def test_the_image_sets_only_settings_that_exist_and_stays_on_loopback() -> None:
    environment = image_environment()
    settings, _ = load({}, environment, [])

    assert settings.host == "127.0.0.1"
    assert settings.data_dir == Path("/var/lib/cmdb")
    assert f"http://{settings.host}:{settings.port}/readyz" in last("HEALTHCHECK").rest


def test_one_version_everywhere() -> None:
    own = {str(s["image"]) for s in SERVICES.values() if str(s["image"]).startswith("cmdb:")}

    assert version() == __version__
    assert own == {f"cmdb:{version()}"}
    assert f"docker build -t cmdb:{version()} " in (DEPLOY / "Dockerfile").read_text("utf-8")


# --- compose


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    user = str(service["user"]).partition(":")[0]
    binds = [v for v in service["volumes"] if v["type"] == "bind"]  # type: ignore[attr-defined]
    limits = service["deploy"]["resources"]["limits"]  # type: ignore[index]

    assert re.fullmatch(r"[a-z0-9]+:\d+\.\d+\.\d+(-[a-z]+)?", str(service["image"]))
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert user.isdigit()
    assert int(user) > 0
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode", "env_file"} & set(service)
    assert str(service.get("network_mode", "service:")).startswith("service:")
    assert all(v["read_only"] and "docker.sock" not in v["source"] for v in binds)
    assert set(limits) == {"cpus", "memory", "pids"}
    if service["restart"] == "no":
        assert service["healthcheck"] == {"disable": True}
    else:
        assert service["healthcheck"]["test"][0] == "CMD"  # type: ignore[index]


def test_all_that_is_published_is_the_gate_and_to_this_machine_only() -> None:
    published = {name: s["ports"] for name, s in SERVICES.items() if "ports" in s}
    listens = re.findall(r"listen (\S+) ssl", (DEPLOY / "gate" / "nginx.conf").read_text("utf-8"))

    assert published == {"cmdb": ["127.0.0.1:8443:8443"]}
    assert SERVICES["gate"]["network_mode"] == "service:cmdb"
    assert listens == ["8443", "8443"]
    assert compose()["networks"]["store"] == {"internal": True}
    assert SERVICES["neo4j"]["networks"] == ["store"]


def test_who_needs_another_waits_for_its_health() -> None:
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():  # type: ignore[attr-defined]
            assert how["condition"] == "service_healthy"
            assert "disable" not in SERVICES[needed]["healthcheck"]  # type: ignore[operator]


def test_secrets_are_files_and_each_is_declared_and_used() -> None:
    declared = compose()["secrets"]
    used = {name for s in SERVICES.values() for name in s.get("secrets", ())}  # type: ignore[attr-defined]
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    settings, _ = load({}, {k: str(v) for k, v in SERVICES["cmdb"]["environment"].items()}, [])  # type: ignore[attr-defined]

    assert used == set(declared)
    assert all(set(secret) == {"file"} for secret in declared.values())
    assert settings.store_password == "credential:store-password"
    assert not re.search(
        r"(?im)^\s*\w*(password|secret|token)\w*:\s*(?!credential:)\w", text.partition("\nsecrets:")[0]
    )
    assert "NEO4J_AUTH:" not in text


def test_volumes_and_mounts_are_declared() -> None:
    mounted = {
        v["source"]
        for s in SERVICES.values()
        for v in s["volumes"]
        if v["type"] == "volume"  # type: ignore[attr-defined]
    }

    assert mounted == set(compose()["volumes"])


# --- systemd


@pytest.mark.parametrize("name", UNITS)
def test_systemd_reads_the_units_and_finds_little_exposed(name: str, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not there: install systemd")
    for file in (DEPLOY / "systemd").glob("cmdb*.*"):
        if file.is_file():
            (tmp_path / file.name).write_text(file.read_text("utf-8").replace(f"{PROGRAM}/bin/cmdb", "/bin/true"))
    instance = str(tmp_path / name.replace("@", "@plant-1"))
    verify = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "cmdb-discover@.timer"), str(tmp_path / name)]
    security = ["systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=15", instance]
    seen = [
        subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
        for command in (verify, security)
    ]

    assert [(done.returncode, done.stderr) for done in seen] == [(0, ""), (0, "")], seen[-1].stdout


def test_the_server_stops_its_engine_itself_and_within_its_time() -> None:
    """The signal goes to the server alone: an engine that gets it too is gone before the last request is answered."""
    server = unit("cmdb.service")

    assert server["KillMode"] == ["mixed"]
    assert server["Type"] == ["notify"]
    assert int(server["TimeoutStopSec"][0]) > 10 + 40  # server.GRACE_S, embedded.STOP_TIMEOUT_S
    assert "MemoryDenyWriteExecute" not in server
    assert unit("cmdb-discover@.service")["Requires"] == ["cmdb.service"]


def test_units_run_as_a_user_that_exists_in_folders_that_are_theirs() -> None:
    made = (DEPLOY / "systemd" / "sysusers.conf").read_text("utf-8").split()

    for name in UNITS:
        keys = unit(name)
        assert keys["User"] == [made[1]]
        assert keys["StateDirectory"] == ["cmdb"]
        assert keys["StateDirectoryMode"] == ["0700"]


def test_every_credential_of_the_example_is_handed_over() -> None:
    """By systemd and by compose, under the name that the example says."""
    settings, _ = load({}, {}, [EXAMPLE])
    scopes = load_scopes(EXAMPLE, beside_settings=True)
    named = set(re.findall(r'(?m)^\w+ = "credential:([\w-]+)"', EXAMPLE.read_text("utf-8")))
    loaded = unit("cmdb-discover@.service.d/secrets.conf")["LoadCredential"]
    kinds = {type(c) for c in scopes.credentials}

    assert settings.data_dir == Path("/var/lib/cmdb")
    assert kinds == {UsmUser, Community}
    assert {line.partition(":")[0] for line in loaded} == named
    assert all(line == "{0}:/etc/cmdb/secrets/{0}".format(line.partition(":")[0]) for line in loaded)
    assert named <= set(SERVICES["discover"]["secrets"])  # type: ignore[call-overload]


# --- shell


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not there: install shellcheck")
    done = subprocess.run(["shellcheck", "-x", str(script)], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout
