"""Hears with which line an SSH server greets, before anybody logs in."""

from __future__ import annotations

import asyncio
from collections.abc import Container

from collectors.transport.session import TransportFailure
from collectors.transport.ssh_login import locate
from collectors.transport.ssh_socket import LONGEST_GREETING, SshLimits, version_line


async def greeting(
    target: str, address: str, port: int, exclude: Container[str] = (), limits: SshLimits | None = None
) -> str:
    """The version line of the server; "" where none came in time. Nothing is sent."""
    limits = limits or SshLimits()
    heard = bytearray()
    try:
        place = await locate(target, address, port, exclude)
        async with asyncio.timeout(limits.connect_s):
            reader, writer = await asyncio.open_connection(place.address, place.port)
    except (TransportFailure, OSError):  # whoever logs in will say why
        return ""
    try:
        async with asyncio.timeout(limits.banner_s):
            while not version_line(bytes(heard)) and len(heard) <= LONGEST_GREETING:
                piece = await reader.read(4096)
                if not piece:
                    break
                heard += piece
    except OSError:
        pass  # what came until then may say enough
    finally:
        writer.transport.abort()
    return version_line(bytes(heard))
