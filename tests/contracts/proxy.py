"""A door between a store and its engine that can be slammed at a chosen moment, or at any."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Literal

COMMIT = b"\x00\x02\xb0\x12\x00\x00"  # a Bolt COMMIT message, framed
Moment = Literal["never", "before_commit", "after_commit"]


class Proxy:
    """Forwards TCP on loopback. The next COMMIT cuts its connection, before or after the server has got it.

    `slam` cuts all connections wherever they are; until `open` nobody gets through then.
    """

    def __init__(self, port: int) -> None:
        self.cut: Moment = "never"
        self.cuts = 0
        self._server, self._is_open = port, True
        self._through: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self.slam()

    def slam(self) -> int:
        """Cut all connections at once and let nobody in; return how many there were."""
        with self._lock:
            self._is_open = False
            through, self._through = self._through, []
        for pair in through:
            for end in pair:
                _shut(end)  # those who read from it close it
        return len(through)

    def open(self) -> None:
        """Let connections through again."""
        with self._lock:
            self._is_open = True

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            dead = threading.Event()
            try:
                server = socket.create_connection(("127.0.0.1", self._server))
            except OSError:  # nobody is there
                client.close()
                continue
            with self._lock:
                is_open = self._is_open
                if is_open:
                    self._through.append((client, server))
            if not is_open:
                client.close()
                server.close()
                continue
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


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def _close(one: socket.socket) -> None:
    _shut(one)
    one.close()
