"""The export server as a process of its own: `python -m sync_pipelines.sandbox.hitss.serve --home DIR`."""

import argparse
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, get_args

from sync_pipelines.sandbox.hitss.app import LOOPBACK, Upstream, server_time
from sync_pipelines.sandbox.hitss.auth import PASSWORD, USERNAME, Authentication, Mode
from sync_pipelines.sandbox.hitss.cache import WorkbookCache
from sync_pipelines.sandbox.hitss.export import ExportProfile, generate
from sync_pipelines.sandbox.hitss.fake import HitssFake, make_server
from sync_pipelines.sandbox.hitss.faults import Value
from sync_pipelines.sandbox.hitss.request import download_url
from sync_pipelines.sandbox.servers import listen, listen_again
from sync_pipelines.sandbox.serving import PORT_FILE

__all__ = ["HitssFake", "main", "run"]

READY_FILE: Final = "hitss.json"

Fault = dict[str, Value]


def run(
    host: str,
    port: int,
    profile: ExportProfile,
    faults: Sequence[Fault],
    wait_seconds: float,
    ready_file: Path,
    *,
    tls: tuple[Path, Path] | None = None,
    auth: Mode = "none",
) -> None:
    """Serve until SIGTERM or SIGINT; `ready_file` holds URL and pid while the server listens.

    Packed workbooks are kept beside the ready file. `faults` are what the control endpoint takes.
    """
    if host not in LOOPBACK[:1]:
        raise ValueError(f"The sandbox listens on 127.0.0.1 only; got {host}.")
    state = Upstream(
        rows=lambda: generate(profile),
        name=repr(profile),
        wait_seconds=wait_seconds,
        cache=WorkbookCache(ready_file.parent / "hitss"),
        auth=Authentication(auth),
    )
    for fault in faults:
        state.faults.add_described(fault)
    server = make_server(state, tls)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn stops on these itself and then raises them again: our handler lets the caller clean up.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    line = listen(host, port) if port else listen_again(ready_file.with_name(PORT_FILE))
    base = f"{'https' if tls else 'http'}://{host}:{line.getsockname()[1]}"
    note = {
        "HITSS_DOWNLOAD_URL": download_url(base, state.caller),
        "HITSS_AUTH_MODE": auth,
        "HITSS_BASE_URL": base,
        "HITSS_USERNAME": USERNAME,
        "HITSS_PASSWORD": PASSWORD,
        "url": base,
        "pid": os.getpid(),
    }
    _write_private(ready_file, json.dumps(note))
    try:
        server.run(sockets=[line])
    finally:
        ready_file.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description="The sandbox's fake HITSS export server.")
    parser.add_argument(
        "--home", type=Path, required=True, help=f"folder for {READY_FILE} and packed workbooks"
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes the one of the last time, or a free one")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is some 22,300 rows to 8/2025")
    parser.add_argument("--first", default="2016-09", metavar="YYYY-MM")
    parser.add_argument(
        "--last", default=f"{server_time():%Y-%m}", metavar="YYYY-MM", help="default: this month"
    )
    parser.add_argument("--wait-seconds", type=float, default=2.0, help="time to the first byte")
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        help='a name, or JSON: {"name": "status", "times": 2}',
    )
    parser.add_argument("--auth", choices=get_args(Mode), default="none", help="how a download says who asks")
    parser.add_argument("--certfile", type=Path)
    parser.add_argument("--keyfile", type=Path)
    given = parser.parse_args(arguments)
    if (given.certfile is None) != (given.keyfile is None):
        parser.error("--certfile and --keyfile belong together")
    run(
        "127.0.0.1",
        given.port,
        ExportProfile(seed=given.seed, scale=given.scale, first=given.first, last=given.last),
        faults=given.fault,
        wait_seconds=given.wait_seconds,
        ready_file=given.home / READY_FILE,
        tls=(given.certfile, given.keyfile) if given.certfile else None,
        auth=given.auth,
    )


def _fault(text: str) -> Fault:
    described: Any = json.loads(text) if text.startswith("{") else {"name": text}
    return dict(described)


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.touch(mode=0o600)
    part.write_text(text)
    part.replace(path)


if __name__ == "__main__":
    main()
