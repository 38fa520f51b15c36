"""A server on a real socket that plays a script, and an archive on a sample."""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines_tests.lib.archive.sample import SCHEMA, Sample, write

Answer = Callable[[socket.socket], None]


def reply(body: bytes = b"", status: str = "200 OK", *headers: str, length: int | None = None) -> Answer:
    """A whole answer, or one that promises `length` bytes and then closes."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]

    def answer(connection: socket.socket) -> None:
        connection.sendall("\r\n".join([*head, "Connection: close", "", ""]).encode() + body)

    return answer


def _is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


class Server:
    """Plays one answer a connection, the last one again and again; keeps what was asked."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.script: list[Answer] = [reply(b"ok")]
        self.requests: list[str] = []
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://localhost:{self._listener.getsockname()[1]}"

    @property
    def targets(self) -> list[str]:
        return [request.split(" ")[1] for request in self.requests]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:  # a client may leave at any moment
            line = self._context.wrap_socket(connection, server_side=True) if self._context else connection
            with line:
                asked = b""
                # With its body: a connection that is closed before all was read is reset, and takes the answer with it.
                while not _is_whole(asked):
                    chunk = line.recv(4096)
                    if not chunk:
                        return
                    asked += chunk
                self.requests.append(asked.decode())
                self.script[min(len(self.requests), len(self.script)) - 1](line)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def sample(new_database: Callable[[str | None], str], tmp_path: Path) -> Iterator[Sample]:
    with (
        psycopg.connect(new_database(None), autocommit=True) as connection,
        psycopg.connect(new_database(None), autocommit=True) as scratch,
    ):
        connection.execute(SCHEMA.encode())
        store = FolderStore(tmp_path / "landing")
        sample = Sample(
            connection=connection, store=store, archive=write(connection, store, "one"), scratch=scratch
        )
        # A damage proves something only where the whole thing was intact.
        assert sample.problems() == []
        yield sample
