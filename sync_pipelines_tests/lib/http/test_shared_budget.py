"""Two processes with one key on one small window, and a server that stamps what arrives: in real time."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic

import pytest

CALLS, SECONDS = 5, 1.0
EACH = 9
PROCESS = f"""
import sys
from sync_pipelines.lib.completed_pool import CompletedPool
from sync_pipelines.lib.http.budget import Budget, Window
from sync_pipelines.lib.http.json import JsonClient

ops, url, party = sys.argv[1:]
# The margin is wide, because this machine may hold up a process for a part of a second.
window = Window("key", calls={CALLS}, seconds={SECONDS}, margin=0.5)
with (
    Budget(ops, [window], party=party) as budget,
    JsonClient(budget=budget) as client,
    CompletedPool(lambda _: client.get_json(url).status, 4, {EACH}) as pool,
):
    for number in range({EACH}):
        pool.give(number)
    print("ready", flush=True)
    done = []
    while not pool.is_empty:
        done += pool.take()
assert [one.outcome for one in done] == [200] * {EACH}, done
"""


class Stamps:
    """A server that notes when each request arrives."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        arrivals = self.arrivals

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                arrivals.append(monotonic())
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/leads"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def stamps() -> Iterator[Stamps]:
    server = Stamps()
    yield server
    server.close()


def start(ops: str, url: str, party: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROCESS, ops, url, party]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_together_stay_within_the_window(
    new_database: Callable[[str | None], str], stamps: Stamps
) -> None:
    ops = new_database("ops")
    processes = [start(ops, stamps.url, party) for party in ("a", "b")]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert errors == ["", ""]
    times = sorted(stamps.arrivals)
    assert len(times) == 2 * EACH
    crowded = [begin for begin, end in zip(times, times[CALLS:], strict=False) if end - begin <= SECONDS]
    assert crowded == []


def test_a_killed_process_holds_up_nobody(new_database: Callable[[str | None], str], stamps: Stamps) -> None:
    ops = new_database("ops")
    killed = start(ops, stamps.url, "killed")
    assert killed.stdout is not None
    assert killed.stdout.readline() == "ready\n"
    killed.kill()
    killed.communicate()
    before, began = len(stamps.arrivals), monotonic()
    other = start(ops, stamps.url, "other")
    assert other.communicate(timeout=60)[1] == ""
    assert len(stamps.arrivals) == before + EACH
    assert monotonic() - began < 20
