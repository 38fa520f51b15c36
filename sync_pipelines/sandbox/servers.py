"""Listening sockets and servers in a background thread, for the fakes."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from types import FrameType, TracebackType
from typing import Any, Self

import uvicorn

from sync_pipelines.lib.processes import write_private
from sync_pipelines.sandbox.client_connection import CuttableProtocol


def listen(host: str, port: int) -> socket.socket:
    """A listening socket: clients can connect before the server accepts."""
    # Only with the protocol named does asyncio switch Nagle's delay off on each connection.
    line = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        line.bind((host, port))
        line.listen(128)
    except OSError:
        line.close()
        raise
    line.setblocking(False)
    return line


def listen_again(kept: Path) -> socket.socket:
    """A listening socket on the port that the file `kept` holds, or on a free one if that is taken.

    The push identifies a destination by its address: at another port it would take it for another project and send
    all leads again.
    """
    for port in (_port_in(kept), 0):
        with suppress(OSError):
            line = listen("127.0.0.1", port)
            break
    else:
        raise OSError("No port is free on 127.0.0.1: too many connections are open on this machine.")
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(kept, str(line.getsockname()[1]))
    return line


def _port_in(kept: Path) -> int:
    """The port of the last time; 0, which means any, if the file is missing or damaged."""
    with suppress(OSError, ValueError):
        port = int(kept.read_text())
        return port if 0 < port < 65536 else 0
    return 0


class _Server(uvicorn.Server):
    """Calls `stopping` on a signal, before it waits for the requests that it still serves."""

    stopping: Callable[[], None] = staticmethod(lambda: None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.stopping()
        super().handle_exit(sig, frame)


class BackgroundServer:
    """A silent uvicorn around an ASGI application, which can hang up, on a free port of this machine."""

    def __init__(self, application: Any) -> None:
        config = uvicorn.Config(
            application,
            http=CuttableProtocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)

    def __enter__(self) -> Self:
        self._line = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._line.getsockname()[1]}"
        self._thread = Thread(target=self._server.run, args=([self._line],), name="fake")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()

    def run_here(
        self, kept: Path, listening: Callable[[str], None], stopping: Callable[[], None] = lambda: None
    ) -> None:
        """Serve in this thread until SIGTERM or SIGINT.

        `listening` is called with the address, `stopping` when a signal comes. The file `kept` keeps the port for the
        next start.
        """
        line = listen_again(kept)

        def stop(_signal: int, _frame: FrameType | None) -> None:
            self._server.should_exit = True

        self._server.stopping = stopping
        # uvicorn stops on these itself and then raises them again; our handler lets the caller clean up.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        listening(f"http://127.0.0.1:{line.getsockname()[1]}")
        self._server.run([line])


class Served:
    """A fake behind `server`: a block of it serves it, and its address is `url`."""

    server: BackgroundServer
    url: str

    def __enter__(self) -> Self:
        self.server.__enter__()
        self.listening(self.server.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)

    def listening(self, origin: str) -> None:
        """Say where the server listens."""
        self.url = origin
