"""A destination that costs little but its latency: leads in memory, behind the document of a real PostgREST.

`python -m benchmarks.endpoint READY_FILE DOCUMENT_FILE LATENCY_SECONDS` serves until SIGTERM. It takes upserts of leads
and answers reads by id; it rejects what the sandbox's rules reject: an `age` above 120, a `horario_agendamento` of more
than 20 characters.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Raw, Struct
from msgspec.json import Decoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.sandbox.serving import serve

JSON = "application/json"


class Lead(Struct):
    """The fields that are checked; the rest of a lead is stored as it came."""

    id: int
    age: int | None
    horario_agendamento: str | None


_rows, _lead = Decoder(list[Raw]), Decoder(Lead)


def application(document: bytes, latency: float) -> Starlette:
    held: dict[int, Raw] = {}

    async def leads(request: Request) -> Response:
        await asyncio.sleep(latency)
        if request.method == "GET":
            return _answer(held, request.query_params)
        rows = {}
        for row in _rows.decode(await request.body()):
            lead = _lead.decode(row)
            if (lead.age or 0) > 120:
                return _rejection("23514", "violates check constraint")
            if len(lead.horario_agendamento or "") > 20:
                return _rejection("22001", "value too long for type character varying(20)")
            rows[lead.id] = row.copy()
        held.update(rows)
        return Response(status_code=201)

    async def root(_: Request) -> Response:
        return Response(document, media_type=JSON)

    return Starlette(
        routes=[Route("/rest/v1/", root), Route("/rest/v1/leads", leads, methods=["GET", "POST"])]
    )


def _answer(held: Mapping[int, Raw], asked: Mapping[str, str]) -> Response:
    if "last_sync_at" in asked:  # the count at a job's end
        stamp = f'"last_sync_at":"{asked["last_sync_at"].removeprefix("eq.")}"'.encode()
        count = sum(stamp in bytes(row) for row in held.values())
        return Response(b"[]", media_type=JSON, headers={"Content-Range": f"0-0/{count}"})
    ids = map(int, asked["id"].removeprefix("in.(").removesuffix(")").split(","))
    found = [held[lead] for lead in ids if lead in held]
    if "or" in asked:  # the query for leads that are not ours
        found = []
    texts = map(bytes, found)
    if "last_sync_at" not in asked["select"]:  # the stamps are the end of what was posted
        texts = (text.rpartition(b',"sync_source":')[0] + b"}" for text in texts)
    return Response(b"[" + b",".join(texts) + b"]", media_type=JSON)


def _rejection(code: str, message: str) -> Response:
    body = {"code": code, "message": message, "details": None, "hint": None}
    return Response(json.dumps(body), 400, media_type=JSON)


def main() -> None:
    ready, document, latency = sys.argv[1:]
    server = BackgroundServer(application(Path(document).read_bytes(), float(latency)))
    serve(server, Path(ready), lambda url: {"GESTAO_SCOUTER_URL": url, "GESTAO_SCOUTER_SERVICE_KEY": "any"})


if __name__ == "__main__":
    main()
