"""A door between a store and its engine that can be slammed at a chosen moment."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Literal

COMMIT = b"\x00\x02\xb0\x12\x00\x00"  # a Bolt COMMIT message, framed
Moment = Literal["never", "before_commit", "after_commit"]


class Proxy:
    """Forwards TCP on loopback. The next COMMIT cuts its connection, before or after the server has got it."""

    def __init__(self, port: int) -> None:
        self.cut: Moment = "never"
        self.cuts = 0
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server))
            dead = threading.Event()
            threading.Thread(target=self._forth, args=(client, server, dead), daemon=True).start()
            threading.Thread(target=self._back, args=(server, client, dead), daemon=True).start()

    def _forth(self, client: socket.socket, server: socket.socket, dead: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                if COMMIT in data and self.cut != "never":
                    moment, self.cut = self.cut, "never"
                    self.cuts += 1
                    dead.set()  # no answer gets back from here on
                    if moment == "after_commit":
                        server.sendall(data)
                        server.shutdown(socket.SHUT_WR)
                    break
                server.sendall(data)
        if not dead.is_set() or self.cuts:
            _close(client)
        if not dead.is_set():
            _close(server)

    @staticmethod
    def _back(server: socket.socket, client: socket.socket, dead: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                if not dead.is_set():
                    client.sendall(data)
        _close(client)
        _close(server)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
