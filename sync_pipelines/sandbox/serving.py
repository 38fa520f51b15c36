"""A fake as a process of its own: a ready file that says where it is, a port and secrets that outlive a restart."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from sync_pipelines.lib.processes import write_private
from sync_pipelines.sandbox.servers import BackgroundServer

PORT_FILE = "port"


def serve(
    server: BackgroundServer,
    ready: Path,
    describe: Callable[[str], Mapping[str, str]],
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM; `stopping` is called when it comes.

    The ready file holds what `describe` makes of the address. It exists while the server listens.
    """

    def listening(url: str) -> None:
        write_private(ready, json.dumps(dict(describe(url))))

    try:
        server.run_here(ready.with_name(PORT_FILE), listening, stopping)
    finally:
        ready.unlink(missing_ok=True)


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The file's text; `make` gives it the first time, so it is the same after a restart."""
    if not path.is_file():
        write_private(path, make())
    return path.read_text()
