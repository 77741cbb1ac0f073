"""Start the agents of the demo site, and write down how to reach them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe

from cmdb.demo.render import render
from cmdb.demo.site import Site
from collectors.responders.agent import Agent, User
from collectors.responders.serve import Running, serve

_USER = "observer"


@dataclass(frozen=True)
class Secrets:
    """What the agents ask for. Drawn anew for each start, so that nothing secret stands in a file of the project."""

    community: str = field(default_factory=token_urlsafe, repr=False)
    auth: str = field(default_factory=token_urlsafe, repr=False)
    priv: str = field(default_factory=token_urlsafe, repr=False)


def agents(site: Site, secrets: Secrets) -> dict[str, Agent]:
    """One agent for each device: version 2c with a community, or version 3 with SHA-256 and AES-128."""
    user = User(_USER, "SHA-256", secrets.auth.encode(), "AES-128", secrets.priv.encode())
    made = {}
    for name, device in site.devices.items():
        if device.said.snmp == "v3":
            made[name] = Agent(render(device), users=(user,), engine_id=device.engine_id, versions=("v3",))
        else:
            communities = (secrets.community,)
            made[name] = Agent(render(device), communities, engine_id=device.engine_id, versions=("v1", "v2c"))
    return made


@asynccontextmanager
async def serve_site(
    site: Site, secrets: Secrets, ports: Mapping[str, int] | None = None
) -> AsyncIterator[dict[str, Running]]:
    """Let each device answer on a port of 127.0.0.1 (a free one unless given) until the context is left."""
    async with serve(agents(site, secrets), ports=ports) as running:
        yield running


def scopes(site: Site, running: Mapping[str, Running], secrets: Secrets, folder: Path) -> str:
    """The site as scopes with their credentials, in TOML; secrets go to files of mode 0600 in `folder`.

    One scope for each SNMP version, so that no device is asked in a version that it does not speak.
    """
    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = {"community": secrets.community, "auth": secrets.auth, "priv": secrets.priv}
    references = {k: _quoted(f"file:{_write_secret(folder / f'demo-{k}', v)}") for k, v in held.items()}
    blocks = []
    for version in ("v3", "v2c"):
        names = [name for name in running if site.devices[name].said.snmp == version]
        if names:
            blocks.append(_scope(f"{site.content.name}-{version}", f"demo-{version}"))
            blocks += [_target(name, running[name]) for name in names]
    blocks.append(
        '[[credential]]\nname = "demo-v3"\nkind = "snmp-v3"\n'
        f"user = {_quoted(_USER)}\n"
        f'auth = "SHA-256"\nauth_secret = {references["auth"]}\n'
        f'priv = "AES-128"\npriv_secret = {references["priv"]}\n'
    )
    blocks.append(f'[[credential]]\nname = "demo-v2c"\nkind = "snmp-v2c"\ncommunity = {references["community"]}\n')
    return "\n".join(blocks)


def _scope(name: str, credential: str) -> str:
    return (
        f'[[scope]]\nname = {_quoted(name)}\nranges = []\nprotocols = ["snmp"]\ncredentials = [{_quoted(credential)}]\n'
    )


def _target(name: str, agent: Running) -> str:
    return f"[[scope.target]]\nname = {_quoted(name)}\naddress = {_quoted(agent.address)}\nsnmp_port = {agent.port}\n"


def write_scopes(site: Site, running: Mapping[str, Running], secrets: Secrets, folder: Path) -> Path:
    """Write `scopes` to demo.toml in `folder`, beside the files with the secrets, for `--scopes`."""
    text = scopes(site, running, secrets, folder)
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
