"""Start the agents and hosts of the demo site, and write down how to reach them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe

from cmdb.demo.device import Device
from cmdb.demo.render import render
from cmdb.demo.shell import sections
from cmdb.demo.site import Site
from collectors.responders.agent import Agent, User
from collectors.responders.keys import Key, kept_key, new_key, write_key
from collectors.responders.serve import Running, serve
from collectors.responders.ssh import Host, RunningHost, serve_hosts

_USER = "observer"


@dataclass(frozen=True)
class Secrets:
    """What the site asks for. Drawn anew for each start, so that nothing secret stands in a file of the project."""

    community: str = field(default_factory=token_urlsafe, repr=False)
    auth: str = field(default_factory=token_urlsafe, repr=False)
    priv: str = field(default_factory=token_urlsafe, repr=False)
    login: Key = field(default_factory=new_key, repr=False)


@dataclass(frozen=True)
class Served:
    """Where the devices of a site answer: over SNMP, over SSH, or both."""

    agents: Mapping[str, Running]
    hosts: Mapping[str, RunningHost]


def agents(site: Site, secrets: Secrets) -> dict[str, Agent]:
    """One agent for each device that has one: version 2c with a community, or version 3 with SHA-256 and AES-128."""
    user = User(_USER, "SHA-256", secrets.auth.encode(), "AES-128", secrets.priv.encode())
    made = {}
    for name, device in site.devices.items():
        mib = render(site, device) if device.said.snmp else None
        if mib is not None and device.said.snmp == "v3":
            made[name] = Agent(mib, users=(user,), engine_id=device.engine_id, versions=("v3",))
        elif mib is not None:
            made[name] = Agent(mib, (secrets.community,), engine_id=device.engine_id, versions=("v1", "v2c"))
    return made


def hosts(site: Site, secrets: Secrets, host_keys: Path) -> dict[str, Host]:
    """One host for each device with a shell. Their own keys are kept in the folder `host_keys`."""
    return {
        name: Host(sections(site, device), _USER, secrets.login, kept_key(host_keys / f"demo-host-{name}"))
        for name, device in site.devices.items()
        if device.family.shell
    }


@asynccontextmanager
async def serve_site(site: Site, secrets: Secrets, folder: Path) -> AsyncIterator[Served]:
    """Let each device answer on ports of 127.0.0.1 until the context is left; `folder` keeps the keys of hosts."""
    async with (
        serve(agents(site, secrets)) as running,
        serve_hosts(hosts(site, secrets, folder)) as shells,
    ):
        yield Served(running, shells)


def scopes(site: Site, served: Served, secrets: Secrets, folder: Path) -> str:
    """The site as scopes with their credentials, in TOML; secrets go to files of mode 0600 in `folder`.

    One scope for each set of protocols, so that no device is asked by one that it does not speak.
    """
    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = {"community": secrets.community, "auth": secrets.auth, "priv": secrets.priv}
    references = {k: _quoted(f"file:{_write_secret(folder / f'demo-{k}', v)}") for k, v in held.items()}
    write_key(folder / "demo-login", secrets.login)
    spoken: dict[tuple[str, ...], list[str]] = {}
    for name, device in site.devices.items():
        spoken.setdefault(_protocols(device), []).append(name)
    blocks = []
    for protocols, names in spoken.items():
        blocks.append(_scope(site.content.name, protocols))
        blocks += [_target(name, served) for name in names]
    blocks.append(
        '[[credential]]\nname = "demo-v3"\nkind = "snmp-v3"\n'
        f"user = {_quoted(_USER)}\n"
        f'auth = "SHA-256"\nauth_secret = {references["auth"]}\n'
        f'priv = "AES-128"\npriv_secret = {references["priv"]}\n'
    )
    blocks.append(f'[[credential]]\nname = "demo-v2c"\nkind = "snmp-v2c"\ncommunity = {references["community"]}\n')
    key = _quoted(str(folder / "demo-login"))
    blocks.append(f'[[credential]]\nname = "demo-ssh"\nkind = "ssh"\nuser = {_quoted(_USER)}\nkey_file = {key}\n')
    return "\n".join(blocks)


def _protocols(device: Device) -> tuple[str, ...]:
    """What a device speaks: v2c or v3 of SNMP, ssh, or both."""
    return (*([device.said.snmp] if device.said.snmp else []), *(["ssh"] if device.family.shell else []))


def _scope(site: str, protocols: tuple[str, ...]) -> str:
    spoken = ", ".join(_quoted("ssh" if p == "ssh" else "snmp") for p in protocols)
    credentials = ", ".join(_quoted(f"demo-{p}") for p in protocols)
    name = _quoted("-".join((site, *protocols)))
    return f"[[scope]]\nname = {name}\nranges = []\nprotocols = [{spoken}]\ncredentials = [{credentials}]\n"


def _target(name: str, served: Served) -> str:
    agent, host = served.agents.get(name), served.hosts.get(name)
    address = agent.address if agent else host.address if host else ""
    ports = ([f"snmp_port = {agent.port}"] if agent else []) + ([f"ssh_port = {host.port}"] if host else [])
    return "\n".join(["[[scope.target]]", f"name = {_quoted(name)}", f"address = {_quoted(address)}", *ports, ""])


def write_scopes(site: Site, served: Served, secrets: Secrets, folder: Path) -> Path:
    """Write `scopes` to demo.toml in `folder`, beside the files with the secrets, for `--scopes`."""
    text = scopes(site, served, secrets, folder)
    file = folder.resolve() / "demo.toml"
    file.write_text(text, encoding="utf-8")
    return file


def _write_secret(file: Path, secret: str) -> Path:
    """Write a secret that only its owner can read, also where the file was there before with another mode."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(secret)
    return file


def _quoted(text: str) -> str:
    """A TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
