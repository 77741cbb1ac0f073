"""Sweeping a network of our own, where silent addresses are found out by ARP. Needs root, for a namespace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.program import ROOT

pytestmark = pytest.mark.e2e
SPACE = f"cmdb-test-{os.getpid()}"
ANSWERING = "10.99.3.250"
# Two loopback-like ends in one namespace would answer for each other, so the far end gets a namespace of its own.
SCRIPT = """
import asyncio, json, socket, threading, time
from collectors.transport.credentials import Community, Secret
from collectors.transport.sweep import Spot, sweep
credentials = [Community("a", "v2c", Secret("env:COMMUNITY")), Community("b", "v2c", Secret("env:COMMUNITY"))]
spots = [(Spot(f"10.99.{n}.{m}", 161), credentials) for n in range(4) for m in range(1, 255)]
began = time.monotonic()
heard = asyncio.run(sweep([s for s in spots if s[0].address != "10.99.0.1"]))
print(json.dumps([sorted(s.address for s in heard), time.monotonic() - began]))
"""
AGENT = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("10.99.3.250", 161))
print("ready", flush=True)
while True:
    data, where = server.recvfrom(2048)
    server.sendto(data, where)
"""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def network() -> Iterator[str]:
    """A network of 1,000 addresses between two namespaces; one of them answers."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it makes network namespaces")
    near, far = f"{SPACE}-a", f"{SPACE}-b"
    agent = None
    try:
        for name in (near, far):
            ip("netns", "add", name)
        ip("-n", near, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", far)
        for name, end, address in ((near, "near", "10.99.0.1"), (far, "far", ANSWERING)):
            ip("-n", name, "addr", "add", f"{address}/22", "dev", end)
            ip("-n", name, "link", "set", end, "up")
        agent = subprocess.Popen(["ip", "netns", "exec", far, sys.executable, "-c", AGENT], stdout=subprocess.PIPE)
        assert agent.stdout is not None
        assert agent.stdout.readline() == b"ready\n"
        yield near
    finally:
        if agent is not None:
            agent.kill()
            agent.wait()
            agent.stdout.close()  # type: ignore[union-attr] # a pipe was asked for
        for name in (near, far):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def test_silent_addresses_of_our_own_network_hide_nobody(network: str) -> None:
    """What waits for ARP fills the send buffer; who comes last in the range is heard all the same."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COMMUNITY": "guess"}
    command = ["ip", "netns", "exec", network, sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    heard, _ = json.loads(done.stdout)
    assert heard == [ANSWERING]
