"""What real tools send: Ansible, nmap, lldpd and Alertmanager, as Debian has them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from tests.program import Running, cmdb, post

pytestmark = pytest.mark.e2e
PATHS = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
TIMEOUT_S = 120
LLDP = """
set -e
hostname lldp-a
mount -t tmpfs none /run; mkdir /run/lldpd; mkfifo /run/far /run/hold /run/log-a /run/log-b
ip link set lo up
unshare -n -u sh -c 'hostname lldp-b; echo $$ > /run/far; exec cat /run/hold' & read -r far < /run/far
ip link add v0 address e4:43:4b:00:10:01 type veth peer name v1 address e4:43:4b:00:20:01
ip link set v1 netns "$far"; ip link set v0 up
nsenter -t "$far" -n sh -c 'ip link set lo up; ip link set v1 up'
ready() { while read -r line <&"$1"; do case $line in *"resume operations"*) return;; esac; done; exit 1; }
lldpd -d -u /run/a.sock -I v0 2>/run/log-a & a=$!
exec 3</run/log-a; ready 3; cat <&3 >/dev/null &
lldpcli -u /run/a.sock watch limit 1 >/dev/null & seen=$!
nsenter -t "$far" -n -u unshare -m sh -c '
  exec 4>/run/log-b; mount -t tmpfs none /run; mkdir /run/lldpd; exec lldpd -d -u /run/b.sock -I v1 2>&4' & b=$!
exec 5</run/log-b; ready 5; cat <&5 >/dev/null &
wait $seen
lldpcli -u /run/a.sock -f FORMAT show neighbors details
kill $a $b "$far"
"""


def tool(name: str, package: str) -> str:
    """The path of a program; skips where it is missing."""
    found = shutil.which(name, path=PATHS)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian package {package})")
    return found


def run(*arguments: str, **environment: str) -> str:
    """What a program prints."""
    done = subprocess.run(
        arguments, env=os.environ | {"PATH": PATHS} | environment, capture_output=True, text=True, timeout=TIMEOUT_S
    )

    assert done.returncode == 0, done.stderr
    return done.stdout


def exported(home: Path, store: Path) -> list[dict[str, Any]]:
    """The graph, line by line."""
    cmdb(home, "export", "-o", home / "export", "--data-dir", store)
    return [json.loads(line) for line in (home / "export").read_text("utf-8").splitlines()]


def push(home: Path, store: Path, payload: str, adapter: str, *more: str) -> list[dict[str, Any]]:
    """Push a payload on the command line; a row for each item."""
    (home / "payload").write_text(payload, "utf-8")
    done = cmdb(home, "ingest", "push", "payload", "--adapter", adapter, "--data-dir", store, "-o", "ndjson", *more)

    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# ---- Ansible
def test_ansible_tells_of_this_machine(tmp_path: Path) -> None:
    ansible = tool("ansible", "ansible-core")
    printed = run(ansible, "localhost", "-m", "setup", HOME=str(tmp_path))
    in_one_line = run(ansible, "localhost", "-m", "setup", "-o", HOME=str(tmp_path))
    cache = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "cache")}
    run(ansible, "localhost", "-m", "setup", HOME=str(tmp_path), **cache)
    run(ansible, "localhost", "-m", "setup", "--tree", str(tmp_path / "tree"), HOME=str(tmp_path))
    rows = [
        push(tmp_path, tmp_path / "store", payload, "ansible")
        for payload in (
            printed,
            in_one_line,
            (tmp_path / "cache" / "localhost").read_text("utf-8"),
            (tmp_path / "tree" / "localhost").read_text("utf-8"),
        )
    ]
    lines = exported(tmp_path, tmp_path / "store")
    devices = [line for line in lines if line.get("class") in ("Computer", "VirtualMachine")]

    assert rows[0][0]["status"] == "created"
    assert {r[0]["ci"] for r in rows} == {devices[0]["id"]}
    assert [d["name"] for d in devices] == [socket.gethostname()]
    assert {line["name"] for line in lines if line.get("class") == "Interface"} == set(os.listdir("/sys/class/net")) - {
        "bonding_masters"
    }


# ---- nmap
@contextmanager
def listening() -> Iterator[int]:
    """A web server on a free port of 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(TIMEOUT_S)


def test_nmap_tells_what_listens_here(tmp_path: Path) -> None:
    nmap, store = tool("nmap", "nmap"), tmp_path / "store"

    def scan(*ports: int) -> list[dict[str, Any]]:
        chosen = ",".join(map(str, ports))
        found = run(nmap, "-oX", "-", "-sT", "-sV", "-Pn", "-p", chosen, "127.0.0.1")
        return push(tmp_path, store, found, "nmap", "--host", "scanner-1")

    with listening() as first, listening() as second:
        created = scan(first, second)
        again = scan(first, second)
        held = {line["local_key"] for line in exported(tmp_path, store) if line.get("class") == "SoftwareInstance"}
        nmap_sees = (first, second)
    closed = scan(*nmap_sees)
    lines = exported(tmp_path, store)
    software = [line for line in lines if line.get("class") == "SoftwareInstance"]

    assert [r["status"] for r in created] == ["created"]
    assert [r["ci"] for r in again] == [r["ci"] for r in created] == [r["ci"] for r in closed]
    assert held == {f"tcp-{first}", f"tcp-{second}"}
    assert {s["attributes"]["product"] for s in software} == {"BaseHTTPServer"}
    (host,) = [line for line in lines if line.get("id") == closed[0]["ci"]]
    assert max(s["last_seen"] for s in software) < host["last_seen"], "both are closed now"
    assert {s["status"] for s in software} == {"in_service"}, "one scan without them is not yet enough"


# ---- lldpd
@pytest.mark.parametrize("form", ["json0", "json"])
def test_lldpd_tells_of_its_neighbour(tmp_path: Path, form: str) -> None:
    """Two daemons in network namespaces of their own, with a cable between them."""
    tool("lldpd", "lldpd"), tool("unshare", "util-linux"), tool("ip", "iproute2")
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    process = subprocess.Popen(
        ["unshare", "-n", "-m", "-u", "bash", "-c", LLDP.replace("FORMAT", form)],
        env=os.environ | {"PATH": PATHS},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        payload = process.communicate(timeout=TIMEOUT_S)[0]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    rows = push(tmp_path, tmp_path / "store", payload, "lldpctl", "--host", "lldp-a")
    lines = exported(tmp_path, tmp_path / "store")
    named = {line["id"]: line for line in lines if line["kind"] == "ci"}
    cables = [line for line in lines if line.get("type") == "CONNECTED_TO"]

    assert [r["status"] for r in rows] == ["created"]
    assert {(named[c["from"]]["name"], named[c["to"]]["name"]) for c in cables} in ({("v0", "v1")}, {("v1", "v0")})
    far = next(n for n in named.values() if n["name"] == "lldp-b")
    assert "chassis-id:mac:e4:43:4b:00:20:01" in far["identifiers"]
    assert cables[0]["attributes"]["protocols"] == ["lldp"]


# ---- Alertmanager
ALERTMANAGER = """
route: {{receiver: cmdb, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: cmdb
    webhook_configs: [{{url: "{url}/api/v1/ingest/alertmanager?source=alertmanager:prod", send_resolved: true}}]
"""


@contextmanager
def relay(to: str) -> Iterator[tuple[str, Queue[tuple[bytes, int, bytes]]]]:
    """A door before the server that tells of each push: body, status, answer."""
    told: Queue[tuple[bytes, int, bytes]] = Queue()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, answer = post(to + self.path, body, self.headers["content-type"])
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            told.put((body, status, answer))

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(TIMEOUT_S)


@contextmanager
def alertmanager(folder: Path, url: str) -> Iterator[str]:
    """A running Alertmanager that sends to a URL; its own address."""
    program = tool("prometheus-alertmanager", "prometheus-alertmanager")
    (folder / "alertmanager.yml").write_text(ALERTMANAGER.format(url=url), "utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            program,
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alerts'}",
            f"--web.listen-address=127.0.0.1:{free}",
            "--cluster.listen-address=",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "Listening" in line:
                break
        drain = threading.Thread(target=process.stderr.read)
        drain.start()
        yield f"http://127.0.0.1:{free}"
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)
        drain.join(TIMEOUT_S)
        process.stderr.close()


def test_alertmanager_tells_what_is_down(tmp_path: Path) -> None:
    tool("prometheus-alertmanager", "prometheus-alertmanager")
    server = Running(tmp_path, "serve", "--data-dir", tmp_path / "store", "--port", "0")
    try:
        address = server.address()
        known = {
            "type": "NetworkDevice",
            "id": {"serial": "FOC1234X0AB", "vendor": "cisco"},
            "description": {"name": "core-1", "management_address": "10.20.0.1"},
        }
        post(f"{address}/api/v1/ingest/native", json.dumps(known).encode(), "application/json")

        def reachability() -> object:
            query = b'{"query": "{ci(key: \\"core-1\\") {... on NetworkDevice {reachability}}}"}'
            found = json.loads(post(f"{address}/graphql", query, "application/json")[1])
            return found["data"]["ci"]["reachability"]

        with relay(address) as (url, told), alertmanager(tmp_path, url) as alerts:

            def alert(instance: str, **times: str) -> dict[str, Any]:
                one = {"labels": {"alertname": "InstanceDown", "instance": instance, "severity": "page"}, **times}
                post(f"{alerts}/api/v2/alerts", json.dumps([one]).encode(), "application/json")
                state = "resolved" if times else "firing"
                while True:
                    body, status, answer = told.get(timeout=TIMEOUT_S)
                    sent = json.loads(body)

                    assert (status, sent["version"]) == (200, "4")
                    if (instance, state) in {(a["labels"]["instance"], a["status"]) for a in sent["alerts"]}:
                        return json.loads(answer)

            down = alert("10.20.0.1:9100")
            while_down = reachability()
            unknown = alert("10.20.0.99:9100")
            up = alert("10.20.0.1:9100", endsAt="2025-01-01T00:00:00Z", startsAt="2024-12-31T00:00:00Z")
            after = reachability()
        with urllib.request.urlopen(f"{address}/api/v1/quarantine") as answer:  # noqa: S310 - our own server
            waiting = json.load(answer)
    finally:
        server.interrupt()

    assert [i["status"] for i in down["items"]] == ["updated"]
    assert while_down == "unreachable"
    assert "UNKNOWN_INSTANCE" in {i.get("reason", {}).get("code") for i in unknown["items"]}
    assert after == "reachable", up
    assert [e["reason"]["code"] for e in waiting["entries"]] == ["UNKNOWN_INSTANCE"]
