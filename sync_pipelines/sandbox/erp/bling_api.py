"""Bling's endpoints: what stands before every answer, and the answers (contract of the ERPs, section 5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sync_pipelines.sandbox.erp import bling_documents as documents
from sync_pipelines.sandbox.erp import bling_faults, bling_files, bling_lists, bling_titles, faults
from sync_pipelines.sandbox.erp.bling_limits import BlingLimits
from sync_pipelines.sandbox.erp.bling_served import Served
from sync_pipelines.sandbox.erp.company import BRASILIA
from sync_pipelines.sandbox.erp.documents import NO_MOMENT, Json
from sync_pipelines.sandbox.erp.oauth import BlingAccount, OAuth, pair_of
from sync_pipelines.sandbox.erp.traffic import Arrival, CallFaults, Traffic
from sync_pipelines.sandbox.faults import Dropped

BASE = "/Api/v3"
#: The scope that each call needs.
SCOPES: Mapping[str, str] = {
    "invoices": "nfe",
    "invoice": "nfe",
    "consumer_invoices": "nfce",
    "products": "produtos",
    "product": "produtos",
    "company": "empresas",
    "receivables": "contas_receber",
    "receivable": "contas_receber",
    "payables": "contas_pagar",
    "payable": "contas_pagar",
    "categories": "categorias",
}


@dataclass(frozen=True)
class _Received:
    """A call and its request, of an account or of nobody who is known."""

    request: Request
    arrival: Arrival
    account: BlingAccount | None

    @property
    def ip(self) -> str:
        return self.request.client.host if self.request.client else ""


@dataclass(frozen=True)
class BlingApi:
    """Answers for the accounts of `oauth`. `default_direction` is `tipo` where it is not given; None: both."""

    oauth: OAuth[BlingAccount]
    limits: BlingLimits
    traffic: Traffic
    addresses: bling_files.Addresses
    key_in_list: bool
    default_direction: str | None

    @property
    def routes(self) -> list[Route]:
        def served(
            method: str, make: Callable[[Served], Response]
        ) -> Callable[[Request], Awaitable[Response]]:
            async def answer(request: Request) -> Response:
                return await self._serve(request, method, make)

            return answer

        return [
            Route(f"{BASE}/oauth/token", self._token, methods=["POST"]),
            Route(f"{BASE}/nfe", served("invoices", self._invoices)),
            Route(f"{BASE}/nfe/{{id:int}}", served("invoice", self._invoice)),
            Route(f"{BASE}/nfce", served("consumer_invoices", self._invoices)),
            Route(f"{BASE}/produtos", served("products", self._products)),
            Route(f"{BASE}/produtos/{{id:int}}", served("product", self._product)),
            Route(f"{BASE}/empresas/me/dados-basicos", served("company", self._company)),
            Route(f"{BASE}/contas/receber", served("receivables", bling_titles.receivables)),
            Route(f"{BASE}/contas/receber/{{id:int}}", served("receivable", bling_titles.receivable)),
            Route(f"{BASE}/contas/pagar", served("payables", bling_titles.payables)),
            Route(f"{BASE}/contas/pagar/{{id:int}}", served("payable", bling_titles.payable)),
            Route(f"{BASE}/categorias/receitas-despesas", served("categories", bling_titles.categories)),
            Route(bling_files.FILE_PATH, self._file),
        ]

    async def _serve(self, request: Request, method: str, make: Callable[[Served], Response]) -> Response:
        account = self.oauth.reader(request.headers.get("authorization", ""))
        received = _Received(request, self.traffic.arrive(method), account)
        blocked = self.limits.arrived(received.ip, received.arrival.at, for_token=False)
        answer = blocked or self._refusal(received) or await self._answer(received, make)
        self._done(received, {**request.query_params, **request.path_params}, answer)
        return answer

    def _refusal(self, received: _Received) -> Response | None:
        account, arrival = received.account, received.arrival
        if account is None:
            return bling_faults.invalid_token()
        if (refused := self.limits.refusal(account.name, arrival.at)) is not None:
            return refused
        return None if SCOPES[arrival.method] in account.scopes else bling_faults.insufficient_scope()

    async def _answer(self, received: _Received, make: Callable[[Served], Response]) -> Response:
        account, arrival = received.account, received.arrival
        assert account is not None
        params = received.request.query_params
        asked = {name: ",".join(params.getlist(name)) for name in params}
        try:
            subject = int(received.request.path_params.get("id") or bling_lists.page_number(asked))
            await self.traffic.before(arrival)
            call_faults = self.traffic.faults(arrival, account, subject)
            if (struck := call_faults.answer()) is not None:
                return struck
            return make(
                Served(
                    arrival.method,
                    account.company,
                    asked,
                    subject=subject,
                    today=datetime.fromtimestamp(arrival.at, BRASILIA).date(),
                    strikes=call_faults.strikes,
                )
            )
        except bling_lists.ParameterError as refused:
            return refused.answer

    def _done(self, received: _Received, asked: Mapping[str, object], answer: Response) -> None:
        self._record(received, asked, answer)
        if answer.status_code >= 400 and not isinstance(answer, faults.NO_ANSWER):
            self.limits.failed(received.ip, self.traffic.calls.clock())

    def _record(self, received: _Received, asked: Mapping[str, object], answer: Response) -> None:
        fault = bling_faults.kind_of(answer)
        self.traffic.record(received.arrival, received.account, answer, asked=asked, fault=fault)

    def _invoices(self, served: Served) -> Response:
        model = "55" if served.method == "invoices" else "65"
        found = bling_lists.invoices(
            served.company, served.asked, model=model, default_direction=self.default_direction
        )
        rows = [documents.invoice(note, with_key=self.key_in_list) for note in served.page(found)]
        if served.method == "invoices" and served.strikes("empty_dates"):
            rows = [{**row, "dataEmissao": NO_MOMENT} for row in rows]
        return served.rows(rows)

    def _products(self, served: Served) -> Response:
        found = bling_lists.products(served.company, served.asked)
        return served.rows([documents.product(one) for one in served.page(found)])

    def _invoice(self, served: Served) -> Response:
        found = served.one(served.company.note, lambda: served.company.select(bling_lists.is_known))
        if found is None or not bling_lists.is_known(found):
            return bling_faults.not_found("A nota fiscal")
        link = bling_files.link_of(found, self.addresses, served.strikes)
        detail = documents.invoice_detail(found, served.company.profile, link)
        if served.strikes("empty_dates"):
            detail["dataEmissao"] = NO_MOMENT
        if served.strikes("without_key"):
            del detail["chaveAcesso"]
        return Json({"data": detail})

    def _product(self, served: Served) -> Response:
        found = served.one(served.company.product, lambda: served.company.products)
        if found is None:
            return bling_faults.not_found("O produto")
        return Json({"data": documents.product_detail(found)})

    @staticmethod
    def _company(served: Served) -> Response:
        return Json({"data": documents.company(served.company.profile)})

    async def _token(self, request: Request) -> Response:
        arrival = self.traffic.arrive("token")
        authorization = request.headers.get("authorization", "")
        account = self.oauth.client(authorization)
        received = _Received(request, arrival, account)
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        call_faults = self.traffic.faults(arrival, account, 1)
        answer = self.limits.arrived(received.ip, arrival.at, for_token=True)
        if answer is None:
            await self.traffic.before(arrival)
            answer = call_faults.answer()
        if answer is None:
            answer = self.oauth.answer(authorization, form, jwt=request.headers.get("enable-jwt") == "1")
            if answer.status_code == 200 and account is not None:
                answer = _spoilt_tokens(answer, account, call_faults)
        self._done(received, {"grant_type": form.get("grant_type")}, answer)
        return answer

    async def _file(self, request: Request) -> Response:
        found = bling_files.find(self.oauth.accounts, request.query_params.get("chaveAcesso", ""))
        account, note = found or (None, None)
        received = _Received(request, self.traffic.arrive("xml"), account)
        await self.traffic.before(received.arrival)
        subject = note.vendor_id if note else 0
        call_faults = self.traffic.faults(received.arrival, account, subject)
        answer = call_faults.answer()
        if answer is None and account is not None and note is not None:
            wanted = bling_files.Wanted(account.company, note, url=str(request.url))
            answer = bling_files.file_of(wanted, self.addresses, call_faults.strikes)
        answer = answer or Response("Arquivo não encontrado", 404, media_type="text/plain")
        # A token that a client sends with it is a mistake that the record shows.
        shown = {"id": subject, "has_authorization": "authorization" in request.headers}
        self._record(received, shown, answer)
        return answer


def _spoilt_tokens(answer: Response, account: BlingAccount, call_faults: CallFaults) -> Response:
    if call_faults.strikes("lost"):
        return Dropped()
    if call_faults.strikes("without_refresh"):
        return JSONResponse(
            {name: value for name, value in pair_of(account).items() if name != "refresh_token"}
        )
    return answer
