"""Sankhya's endpoints: the login and the gateway's one service (contract of the ERPs, section 8)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sync_pipelines.sandbox.erp import sankhya_faults, sankhya_records
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.documents import Json
from sync_pipelines.sandbox.erp.traffic import Arrival, Traffic
from sync_pipelines.sandbox.faults import parsed

#: How long a token lasts here; of the vendor it is not established.
ACCESS_SECONDS = 300


@dataclass
class SankhyaAccount:
    """An installation of Sankhya. `credentials` is what the application stores of it, before it is sealed."""

    name: str
    company: ErpCompany
    client_id: str
    client_secret: str
    x_token: str

    @property
    def credentials(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": self.client_secret, "token": self.x_token}


@dataclass(frozen=True)
class _Asked:
    """A call of the service: an entity, its fields, a page."""

    entity: str
    fields: tuple[str, ...]
    page: int


@dataclass(frozen=True)
class SankhyaApi:
    """Answers for the accounts."""

    accounts: list[SankhyaAccount]
    traffic: Traffic
    #: The accounts and ends of the tokens that were issued.
    _tokens: dict[str, tuple[SankhyaAccount, float]] = field(default_factory=dict)

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/authenticate", self._login, methods=["POST"]),
            Route("/gateway/v1/mge/service.sbr", self._service, methods=["POST"]),
        ]

    async def _login(self, request: Request) -> Response:
        arrival = self.traffic.arrive("token")
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        account = self._of_client(form, request.headers.get("x-token", ""))
        await self.traffic.before(arrival)
        answer = self.traffic.faults(arrival, account, 1).answer()
        if answer is None:
            answer = self._issue(account, arrival.at) if account else sankhya_faults.invalid_client()
        shown = {"grant_type": form.get("grant_type")}
        self.traffic.record(arrival, account, answer, asked=shown, fault=sankhya_faults.kind_of(answer))
        return answer

    def _of_client(self, form: Mapping[str, str], x_token: str) -> SankhyaAccount | None:
        given = (form.get("grant_type"), form.get("client_id"), form.get("client_secret"), x_token)
        known = (
            (one, ("client_credentials", one.client_id, one.client_secret, one.x_token))
            for one in self.accounts
        )
        return next((one for one, wanted in known if wanted == given), None)

    def _issue(self, account: SankhyaAccount, at: float) -> Response:
        token = ".".join(secrets.token_urlsafe(size) for size in (24, 180, 32))
        self._tokens[token] = (account, at + ACCESS_SECONDS)
        return JSONResponse({"access_token": token, "expires_in": ACCESS_SECONDS, "token_type": "Bearer"})

    async def _service(self, request: Request) -> Response:
        asked = _asked(request, parsed(await request.body()))
        arrival = self.traffic.arrive(asked.entity if asked else "?")
        account = self._of_token(request.headers.get("authorization", ""), arrival.at)
        await self.traffic.before(arrival)
        answer = self._answer(arrival, account, asked)
        shown = {"page": asked.page, "fields": list(asked.fields)} if asked else {}
        self.traffic.record(arrival, account, answer, asked=shown, fault=sankhya_faults.kind_of(answer))
        return answer

    def _of_token(self, authorization: str, now: float) -> SankhyaAccount | None:
        kind, _, token = authorization.partition(" ")
        account, until = self._tokens.get(token, (None, 0.0))
        return account if kind == "Bearer" and until > now else None

    def _answer(self, arrival: Arrival, account: SankhyaAccount | None, asked: _Asked | None) -> Response:
        if account is None:
            return sankhya_faults.unauthorized()
        if asked is None:
            return sankhya_faults.refusal("Requisição inválida.")
        # A page is counted from 1 by faults, as everywhere in the sandbox.
        call_faults = self.traffic.faults(arrival, account, asked.page + 1)
        if (struck := call_faults.answer()) is not None:
            return struck
        found = sankhya_records.records(account.company, asked.entity)
        if found is None:
            return sankhya_faults.refusal(f"Entidade não encontrada: {asked.entity}")
        if found and (unknown := set(asked.fields) - found[0].keys()):
            return sankhya_faults.refusal(f"Campo não encontrado: {', '.join(sorted(unknown))}")
        return Json(_page(asked, found, call_faults.strikes))


def _asked(request: Request, body: Any) -> _Asked | None:
    """What is asked for; None of anything else than pages of records in JSON."""
    query = request.query_params
    if (query.get("serviceName"), query.get("outputType")) != (sankhya_faults.SERVICE, "json"):
        return None
    try:
        wanted = body["requestBody"]["dataSet"]
        (entity,) = wanted["entity"]
        fields = tuple(name.strip() for name in entity["fieldset"]["list"].split(","))
        return _Asked(str(wanted["rootEntity"]), fields, int(wanted["offsetPage"]))
    except (KeyError, TypeError, ValueError):
        return None


def _page(
    asked: _Asked, found: list[sankhya_records.Record], strikes: Callable[[str], bool]
) -> dict[str, Any]:
    number = asked.page - 1 if asked.page and strikes("repeats") else asked.page
    page = sankhya_records.page_of(found, asked.fields, number)
    rows = page.get("entity")
    if isinstance(rows, list) and strikes("short"):
        sankhya_records.with_rows(page, rows[:-1])
    if strikes("lost"):
        sankhya_records.with_rows(page, [])
    if strikes("without_more"):
        del page["hasMoreResult"]
    if strikes("without_metadata"):
        del page["metadata"]
    return {
        "serviceName": sankhya_faults.SERVICE,
        "status": "1",
        "pendingPrinting": "false",
        "responseBody": {"entities": page},
    }
