"""Omie's endpoints: what stands before every answer, and the answers (contract of the ERPs, section 4)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sync_pipelines.sandbox.erp import faults, omie_faults, omie_lists
from sync_pipelines.sandbox.erp import omie_documents as documents
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.documents import Json
from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.omie_limits import Caller, OmieLimits, canonical
from sync_pipelines.sandbox.erp.traffic import Arrival, Traffic
from sync_pipelines.sandbox.faults import parsed


@dataclass(frozen=True)
class OmieAccount:
    """An account of Omie. `credentials` is what the application stores of it, before it is sealed."""

    name: str
    company: ErpCompany
    app_key: str
    app_secret: str

    @property
    def credentials(self) -> dict[str, str]:
        return {"app_key": self.app_key, "app_secret": self.app_secret}


@dataclass(frozen=True)
class _Asked:
    """A request that could be read: who asks what. `page` is the page of a list, or the number of an invoice."""

    method: str
    key: str
    secret: str
    parameters: Mapping[str, Any]
    body: str
    page: int


@dataclass(frozen=True)
class OmieApi:
    """Answers for accounts, which are found by their key. `page_cap` is the largest page."""

    accounts: dict[str, OmieAccount]
    limits: OmieLimits
    traffic: Traffic
    page_cap: int

    @property
    def routes(self) -> list[Route]:
        paths = dict.fromkeys(omie_lists.PATHS.values())
        return [
            *(Route(f"/api/v1/{path}/", self._serve, methods=["POST", "GET"]) for path in paths),
            *(Route(f"/api/v1/{path}", self._without_slash, methods=["POST", "GET"]) for path in paths),
        ]

    async def _without_slash(self, request: Request) -> Response:
        answer = RedirectResponse(f"{request.url.path}/", 301)
        self._record(self.traffic.arrive(request.url.path), answer)
        return answer

    async def _serve(self, request: Request) -> Response:
        if request.method == "GET":  # as after a redirect that a client followed
            page = Response("<html>Documentação da API</html>", media_type="text/html")
            self._record(self.traffic.arrive("GET"), page)
            return page
        asked = _asked(parsed(await request.body()))
        if asked is None:
            unread = omie_faults.fault("A requisição não é um JSON válido.", "SOAP-ENV:Client-1")
            self._record(self.traffic.arrive("?"), unread)
            return unread
        arrival = self.traffic.arrive(asked.method)
        caller = Caller(request.client.host if request.client else "", asked.key, asked.method)
        refused = self.limits.refusal(caller, arrival.at)
        answer = refused or await self._limited(request.url.path, caller, asked, arrival=arrival)
        answer = self._with_status(answer)
        if refused is None and _is_error(answer):
            self.limits.failed(caller, self.traffic.calls.clock())
        self._record(arrival, answer, asked)
        return answer

    def _record(self, arrival: Arrival, answer: Response, asked: _Asked | None = None) -> None:
        account = self.accounts.get(asked.key) if asked else None
        parameters = dict(asked.parameters) if asked else {}
        self.traffic.record(arrival, account, answer, asked=parameters, fault=omie_faults.code_of(answer))

    async def _limited(self, path: str, caller: Caller, asked: _Asked, *, arrival: Arrival) -> Response:
        """An answer for a call that is within the windows."""
        if not self.limits.begin(caller):
            return omie_faults.concurrent(429)
        try:
            await self.traffic.before(arrival)
            return self._answer(path, caller, asked, arrival=arrival)
        finally:
            self.limits.end(caller)

    def _answer(self, path: str, caller: Caller, asked: _Asked, *, arrival: Arrival) -> Response:
        account = self.accounts.get(asked.key)
        if account is None or not secrets.compare_digest(account.app_secret, asked.secret):
            return omie_faults.bad_credentials()
        if wait := self.limits.redundant(caller, asked.body, self.traffic.calls.clock()):
            return omie_faults.redundant(wait)
        call_faults = self.traffic.faults(arrival, account, asked.page)
        if (struck := call_faults.answer()) is not None:
            return struck
        if path.strip("/") != f"api/v1/{omie_lists.PATHS.get(asked.method)}":
            return omie_faults.unknown_method(asked.method)
        if asked.method == "ObterNfe":
            return _document(account.company, asked, call_faults.strikes)
        return self._page(account.company, asked, call_faults.strikes)

    def _page(self, company: ErpCompany, asked: _Asked, strikes: Callable[[str], bool]) -> Response:
        words = omie_lists.LISTS[asked.method].words
        paging = omie_lists.paging_of(asked.method, asked.parameters, self.page_cap)
        wanted = (
            replace(paging, number=paging.number - 1) if strikes("repeats") and paging.number > 1 else paging
        )
        if strikes("stuck"):
            paging = wanted = replace(paging, number=1)
        page = omie_lists.page_of(asked.method, company, asked.parameters, paging=wanted)
        if page is None and strikes("nothing_as_list"):
            return Json(omie_lists.nothing(asked.method, paging))
        if page is None or strikes("lost"):
            return omie_faults.no_records(paging.number)
        if strikes("lost_200"):
            lost = omie_faults.no_records(paging.number)
            lost.status_code = 200
            return lost
        page[words.page] = paging.number
        _spoil(page, asked.method, strikes)
        return Json(page)

    def _with_status(self, answer: Response) -> Response:
        if omie_faults.code_of(answer) and answer.status_code == 500:
            for status in (200, 400):
                if self.traffic.switches.strikes(f"faults_{status}"):
                    answer.status_code = status
        return answer


def _asked(body: Any) -> _Asked | None:
    if not isinstance(body, dict):
        return None
    given = body.get("param")
    parameters = given[0] if isinstance(given, list) and given and isinstance(given[0], dict) else {}
    method = str(body.get("call"))
    if method in omie_lists.LISTS:
        page = omie_lists.whole(parameters.get(omie_lists.LISTS[method].words.page), 1)
    else:
        page = omie_lists.whole(parameters.get("nIdNfe"), 1)
    return _Asked(
        method=method,
        key=str(body.get("app_key") or ""),
        secret=str(body.get("app_secret") or ""),
        parameters=parameters,
        body=canonical(body),
        page=page,
    )


def _is_error(answer: Response) -> bool:
    """Whether the vendor counts this answer as an error: faults, "no records" included; not what throttles."""
    if isinstance(answer, faults.NO_ANSWER) or answer.status_code in (425, 429):
        return False
    return answer.status_code >= 400 or omie_faults.code_of(answer) is not None


def _document(company: ErpCompany, asked: _Asked, strikes: Callable[[str], bool]) -> Response:
    found = _listed(company, asked.page)
    if found is None:
        return omie_faults.fault(f"NF-e não cadastrada para o Código [{asked.page}]!", "SOAP-ENV:Client-103")
    if strikes("of_another"):
        notes = documents.listed(company)
        found = notes[notes.index(found) - 1]
    answer = documents.document(found, escaped=strikes("escaped"))
    if strikes("status"):
        answer.update(cCodStatus="1", cDesStatus="O XML da NF-e não está disponível.", cXmlNfe="")
    if strikes("without_xml"):
        answer["cXmlNfe"] = ""
    return Json(answer)


def _listed(company: ErpCompany, vendor_id: int) -> SandboxNote | None:
    try:
        found = company.note(vendor_id)
    except KeyError:
        return None
    return found if documents.is_listed(found) else None


def _spoil(page: dict[str, Any], method: str, strikes: Callable[[str], bool]) -> None:
    """Change a page as the faults say that are on."""
    one = omie_lists.LISTS[method]
    words, rows = one.words, page[one.key]
    if strikes("short"):
        page[one.key] = rows[:-1]
    if strikes("total_too_high"):
        page[words.total] += 1
    if strikes("total_too_low"):
        page[words.total] -= 1
    if strikes("pages_too_few"):
        page[words.pages] -= 1
    if strikes("totals_as_text"):
        page.update({name: str(page[name]) for name in (words.page, words.pages, words.rows, words.total)})
    if strikes("without_totals"):
        del page[words.pages], page[words.total]
    if strikes("list_null"):
        page[one.key] = None
    if method == "ListarNF" and strikes("without_key"):
        for row in rows:
            del row["compl"]["cChaveNFe"]
    if method in omie_faults.TITLES and strikes("bad_amount"):
        rows[0] = {**rows[0], "valor_documento": "1.234,56"}
    if method in omie_faults.TITLES and strikes("bad_date"):
        rows[0] = {**rows[0], **{name: "00/00/0000" for name in rows[0] if name.startswith("data_")}}
    if method == "ListarEmpresas" and strikes("city_code"):
        rows[0]["cidade"] = "3550308"
