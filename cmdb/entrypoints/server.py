"""Serving the API: one address, loopback only until there is authentication, stopped gracefully."""

from __future__ import annotations

import errno
import ipaddress
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from cmdb.entrypoints.doors import LOOPBACK_NAMES
from cmdb.entrypoints.garbage import seldom_in_full
from cmdb.entrypoints.rest import create_app
from cmdb.entrypoints.services import Services
from cmdb.errors import Unreachable, UsageError

GRACE_S = 10  # running requests may end; the longest answer takes that long
SWITCH_S = 0.001  # threads that build answers give the event loop its turn this often, so that health checks answer


def is_loopback(host: str) -> bool:
    """Whether an address or name only reaches this machine."""
    if host.lower() in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else starts; 0 takes any free one. Raises UsageError or Unreachable."""
    if not is_loopback(host):
        raise UsageError(
            f"host: {host!r} can be reached from other machines, and there is no authentication yet; "
            "use 127.0.0.1, ::1 or localhost, with a tunnel or an authenticating proxy in front"
        )
    address = host.strip("[]")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(128)
    except OSError as error:
        made.close()
        why = "something else listens there" if error.errno == errno.EADDRINUSE else str(error.strerror or error)
        raise Unreachable(f"port: {host}:{port} can't be used: {why}; stop that, or choose another --port") from error
    return made


OnStart = Callable[[str, Callable[[], None]], None]  # address, and what stops the server from any thread


def serve(services: Services, listening: socket.socket, on_start: OnStart = lambda address, stop: None) -> None:
    """Serve until SIGINT or SIGTERM, then let running requests end. `on_start` is told the address once it answers."""
    config = uvicorn.Config(
        create_app(services),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=10,
        h11_max_incomplete_event_size=64 * 1024,
    )
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with seldom_in_full():
            _Server(config, on_start).run(sockets=[listening])
    finally:
        sys.setswitchinterval(before)
        listening.close()


class _Server(uvicorn.Server):
    """uvicorn's server that tells when it answers, and leaves the clean-up after a signal to its caller."""

    def __init__(self, config: uvicorn.Config, on_start: OnStart) -> None:
        super().__init__(config)
        self.on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            self.on_start(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}", self.stop)

    def stop(self) -> None:
        """Let running requests end, then return from `run`."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal and leave it at that: raised again, it would end the process before its clean-up."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, self.handle_exit) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
