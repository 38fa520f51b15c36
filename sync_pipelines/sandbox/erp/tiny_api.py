"""Tiny's services: what stands before every answer, and the answers (contract of the ERPs, section 7.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync_pipelines.sandbox.erp import tiny_documents as documents
from sync_pipelines.sandbox.erp import tiny_faults, tiny_lists
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.documents import Json
from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.tiny_faults import XML_SERVICE, Erro
from sync_pipelines.sandbox.erp.tiny_limits import TinyLimits
from sync_pipelines.sandbox.erp.traffic import Arrival, Traffic

BASE = "/api2"
_SECRET = frozenset({"token", "formato"})
_BOMB = "".join(f'<!ENTITY a{n} "&a{n - 1};&a{n - 1};">' for n in range(1, 31))


@dataclass(frozen=True)
class TinyAccount:
    """An account of Tiny. `credentials` is what the application stores of it, before it is sealed."""

    name: str
    company: ErpCompany
    token: str

    @property
    def credentials(self) -> dict[str, str]:
        return {"token": self.token}


@dataclass(frozen=True)
class _Served:
    """A call that may be answered: its service, its company, what was asked for. `subject` is a page or a number."""

    method: str
    company: ErpCompany
    asked: Mapping[str, str]
    subject: int
    #: The number of the call, by which numbers are written as texts or as numbers.
    number: int
    strikes: Callable[[str], bool]


@dataclass(frozen=True)
class TinyApi:
    """Answers for accounts, which are found by their token."""

    accounts: dict[str, TinyAccount]
    limits: TinyLimits
    traffic: Traffic

    @property
    def routes(self) -> list[Route]:
        return [
            Route(f"{BASE}/{method}.php", self._serve, methods=["POST"]) for method in tiny_faults.METHODS
        ]

    async def _serve(self, request: Request) -> Response:
        method = request.url.path.removeprefix(f"{BASE}/").removesuffix(".php")
        arrival = self.traffic.arrive(method)
        # A token in the address is not looked for: who puts one there shows it to every log on the way.
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        asked = {name: value for name, value in form.items() if name not in _SECRET}
        account = self.accounts.get(form.get("token", ""))
        if account is None:
            answer: Response = Erro(2 if form.get("token") else 1)
        else:
            answer = await self._limited(account, arrival, asked)
        if isinstance(answer, Erro):
            in_xml = method == XML_SERVICE or self.traffic.switches.strikes("errors_in_xml")
            answer = answer.written(arrival.number, in_xml=in_xml)
        answer.headers.update(self.limits.rules.headers)
        self.traffic.record(arrival, account, answer, asked=asked, fault=tiny_faults.code_of(answer))
        return answer

    async def _limited(self, account: TinyAccount, arrival: Arrival, asked: Mapping[str, str]) -> Response:
        """An answer for a call that is within the plan."""
        if (refused := self.limits.begin(account.name, self.traffic.calls.clock())) is not None:
            return refused
        try:
            await self.traffic.before(arrival)
            return self._answer(account, arrival, asked)
        except tiny_lists.RefusedParameterError as refused_parameter:
            return refused_parameter.answer
        finally:
            self.limits.end(account.name)

    def _answer(self, account: TinyAccount, arrival: Arrival, asked: Mapping[str, str]) -> Response:
        method = arrival.method
        subject = tiny_lists.number_of(asked, "id" if method in tiny_lists.DETAILS else "pagina")
        call_faults = self.traffic.faults(arrival, account, subject)
        if (struck := call_faults.answer()) is not None:
            return struck
        served = _Served(
            method,
            account.company,
            asked,
            subject=subject,
            number=arrival.number,
            strikes=call_faults.strikes,
        )
        if method == "info":
            return _done(served, conta=documents.account(account.company.profile))
        return _search(served) if method in tiny_lists.SEARCHES else _detail(served)


def _done(served: _Served, **fields: Any) -> Response:
    """An answer without an error; its numbers are texts, or with every second call numbers."""
    odd = served.number % 2 == 1
    status = 4 if served.strikes("in_part") else 3
    said = {"status_processamento": str(status) if odd else status, "status": "OK"}
    return Json({"retorno": {**said, **fields}})


def _search(served: _Served) -> Response:
    search = tiny_lists.SEARCHES[served.method]
    search.check(served.asked)
    found = search.find(served.company, served.asked)
    page, pages = served.subject, -(-len(found) // tiny_lists.PAGE)
    if not found or served.strikes("lost"):
        return Erro(20)
    if page > pages or served.strikes("behind"):
        return Erro(23)
    if served.strikes("stuck"):
        page = 1
    taken = page - 1 if page > 1 and served.strikes("repeats") else page
    rows = [search.write(one) for one in found[(taken - 1) * tiny_lists.PAGE : taken * tiny_lists.PAGE]]
    rows = _spoiled(rows, served.strikes)
    as_numbers = served.number % 2 == 0 or served.strikes("pages_as_numbers")
    paging: dict[str, Any] = {"pagina": page, "numero_paginas": pages}
    if not as_numbers:
        paging = {name: str(value) for name, value in paging.items()}
    if served.strikes("without_pages"):
        del paging["numero_paginas"]
    listed = None if served.strikes("list_null") else [{search.row: row} for row in rows]
    return _done(served, **paging, **{search.rows: listed})


def _spoiled(rows: list[dict[str, Any]], strikes: Callable[[str], bool]) -> list[dict[str, Any]]:
    """The rows of a page as the faults say that are on."""
    if strikes("short"):
        rows = rows[:-1]
    if strikes("without_dates"):
        rows = [_dated(row, "") for row in rows]
    if rows and strikes("bad_amount"):
        rows[0] = {**rows[0], "valor": "1.234,56"}
    if rows and strikes("bad_date"):
        rows[0] = _dated(rows[0], "00/00/0000")
    return rows


def _dated(row: dict[str, Any], date: str) -> dict[str, Any]:
    return {name: date if name.startswith("data_") else value for name, value in row.items()}


def _detail(served: _Served) -> Response:
    detail = tiny_lists.DETAILS[served.method]
    try:
        found = detail.find(served.company, served.subject)
    except KeyError:
        return Erro(32)
    if served.strikes("of_another"):
        rows = detail.everything(served.company)
        found = rows[rows.index(found) - 1]
    if served.method == XML_SERVICE:
        return _xml(found, served)
    return _done(served, **{detail.row: detail.write(found, served.company)})


def _xml(note: SandboxNote, served: _Served) -> Response:
    """The document in its envelope: XML, whatever was asked for (trap 33)."""
    if not note.has_xml or note.key is None:
        return Erro(34)
    document = documents.embedded(note)
    if served.strikes("as_json"):
        return _done(served, xml_nfe=document)
    if served.strikes("without_document"):
        document = ""
    if served.strikes("escaped"):
        document = documents.escaped(document)
    if served.strikes("cdata"):
        document = f"<![CDATA[{documents.XML_HEAD}{document}]]>"
    text = documents.xml_answer(note, document)
    if served.strikes("bomb"):
        head = documents.XML_HEAD
        text = text.replace(head, f'{head}<!DOCTYPE retorno [<!ENTITY a0 "dez bytes.">{_BOMB}]>', 1)
        text = text.replace("<status>OK", "<status>OK&a30;", 1)
    if served.strikes("latin1"):
        text = text.replace("UTF-8", "ISO-8859-1", 1)
        return Response(text.encode("iso-8859-1", "xmlcharrefreplace"), media_type="text/xml")
    return Response(text.encode(), media_type="text/xml")
