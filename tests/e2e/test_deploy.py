"""The commands of deploy/ run here: from the wheel in an environment of its own, with folders of their own."""

from __future__ import annotations

import asyncio
import base64
import os
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import sysconfig
import threading
import urllib.error
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from collectors.responders import ber
from collectors.responders.agent import Agent, User
from collectors.responders.mib import Entry, Mib
from collectors.responders.serve import serve
from tests.deployment import DEPLOY, image_environment, last, moved, unit, unit_environment
from tests.program import ROOT, TIMEOUT_S

pytestmark = pytest.mark.e2e
AUTH, PRIV = b"s3cr3t-auth-word", b"s3cr3t-priv-word"
SYSTEM = (1, 3, 6, 1, 2, 1, 1)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it; what the wheel needs comes from the environment of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    made = folder / "wheel"
    build = [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(made), str(ROOT)]
    subprocess.run(build, check=True, timeout=300, cwd=folder)
    (wheel,) = made.glob("cmdb-*.whl")
    home = folder / "opt"
    venv.create(home, with_pip=False, symlinks=True)
    install = [
        *pip,
        "--python",
        str(home / "bin" / "python"),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(install, check=True, timeout=300, cwd=folder)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "needs.pth").write_text(sysconfig.get_path("purelib") + "\n")  # after our own, and without its .pth files
    return home


@dataclass
class Place:
    """Where one test's service lives, and what a service manager gives it."""

    program: Path
    root: Path
    port: int
    added: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.root / "state"

    def environment(self, own: dict[str, str]) -> dict[str, str]:
        """The variables of a unit or an image with the folders of this test, and nothing else of ours."""
        values = {name: moved(value, self.program, self.state) for name, value in own.items()}
        found = {"PATH": os.environ["PATH"], "HOME": str(self.state), "XDG_CONFIG_HOME": str(self.root / "etc")}
        return {**found, **values, "CMDB_PORT": str(self.port), **self.added}


@pytest.fixture
def place(program: Path, tmp_path: Path) -> Place:
    for name in ("state", "etc/cmdb", "secrets"):
        (tmp_path / name).mkdir(parents=True, mode=0o700)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Place(program, tmp_path, probe.getsockname()[1])


class Service:
    """A service that was started, its engine, and how it answers."""

    def __init__(self, place: Place, command: list[str], environment: dict[str, str]) -> None:
        self.place = place
        self.environment = environment
        self.output = (place.root / "output").open("w+")
        self.process = subprocess.Popen(
            command, cwd=place.state, env=environment, stdout=self.output, stderr=self.output, start_new_session=True
        )

    def said(self) -> str:
        """What it wrote."""
        return (self.place.root / "output").read_text()

    def get(self, path: str) -> int:
        """The status of an answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.place.port}{path}", timeout=TIMEOUT_S) as answer:
            return int(answer.status)

    def engine(self) -> int:
        """Process id of its engine."""
        return int((self.place.state / "store" / "engine.pid").read_text())

    def terminate(self) -> int:
        """SIGTERM to the server alone, as KillMode=mixed and containers do; the exit code."""
        self.process.terminate()
        return self.process.wait(TIMEOUT_S)


@contextmanager
def started(place: Place, command: list[str], own: dict[str, str]) -> Iterator[Service]:
    """A service that has told its manager that it is ready, and is gone when the context is left."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        address = f"\0cmdb-test-{os.getpid()}-{place.port}"
        manager.bind(address)
        manager.settimeout(TIMEOUT_S)
        service = Service(place, command, place.environment(own) | {"NOTIFY_SOCKET": address.replace("\0", "@")})
        try:
            said = manager.recv(64)
            assert said == b"READY=1", service.said()
            yield service
        except TimeoutError:
            raise AssertionError(f"it never got ready: {service.said()}") from None
        finally:
            if service.process.poll() is None:
                service.process.kill()
                service.process.wait()
            service.output.close()


def gone(process: int) -> bool:
    """Whether there is no such process."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def command_of(name: str, place: Place, instance: str = "") -> list[str]:
    """The command of a unit under the filters that it sets."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not there: install systemd")
    families = [str(int(getattr(socket, f))) for f in unit(name)["RestrictAddressFamilies"][0].split()]
    (line,) = unit(name)["ExecStart"]
    run = shlex.split(moved(line, place.program, place.state).replace("%i", instance))
    sandbox = [
        sys.executable,
        str(ROOT / "tests" / "sandbox.py"),
        *unit(name)["SystemCallFilter"],
        "--",
        *families,
        "--",
    ]
    return [*sandbox, run[0], *run[1:]]


def test_the_wheel_is_what_runs(program: Path, tmp_path: Path) -> None:
    show = "import cmdb, collectors, cmdb_graphql; print(*(m.__file__ for m in (cmdb, collectors, cmdb_graphql)))"
    found = subprocess.run([program / "bin" / "python", "-c", show], capture_output=True, text=True, cwd=tmp_path)

    assert found.returncode == 0, found.stderr
    assert all(Path(file).is_relative_to(program) for file in found.stdout.split())


def test_the_units_serve_discover_and_stop(place: Place) -> None:
    """With the example's settings, against an agent, under the units' own filters of system calls."""
    with agent() as port:
        configure(place, port)
        with started(place, command_of("cmdb.service", place), unit_environment("cmdb.service")) as service:
            statuses = (service.get("/livez"), service.get("/readyz"))
            discovered = run(place, command_of("cmdb-discover@.service", place, "plant-1"))
            listed = run(place, [str(place.program / "bin" / "cmdb"), "ci", "list", "-o", "csv"])
            engine = service.engine()
            running = not gone(engine)
            code = service.terminate()

    assert statuses == (200, 200)
    assert discovered.returncode == 0, discovered.stderr
    assert "1 OK" in discovered.stderr
    assert "core-1" in listed.stdout
    assert running
    assert code == 0, service.said()
    assert gone(engine)
    assert not (place.state / "store" / "endpoint.json").exists()
    assert AUTH.decode() not in service.said() + discovered.stderr


def test_the_image_serves_is_healthy_and_stops(place: Place) -> None:
    """ENTRYPOINT with CMD, HEALTHCHECK, and the signal that stops a container."""
    own = {k: v for k, v in image_environment().items() if k not in ("PATH", "CREDENTIALS_DIRECTORY")}
    entry = [str(place.program / "bin" / last("ENTRYPOINT").words[0]), *last("CMD").words]
    with started(place, entry, own) as service:
        health = [w.replace(":8000/", f":{place.port}/") for w in last("HEALTHCHECK").words]
        healthy = subprocess.run(
            [place.program / "bin" / health[0], *health[1:]], capture_output=True, timeout=TIMEOUT_S
        )
        engine = service.engine()
        code = service.terminate()
        after = subprocess.run([place.program / "bin" / health[0], *health[1:]], capture_output=True, timeout=TIMEOUT_S)

    assert healthy.returncode == 0, healthy.stderr
    assert after.returncode != 0
    assert code == 0, service.said()
    assert gone(engine)


def test_killed_in_the_middle_it_starts_again_on_what_it_left(place: Place) -> None:
    """Restart=on-failure after kill -9: the engine goes too, and the next start is the same service."""
    command, own = command_of("cmdb.service", place), unit_environment("cmdb.service")
    with started(place, command, own) as service:
        first = service.engine()
        service.process.send_signal(signal.SIGKILL)
        service.process.wait(TIMEOUT_S)
    with started(place, command, own) as service:
        status = service.get("/readyz")
        first_gone = gone(first)
        code = service.terminate()

    assert (status, first_gone, code) == (200, True, 0)


def test_the_gate_asks_for_a_password_and_hands_on_only_its_own_pages(place: Place) -> None:
    if not shutil.which("nginx"):
        pytest.skip("nginx is not there: install nginx-light")
    outside = socket.create_server(("127.0.0.1", 0))  # handed on, so that nobody is turned away while nginx starts
    port = outside.getsockname()[1]
    settings = gate(place, port)
    with (
        outside,
        started(place, [str(place.program / "bin" / "cmdb"), "serve"], {"CMDB_DATA_DIR": str(place.state)}) as service,
    ):
        checked = subprocess.run(["nginx", "-t", "-c", settings], capture_output=True, text=True, timeout=60)
        assert checked.returncode == 0, checked.stderr  # nobody would ever answer
        front = subprocess.Popen(
            ["nginx", "-c", settings, "-g", "daemon off;"],
            env=os.environ | {"NGINX": f"{outside.fileno()};"},
            pass_fds=[outside.fileno()],
            stderr=subprocess.DEVNULL,
        )
        try:
            ask = asked(port)
            seen = {
                "no password": ask({}),
                "wrong password": ask({"authorization": basic("ann", "wrong")}),
                "password": ask({"authorization": basic("ann", "right")}),
                "own page": ask({"authorization": basic("ann", "right"), "origin": f"https://localhost:{port}"}),
                "other page": ask({"authorization": basic("ann", "right"), "origin": "https://evil.example"}),
                "like ours": ask({"authorization": basic("ann", "right"), "origin": f"https://localhost:{port}.evil"}),
                "other name": ask({"authorization": basic("ann", "right"), "host": "evil.example"}),
            }
        finally:
            front.terminate()
            front.wait(TIMEOUT_S)
        code = service.terminate()

    assert seen == {
        "no password": 401,
        "wrong password": 401,
        "password": 200,
        "own page": 200,
        "other page": 403,
        "like ours": 403,
        "other name": 421,
    }
    assert code == 0


def run(place: Place, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the second unit to its end."""
    environment = place.environment(unit_environment("cmdb-discover@.service"))
    return subprocess.run(command, env=environment, cwd=place.state, capture_output=True, text=True, timeout=TIMEOUT_S)


def configure(place: Place, port: int) -> None:
    """The example as settings of this place, with the address of an agent for its range, and its credentials."""
    text = (DEPLOY / "cmdb.toml.example").read_text("utf-8")
    assert 'ranges = ["192.0.2.0/24"]' in text
    text = text.replace("192.0.2.0/24", f"127.0.0.1:{port}").replace("/var/lib/cmdb", str(place.state))
    (place.root / "etc" / "cmdb" / "config.toml").write_text(text)
    for name, secret in (("site-auth", AUTH), ("site-priv", PRIV), ("site-community", b"unused")):
        (place.root / "secrets" / name).write_bytes(secret)
        (place.root / "secrets" / name).chmod(0o440)  # as systemd shows a file with an access list
    place.added["CREDENTIALS_DIRECTORY"] = str(place.root / "secrets")


@contextmanager
def agent() -> Iterator[int]:
    """An agent for the user of the example; gives its port."""
    said = [
        Entry((*SYSTEM, 1, 0), ber.OCTETS, b"Cisco IOS Software, C2960X Software, Version 15.2(7)E3"),
        Entry((*SYSTEM, 2, 0), ber.OID, "1.3.6.1.4.1.9.1.1208"),
        Entry((*SYSTEM, 5, 0), ber.OCTETS, b"core-1"),
    ]
    user = User("observer", "SHA-256", AUTH, "AES-128", PRIV)
    answering = Agent(Mib(said), users=(user,), engine_id=bytes.fromhex("80001f8880a1b2c3d4e5f6"), versions=("v3",))
    ready, ports = threading.Event(), list[int]()
    ending: list[Callable[[], object]] = []

    async def answer() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        ending.append(lambda: loop.call_soon_threadsafe(stop.set))
        async with serve({"core-1": answering}) as running:
            ports.append(running["core-1"].port)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(answer()))
    thread.start()
    assert ready.wait(TIMEOUT_S)
    try:
        yield ports[0]
    finally:
        ending[0]()
        thread.join()


def gate(place: Place, port: int) -> str:
    """The gate's configuration with this test's ports and folders, a certificate and one user; its path."""
    text = (DEPLOY / "gate" / "nginx.conf").read_text("utf-8")
    for old, new in (
        ("/tmp/", f"{place.root}/"),  # noqa: S108 - what the file says
        ("8443", f"127.0.0.1:{port}"),
        ("127.0.0.1:8000", f"127.0.0.1:{place.port}"),
        ("/run/secrets/", f"{place.root}/secrets/"),
    ):
        assert old in text
        text = text.replace(old, new)
    if os.getuid() == 0:
        text = "user root;\n" + text  # its worker reads files of this test
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    held = {
        "gate-certificate": made.sign(key, hashes.SHA256()).public_bytes(pem),
        "gate-key": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain),
        "gate-users": b"ann:" + hashed("right"),
    }
    for file, content in held.items():
        (place.root / "secrets" / file).write_bytes(content)
    (place.root / "nginx.conf").write_text(text)
    return str(place.root / "nginx.conf")


def hashed(password: str) -> bytes:
    """A line for a password as README.md says to make it."""
    done = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=password.encode(), capture_output=True, check=True
    )
    return done.stdout


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def asked(port: int) -> Callable[[dict[str, str]], int]:
    """A function that asks the gate for /readyz with some headers, and gives the status."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def ask(headers: dict[str, str]) -> int:
        request = urllib.request.Request(f"https://localhost:{port}/readyz", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310 - our own
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    return ask
