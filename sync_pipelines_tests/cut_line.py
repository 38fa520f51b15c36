"""A line to Postgres that is cut at a COMMIT: before it arrives, or after it was done and before that is known."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, Self
from urllib.parse import urlsplit

Cut = Literal["before", "after"]


class CutLine:
    """Passes connections on to the server of a URL; once `cut` is set, the next COMMIT ends its connection.

    `between` is called before each message of a client is passed on: what others do at that moment.
    """

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._server = (str(place.hostname), place.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = url.replace(f":{place.port}/", f":{port}/") + "?sslmode=disable"
        self.cut: Cut | None = None
        self.cuts = 0
        self.between: Callable[[], None] | None = None
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *error: object) -> None:
        _hang_up(self._listener, *self._open)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._open += [client, server]
                thread = threading.Thread(target=self._pass_on, args=(client, server))
                self._threads.append(thread)
                thread.start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        committing = threading.Event()
        back = threading.Thread(target=self._answer, args=(client, server, committing))
        back.start()
        with suppress(OSError):
            while data := client.recv(1 << 16):
                cut = self.cut if b"COMMIT\x00" in data else None
                if cut is not None:
                    self.cut, self.cuts = None, self.cuts + 1
                if cut == "before":
                    break
                if cut == "after":
                    committing.set()
                if self.between is not None:
                    self.between()
                server.sendall(data)
        if not committing.is_set():
            _hang_up(server)
        back.join()
        _hang_up(client, server)

    def _answer(self, client: socket.socket, server: socket.socket, committing: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if committing.is_set():
                    break
                client.sendall(data)
        _hang_up(client, server)


def _hang_up(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
