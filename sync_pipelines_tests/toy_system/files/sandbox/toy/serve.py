"""The meter's API as a process of its own: `python -m sync_pipelines.sandbox.toy.serve --home DIR`."""

from __future__ import annotations

import argparse
import asyncio
import secrets
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sync_pipelines.sandbox.faults import FAULTS_PATH, Dropped, Switches, faults_endpoint
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.sandbox.serving import kept_secret, serve

READINGS = {
    "2026-11-01": [{"id": 1, "celsius": "21.5"}, {"id": 2, "celsius": "quente"}],
    "2026-11-02": [{"id": 3, "celsius": "-3"}],
}


def server(key: str, delay: float = 0.0) -> BackgroundServer:
    """The fake, which answers after `delay` seconds; its faults replace the answer of the next requests."""
    switches = Switches(
        {
            "drop": Dropped,
            "throttled": lambda: JSONResponse({"message": "slow down"}, 429, {"Retry-After": "1"}),
            "bad_gateway": lambda: Response("<html></html>", 502),
        },
        behaviours={},
    )

    async def readings(request: Request) -> Response:
        await asyncio.sleep(delay)
        if (answer := switches.answer()) is not None:
            return answer
        if not secrets.compare_digest(request.headers.get("authorization", ""), f"Bearer {key}"):
            return JSONResponse({"message": "unknown key"}, 401)
        return JSONResponse(READINGS.get(request.query_params.get("day", ""), []))

    routes = [
        Route("/readings", readings),
        Route(FAULTS_PATH, faults_endpoint(switches, switches.add), methods=["GET", "POST", "DELETE"]),
    ]
    return BackgroundServer(Starlette(routes=routes))


def main() -> None:
    """Serve until SIGTERM. The ready file bears the name of the `Upstream` in `part.py`."""
    parser = argparse.ArgumentParser(description="The sandbox's meter.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--delay", type=float, default=0.0)
    given = parser.parse_args()
    home: Path = given.home
    key = kept_secret(home / "key", lambda: secrets.token_hex(16))
    serve(
        server(key, given.delay),
        home / "meter.json",
        lambda url: {"TOY_METER_URL": url, "TOY_METER_KEY": key},
    )


if __name__ == "__main__":
    main()
