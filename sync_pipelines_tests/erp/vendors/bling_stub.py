"""A small Bling for one test: answers by path, in a transport; what was asked is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx

BASE = "https://api.bling.com.br/Api/v3"
START = datetime(2026, 11, 22, 12, tzinfo=UTC)

Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]


@dataclass
class Stub:
    """`answers` by path below the version, or by host for files; a list is paged out of `lists`."""

    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=lambda: {"A1-token-0001"})
    requests: list[httpx.Request] = field(default_factory=list)
    now: datetime = START

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def clock(self) -> datetime:
        return self.now

    @property
    def asked(self) -> list[str]:
        """Method, path and query of every call, without what is the same in all."""
        return [
            f"{one.url.path.removeprefix('/Api/v3/')}?{one.url.query.decode()}".rstrip("?")
            for one in self.requests
        ]

    def query(self, index: int) -> Mapping[str, str]:
        return {name: values[0] for name, values in parse_qs(self.requests[index].url.query.decode()).items()}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path.removeprefix("/Api/v3/")
        scripted = self.answers.get(path) or self.answers.get(request.url.host)
        if scripted is not None:
            return scripted(request) if callable(scripted) else _copy(scripted)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return refusal(401, "invalid_token")
        if path in self.lists:
            return self._page(path, request)
        return refusal(404, "RESOURCE_NOT_FOUND")

    def _page(self, path: str, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        rows = self.lists[path]
        if path == "nfe":
            wanted = asked.get("situacao")
            rows = [
                row
                for row in rows
                if str(row["tipo"]) == asked["tipo"]
                and (row["situacao"] != 2 if wanted is None else str(row["situacao"]) == wanted)
            ]
        size, page = int(asked["limite"]), int(asked["pagina"])
        return httpx.Response(200, json={"data": rows[(page - 1) * size : page * size]})


def refusal(status: int, kind: str, **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"error": {"type": kind, "message": kind, "description": "…", **more}})


def _copy(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)
