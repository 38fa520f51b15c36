"""The endpoints of the CRM (contract of SprintHub, sections 1, 2 and 4)."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sync_pipelines.sandbox.faults import Switches, parsed
from sync_pipelines.sandbox.sprinthub import faults, listing
from sync_pipelines.sandbox.sprinthub.calls import Call, Calls
from sync_pipelines.sandbox.sprinthub.hooks import Hooks
from sync_pipelines.sandbox.sprinthub.tenant import Tenant
from sync_pipelines.sandbox.sprinthub.throttle import Throttle

#: The most rows of the plain list of all leads (a comment in the application says so).
_PLAIN_LIMIT = 200


@dataclass(frozen=True)
class Api:
    """Answers for one tenant. `routes` are its endpoints."""

    tenant: Tenant
    token: str
    instance: str
    throttle: Throttle
    switches: Switches
    calls: Calls
    hooks: Hooks
    throttle_status: int = 401
    max_limit: int = 1000
    latency_seconds: float = 0.0

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/leads/{lead:int}", self._detail),
            Route("/leadsfromtype/segment/{segment:int}", self._list, methods=["POST"]),
            Route("/segments", self._segments),
            Route("/segments/{segment:int}", self._segment),
            Route("/leads", self._leads),
            Route("/leadsadvanced", self._advanced, methods=["POST"]),
        ]

    async def _detail(self, request: Request) -> Response:
        lead_id = request.path_params["lead"]
        return await self._answer(request, "detail", lambda: self._make_detail(lead_id), subject=lead_id)

    async def _list(self, request: Request) -> Response:
        segment_id, body = request.path_params["segment"], parsed(await request.body())
        page = body["page"] if isinstance(body, dict) and isinstance(body.get("page"), int) else 0
        return await self._answer(
            request, "list", lambda: self._make_page(segment_id, body), subject=segment_id, page=page
        )

    async def _segments(self, request: Request) -> Response:
        return await self._answer(request, "segments", lambda: self._make_segments(request))

    async def _segment(self, request: Request) -> Response:
        number = request.path_params["segment"]
        return await self._answer(request, "segments", lambda: self._make_segment(number), subject=number)

    async def _leads(self, request: Request) -> Response:
        return await self._answer(request, "leads", lambda: self._make_leads(request))

    async def _advanced(self, request: Request) -> Response:
        body = parsed(await request.body())
        return await self._answer(request, "leads", lambda: self._make_advanced(body))

    async def _answer(
        self, request: Request, kind: str, make: Callable[[], Response], *, subject: int = 0, page: int = 0
    ) -> Response:
        """What stands before every answer: tenant, token, throttle, faults, hooks."""
        number, at = self.calls.arrive(kind), self.calls.clock()
        refusal = self._refusal(request)
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        answer = refusal or self._fault(kind, {page if kind == "list" else subject})
        if answer is None:
            if kind == "list":
                self.hooks.page(subject, page)
            elif kind == "detail":
                self.hooks.detail(number)
            answer = make()
        status = 0 if isinstance(answer, faults.NO_ANSWER) else answer.status_code
        self.calls.record(Call(kind=kind, subject=subject, page=page, at=at, status=status))
        return answer

    def _refusal(self, request: Request) -> Response | None:
        if request.query_params.get("i") != self.instance:
            return JSONResponse({"msg": "Cliente não definido"}, 400)
        if not any(secrets.compare_digest(one.encode(), self.token.encode()) for one in _tokens(request)):
            return faults.bad_token()
        if (wait := self.throttle.wait()) > 0:
            if self.throttle_status == 429:
                return faults.throttled_429(int(wait) + 1)
            return faults.throttled(self.throttle.usage, self.throttle.limit or 0)
        return None

    def _fault(self, kind: str, rows: Collection[int]) -> Response | None:
        names = faults.OF_KIND.get(kind, ())
        return next(
            (faults.ANSWERS[name]() for name in names if self.switches.strikes(name, lambda: rows)), None
        )

    def _make_detail(self, lead_id: int) -> Response:
        if not self.tenant.knows(lead_id):
            return faults.ANSWERS["detail_missing"]()
        if self.switches.strikes("detail_of_another", lambda: (lead_id,)):
            lead_id += 1
        return _json({"data": {"lead": self.tenant.detail(lead_id)}})

    def _make_page(self, segment_id: int, body: Any) -> Response:
        try:
            wanted = listing.Wanted.parse(body, self.max_limit)
        except listing.InvalidRequestError:
            return JSONResponse({"error": "Invalid request"}, 400)
        if "fullname" not in wanted.query and self.switches.strikes(
            "list_numbers_refused", lambda: (wanted.page,)
        ):
            return JSONResponse({"error": "Invalid request"}, 400)
        if segment_id not in self.tenant.segments:
            if self.switches.strikes("list_unknown_as_empty", lambda: (wanted.page,)):
                return _json({"data": {"total": 0, "leads": []}})
            return JSONResponse({"msg": "Segmento não encontrado"}, 404)
        found = listing.page(self.tenant, segment_id, self._turned(wanted))
        self._spoil(found, wanted.page)
        return _json({"data": found})

    def _turned(self, wanted: listing.Wanted) -> listing.Wanted:
        if wanted.page and self.switches.strikes("list_repeats", lambda: (wanted.page,)):
            return replace(wanted, page=wanted.page - 1)
        return wanted

    def _spoil(self, found: dict[str, Any], page: int) -> None:
        def struck(name: str) -> bool:
            return self.switches.strikes(name, lambda: (page,))

        if struck("list_total_too_high"):
            found["total"] += 1
        if struck("list_total_too_low"):
            found["total"] -= 1
        if struck("list_total_doubled"):
            found["total"] *= 2
        if struck("list_total_of_page"):
            found["total"] = len(found["leads"])
        if struck("list_total_as_text"):
            found["total"] = str(found["total"])
        if struck("list_without_total"):
            found.pop("total", None)
        if struck("list_short"):
            found["leads"] = found["leads"][:-1]

    def _make_segments(self, request: Request) -> Response:
        numbers = sorted(self.tenant.segments)
        page, limit = _paging(request, self.max_limit)
        chosen = numbers[page * limit : (page + 1) * limit]
        found = [self.tenant.describe(number) for number in chosen]
        return _json({"data": {"segments": found, "total": len(numbers)}})

    def _make_segment(self, segment_id: int) -> Response:
        if segment_id not in self.tenant.segments:
            return JSONResponse({"msg": "Segmento não encontrado"}, 404)
        return _json({"data": {"segment": self.tenant.describe(segment_id)}})

    def _make_leads(self, request: Request) -> Response:
        page, limit = _paging(request, _PLAIN_LIMIT)
        everybody = self.tenant.everybody()
        asked = frozenset(listing.FIELDS)
        rows = [listing.item(self.tenant.detail(each), asked) for each in everybody[page * limit :][:limit]]
        return _json({"data": {"leads": rows, "total": len(everybody)}})

    def _make_advanced(self, body: Any) -> Response:
        if not isinstance(body, dict):
            return JSONResponse({"error": "Invalid request"}, 400)
        return _json({"data": {"total": len(self.tenant.everybody())}})


def _tokens(request: Request) -> list[str]:
    """The token in each of its three forms, as far as the request has them."""
    kind, _, bearer = request.headers.get("authorization", "").partition(" ")
    given = [request.query_params.get("apitoken"), request.headers.get("apitoken")]
    return [one for one in (*given, bearer if kind.lower() == "bearer" else None) if one]


def _paging(request: Request, most: int) -> tuple[int, int]:
    page, limit = (request.query_params.get(name, "") for name in ("page", "limit"))
    return int(page) if page.isdigit() else 0, min(int(limit) if limit.isdigit() else 100, most)


def _json(value: Any) -> Response:
    try:
        body = msgspec.json.encode(value)
    except UnicodeEncodeError:  # half of an emoji, which JSON can carry as an escape only
        body = json.dumps(value).encode()
    return Response(body, media_type="application/json")
