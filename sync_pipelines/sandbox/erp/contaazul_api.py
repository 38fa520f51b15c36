"""Conta Azul's endpoints: what stands before every answer, and the answers (contract of the ERPs, section 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync_pipelines.sandbox.erp import contaazul_answers as answers
from sync_pipelines.sandbox.erp import contaazul_faults, contaazul_lists
from sync_pipelines.sandbox.erp.contaazul_answers import Manners, Served
from sync_pipelines.sandbox.erp.contaazul_limits import ContaAzulLimits
from sync_pipelines.sandbox.erp.contaazul_oauth import ContaAzulAccount
from sync_pipelines.sandbox.erp.oauth import OAuth
from sync_pipelines.sandbox.erp.traffic import Arrival, Traffic
from sync_pipelines.sandbox.faults import Dropped

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
class ContaAzulApi:
    """Answers for the accounts of `oauth`. With `is_retired` it is the host of before v2: 401 to everybody."""

    oauth: OAuth[ContaAzulAccount]
    limits: ContaAzulLimits
    traffic: Traffic
    manners: Manners
    is_retired: bool

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
        arrival = self.traffic.arrive(method)
        authorization = request.headers.get("authorization", "")
        account = None if self.is_retired else self.oauth.reader(authorization)
        if account is None:
            answer = contaazul_faults.invalid_token()
        elif self.limits.is_over(account.name, arrival.at):
            answer = contaazul_faults.too_many()
        else:
            answer = await self._answer(request, arrival, account, make=make)
        asked = {**request.query_params, **request.path_params}
        self.traffic.record(arrival, account, answer, asked=asked, fault=contaazul_faults.kind_of(answer))
        return answer

    async def _answer(
        self, request: Request, arrival: Arrival, account: ContaAzulAccount, *, make: Make
    ) -> Response:
        asked = dict(request.query_params)
        subject = str(request.path_params.get("id", ""))
        try:
            page = 1 if subject else contaazul_lists.page_number(asked)
            await self.traffic.before(arrival)
            call_faults = self.traffic.faults(arrival, account, page)
            if (struck := call_faults.answer()) is not None:
                return struck
            return make(
                Served(
                    arrival.method,
                    account.company,
                    asked,
                    page=page,
                    id=subject,
                    manners=self.manners,
                    strikes=call_faults.strikes,
                )
            )
        except contaazul_lists.ParameterError as refused:
            return refused.answer

    async def _token(self, request: Request) -> Response:
        arrival = self.traffic.arrive("token")
        authorization = request.headers.get("authorization", "")
        account = self.oauth.client(authorization)
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        await self.traffic.before(arrival)
        call_faults = self.traffic.faults(arrival, account, 1)
        answer = call_faults.answer()
        if answer is None:
            answer = self.oauth.answer(authorization, form, jwt=True)
            if answer.status_code == 200 and call_faults.strikes("lost"):
                answer = Dropped()
        asked = {"grant_type": form.get("grant_type")}
        self.traffic.record(arrival, account, answer, asked=asked, fault=contaazul_faults.kind_of(answer))
        return answer
