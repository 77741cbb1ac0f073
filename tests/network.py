"""Network devices for tests: fakenos plays their command lines, our own responders their agents."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from textwrap import dedent

from collectors.responders.agent import Agent
from collectors.responders.mib import Mib, parse_lines
from collectors.responders.serve import serve

USER, PASSWORD, COMMUNITY = "cmdb", "made-up", "watch-1"
PREPARATION = {
    "cisco_ios": ("{base_prompt}#", {"terminal width 511": "", "terminal length 0": ""}),
    "arista_eos": (
        "{base_prompt}#",
        {"terminal width 511": "Width set to 511", "terminal length 0": "Pagination disabled."},
    ),
    "huawei_vrp": ("<{base_prompt}>", {"screen-length 0 temporary": "Info: The configuration takes effect"}),
}


@contextmanager
def command_line(platform: str, said: Mapping[str, str]) -> Iterator[int]:
    """A device of a platform that answers commands; gives its port on loopback."""
    from fakenos import FakeNOS, Nos

    prompt, typed = PREPARATION[platform]
    texts = typed | {command: dedent(text).strip("\n") for command, text in said.items()}
    nos = Nos(platform, {c: {"output": t, "help": "", "prompt": prompt} for c, t in texts.items()}, prompt)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host = {"username": USER, "password": PASSWORD, "port": port, "nos": {"plugin": platform, "configuration": {}}}
    with FakeNOS(inventory={"hosts": {"sw-1": host}}, plugins=[nos]):
        yield int(port)


@contextmanager
def agents(recordings: Mapping[str, str]) -> Iterator[dict[str, int]]:
    """Agents by name that answer lines of recordings without their `1.3.6.1.`; gives their ports on loopback."""
    mibs = {name: Mib(parse_lines(f"1.3.6.1.{line.strip()}" for line in text.split("\n") if line.strip()))
            for name, text in recordings.items()}  # fmt: skip
    with served({name: Agent(mib, (COMMUNITY,)) for name, mib in mibs.items()}) as ports:
        yield ports


@contextmanager
def served(by_name: Mapping[str, Agent], ports: Mapping[str, int] | None = None) -> Iterator[dict[str, int]]:
    """Agents that answer on loopback from a thread of their own, on these ports or on free ones; gives the ports."""
    started, ended = threading.Event(), threading.Event()
    found: dict[str, int] = {}

    async def run() -> None:
        async with serve(by_name, ports=ports) as running:
            found.update({name: at.port for name, at in running.items()})
            started.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert started.wait(30)
        yield found
    finally:
        ended.set()
        thread.join(30)
