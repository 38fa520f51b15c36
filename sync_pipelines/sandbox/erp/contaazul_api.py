"""Conta Azul's endpoints: what stands before every answer, and the answers (contract of the ERPs, section 6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync_pipelines.sandbox.erp import contaazul_answers as answers
from sync_pipelines.sandbox.erp import contaazul_faults, contaazul_lists, faults
from sync_pipelines.sandbox.erp.calls import Call, Calls
from sync_pipelines.sandbox.erp.contaazul_answers import Manners, Served
from sync_pipelines.sandbox.erp.contaazul_limits import ContaAzulLimits
from sync_pipelines.sandbox.erp.contaazul_oauth import ContaAzulAccount
from sync_pipelines.sandbox.erp.hooks import Hooks
from sync_pipelines.sandbox.erp.oauth import OAuth
from sync_pipelines.sandbox.faults import Dropped, Switches

BASE = "/v1"
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - where it is asked for
_FINANCE = f"{BASE}/financeiro/eventos-financeiros"
Make = Callable[[Served], Response]
_PATHS: Mapping[str, tuple[str, Make]] = {
    f"{BASE}/pessoas/conta-conectada": ("company", answers.company),
    f"{BASE}/produtos": ("products", answers.products),
    f"{BASE}/produtos/{{id}}": ("product", answers.product),
    f"{BASE}/notas-fiscais": ("invoices", answers.invoices),
    f"{BASE}/notas-fiscais/{{id}}": ("xml", answers.document),
    f"{_FINANCE}/contas-a-receber/buscar": ("receivables", answers.titles),
    f"{_FINANCE}/contas-a-pagar/buscar": ("payables", answers.titles),
    f"{_FINANCE}/parcelas/{{id}}": ("title", answers.title),
    f"{BASE}/categorias": ("categories", answers.categories),
}


@dataclass(frozen=True)
class _Received:
    """A call as it came: the `number`-th of its method, at `at`, of an account or of nobody who is known."""

    request: Request
    method: str
    number: int
    at: float
    account: ContaAzulAccount | None

    @property
    def name(self) -> str | None:
        return self.account.name if self.account else None

    def record(self, asked: Mapping[str, object], answer: Response) -> Call:
        """What is kept of it once it was answered."""
        return Call(
            method=self.method,
            account=self.name,
            parameters=asked,
            at=self.at,
            status=0 if isinstance(answer, faults.NO_ANSWER) else answer.status_code,
            fault=contaazul_faults.kind_of(answer),
        )


@dataclass(frozen=True)
class ContaAzulApi:
    """Answers for the accounts of `oauth`. With `is_retired` it is the host of before v2: 401 to everybody."""

    oauth: OAuth[ContaAzulAccount]
    limits: ContaAzulLimits
    switches: Switches
    calls: Calls
    hooks: Hooks
    manners: Manners
    is_retired: bool
    latency_seconds: float

    @property
    def routes(self) -> list[Route]:
        def served(method: str, make: Make) -> Callable[[Request], Awaitable[Response]]:
            async def answer(request: Request) -> Response:
                return await self._serve(request, method, make)

            return answer

        return [
            Route(TOKEN_PATH, self._token, methods=["POST"]),
            *(Route(path, served(method, make)) for path, (method, make) in _PATHS.items()),
        ]

    async def _serve(self, request: Request, method: str, make: Make) -> Response:
        received = self._received(request, method, self._account(request))
        answer = self._refusal(received) or await self._answer(received, make)
        self.calls.record(received.record({**request.query_params, **request.path_params}, answer))
        return answer

    def _received(self, request: Request, method: str, account: ContaAzulAccount | None) -> _Received:
        number = self.calls.arrive(method)
        return _Received(request, method, number=number, at=self.calls.clock(), account=account)

    def _account(self, request: Request) -> ContaAzulAccount | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self.oauth.grant(token) if kind.lower() == "bearer" and not self.is_retired else None
        return next((one for one in self.oauth.accounts if grant and one.name == grant.account), None)

    def _refusal(self, received: _Received) -> Response | None:
        if received.account is None:
            return contaazul_faults.invalid_token()
        if self.limits.is_over(received.account.name, received.at):
            return contaazul_faults.too_many()
        return None

    async def _answer(self, received: _Received, make: Make) -> Response:
        account, method, request = received.account, received.method, received.request
        assert account is not None
        asked = dict(request.query_params)
        subject = str(request.path_params.get("id", ""))
        try:
            page = 1 if subject else contaazul_lists.page_number(asked)
            await self._before(received)
            narrowed = faults.rows(account.name, page)
            others = contaazul_faults.of_others(method)
            if (struck := self.switches.answer(lambda: narrowed, others)) is not None:
                return struck

            def strikes(name: str) -> bool:
                return self.switches.strikes(f"{method}_{name}", lambda: narrowed)

            company = account.company
            return make(
                Served(method, company, asked, page=page, id=subject, manners=self.manners, strikes=strikes)
            )
        except contaazul_lists.ParameterError as refused:
            return refused.answer

    async def _before(self, received: _Received) -> None:
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        for action in self.hooks.take(received.method, received.number):
            await run_in_threadpool(action)

    async def _token(self, request: Request) -> Response:
        authorization = request.headers.get("authorization", "")
        account = next((one for one in self.oauth.accounts if one.basic == authorization), None)
        received = self._received(request, "token", account)
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        await self._before(received)
        narrowed = faults.rows(received.name, 1)
        answer = self.switches.answer(lambda: narrowed, contaazul_faults.of_others("token"))
        if answer is None:
            answer = self.oauth.answer(authorization, form, jwt=True)
            if answer.status_code == 200 and self.switches.strikes("token_lost", lambda: narrowed):
                answer = Dropped()
        self.calls.record(received.record({"grant_type": form.get("grant_type")}, answer))
        return answer
