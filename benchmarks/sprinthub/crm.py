"""A CRM that costs little but its latency: `python -m benchmarks.sprinthub.crm READY_FILE LEADS LATENCY_SECONDS`.

It answers from the sandbox's tenant, by a server that leaves the processor to the client: no limit, no faults, one
segment. Its leads bear no dirt, because dlt stops at half of a surrogate pair. Serves until SIGTERM.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from sync_pipelines.lib.processes import write_private
from sync_pipelines.sandbox.servers import listen
from sync_pipelines.sandbox.sprinthub import listing
from sync_pipelines.sandbox.sprinthub.tenant import Tenant

SEGMENT, TOKEN, INSTANCE = 7, "token-of-the-benchmark", "exemplo"
JSON = (b"content-type", b"application/json")
Scope = dict[str, Any]


class Crm:
    """The two calls that a sync makes for each lead: a page of the list, a detail. Details are made once."""

    def __init__(self, leads: int, latency: float) -> None:
        self.tenant, self.latency = Tenant(), latency
        self.tenant.add_segment(SEGMENT, leads=leads)
        self.detail = lru_cache(100_000)(self._detail)
        for lead in self.tenant.visible(SEGMENT):
            self.detail(lead)

    async def __call__(self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        given = dict(scope["headers"]).get(b"apitoken")
        body = b""
        if scope["method"] == "POST":
            while (event := await receive())["type"] == "http.request":
                body += event["body"]
                if not event["more_body"]:
                    break
        await asyncio.sleep(self.latency)
        status, answer = (200, self._answer(scope["path"], body)) if given == TOKEN.encode() else (401, b"{}")
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [JSON, length]})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, path: str, body: bytes) -> bytes:
        if path.startswith("/leads/"):
            return self.detail(int(path.rpartition("/")[2]))
        return _json(listing.page(self.tenant, SEGMENT, listing.Wanted.parse(json.loads(body), 1000)))

    def _detail(self, lead: int) -> bytes:
        # Every eleventh lead of the tenant bears dirt: its neighbour's fields stand for them.
        return _json({"lead": self.tenant.detail(lead - (lead % 11 == 0)) | {"id": lead}})


def _json(data: object) -> bytes:
    return msgspec.json.encode({"data": data})


def main() -> None:
    ready, leads, latency = sys.argv[1:]
    crm, line = Crm(int(leads), float(latency)), listen("127.0.0.1", 0)
    config = uvicorn.Config(
        crm, http="httptools", loop="uvloop", ws="none", lifespan="off", log_config=None, access_log=False
    )
    settings = {
        "SPRINTHUB_BASE_URL": f"http://127.0.0.1:{line.getsockname()[1]}",
        "SPRINTHUB_API_TOKEN": TOKEN,
        "SPRINTHUB_INSTANCE": INSTANCE,
    }
    write_private(Path(ready), json.dumps(settings))
    uvicorn.Server(config).run([line])


if __name__ == "__main__":
    main()
