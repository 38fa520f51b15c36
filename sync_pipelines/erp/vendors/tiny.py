"""Tiny, API v2 (contract of the ERPs, section 7.1): every call is a POST of a form to `<service>.php`, token and all.

Each search needs a filter, gives a hundred rows a page and says how many pages there are. What a list leaves out is in
the detail of a row: a product's NCM, a title's category and competence. The XML of an invoice comes in an envelope of
XML. How often an account may be called depends on its plan, which the header `x-limit-api` of each answer names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from urllib.parse import urlencode

from sync_pipelines.erp.vendors.limits import CallLimit, Limits
from sync_pipelines.erp.vendors.paged import PagedList
from sync_pipelines.erp.vendors.product_details import ProductDetails
from sync_pipelines.erp.vendors.session import Call, Opening, SessionVendor, VendorSpec
from sync_pipelines.erp.vendors.tiny_answers import (
    ABSENT,
    CANCELLATION,
    DOCUMENT,
    EMPTY,
    NAME,
    code_of,
    envelope_of,
    is_done,
    judge,
    retorno_of,
)
from sync_pipelines.erp.vendors.tiny_rows import (
    company_of,
    id_of,
    invoice_of,
    is_active,
    product_of,
    title_of,
)
from sync_pipelines.erp.vendors.values import group, quotable
from sync_pipelines.erp.vendors.vendor import (
    Category,
    Company,
    Invoice,
    InvoiceState,
    InvoiceXml,
    KnownDetails,
    ListedBy,
    Page,
    Product,
    Side,
    Title,
)
from sync_pipelines.erp.vendors.xml_events import is_cancelled_by
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.http.json import JsonAnswer

#: Calls a minute of an account whose plan is not known yet: what the oldest plans have.
LEAST_CALLS = 20
#: What a plan may allow; another number in the header is no limit of calls a minute.
_PLANS = range(1, 1001)
LIMIT_HEADER = "x-limit-api"
XML_SERVICE = "nota.fiscal.obter.xml"


def limits(calls: int) -> Limits:
    """The limits of a plan that allows so many calls a minute, of which a quarter may be under way at once."""
    return Limits("tiny", calls=(CallLimit(calls, 60),), in_flight={XML_SERVICE: 3})


def plan_limits(answer: JsonAnswer) -> Limits | None:
    """The limits of the account's plan, as an answer says them; None if it does not."""
    said = answer.headers.get(LIMIT_HEADER, "")
    calls = int(said) if re.fullmatch(r"\d{1,4}", said, re.ASCII) else 0
    return limits(calls) if calls in _PLANS else None


@dataclass(frozen=True)
class _Search:
    """A search: the elements of its list and of each row."""

    service: str
    rows: str
    row: str

    def pages(self) -> PagedList:
        what = f"{NAME} ({self.service})"
        return PagedList(what, self.rows, self.row, page="pagina", pages="numero_paginas")


_PRODUCTS = _Search("produtos.pesquisa", "produtos", "produto")
_INVOICES = _Search("notas.fiscais.pesquisa", "notas_fiscais", "nota_fiscal")
_TITLES = {side: _Search(f"contas.{side.value}.pesquisa", "contas", "conta") for side in Side}


@dataclass
class TinyVendor(SessionVendor):
    """One account of Tiny."""

    token: str = field(repr=False)
    name: str = NAME
    lists_product_changes: bool = False
    titles_by: ListedBy = ListedBy.DUE

    @classmethod
    def open(cls, opening: Opening) -> TinyVendor:
        """The account of a connection."""
        token = opening.credentials.text("token") or ""
        return cls(opening.session(account=token), token)

    def company(self) -> Page[Company]:
        """The company of the account."""
        answer = self._call("info", {})
        row = group(retorno_of(answer) or {}, "conta")
        if not row:
            raise TransientError(f"{NAME} (info) answered without the company.")
        return Page(answer.content, [company_of(row)])

    def products(
        self, since: datetime | None = None, known: KnownDetails | None = None
    ) -> Iterator[Page[Product]]:
        """The catalogue, with the detail of each active product: only that has its NCM. What is `known` is not read.

        The vendor lists changes in a queue that forgets what was read from it, so the whole list is read each time.
        """
        details = ProductDetails(
            lambda number: self._detail("produto.obter", "produto", number),
            product=product_of,
            needs_detail=is_active,
            known=known,
        )
        # The whole list first: with a hundred details between two pages it would be read for hours, and move meanwhile.
        yield from details.pages(list(self._pages(_PRODUCTS, {"pesquisa": ""})))

    def invoices(self, first: date, last: date) -> Iterator[Page[Invoice]]:
        """Sales and purchases of the days in every state; NFC-e come with them and bear their own model."""
        period = {"dataInicial": f"{first:%d/%m/%Y}", "dataFinal": f"{last:%d/%m/%Y}"}
        for page in self._pages(_INVOICES, period):
            listed = (invoice_of(row, asked_until=last) for row in page.items)
            yield Page(page.raw, [one for one in listed if one and first <= one.issued_on <= last])

    def invoice_xml(self, invoice: Invoice) -> InvoiceXml:
        """The document; None where the vendor has none, as of a note that was not authorised."""
        answer = self._call(XML_SERVICE, {"id": invoice.vendor_id})
        if code_of(retorno_of(answer) or {}) in ABSENT:
            return InvoiceXml(invoice.key, None)
        envelope = envelope_of(answer)
        if envelope is None or not is_done(envelope.fields):
            raise TransientError(f"{NAME} ({XML_SERVICE}) did not answer with a document in XML.")
        events = filter(None, [envelope.documents.get(CANCELLATION)])
        state = InvoiceState.CANCELLED if is_cancelled_by(events, invoice.key) else None
        return InvoiceXml(invoice.key, envelope.documents.get(DOCUMENT), state)

    def categories(self) -> Iterator[Page[Category]]:
        """None: the vendor has no list of them, and names the category in the detail of a title."""
        return iter(())

    def titles(self, first: date, last: date) -> Iterator[Page[Title]]:
        """Receivables and payables that are due on the days. Category and competence are in the detail of each."""
        period = {"data_ini_vencimento": f"{first:%d/%m/%Y}", "data_fim_vencimento": f"{last:%d/%m/%Y}"}
        for side, search in _TITLES.items():
            for page in self._pages(search, period):
                listed = (title_of(row, side, has_detail=False) for row in page.items)
                wanted = [one for one in listed if one.listed_on is None or first <= one.listed_on <= last]
                yield Page(page.raw, wanted)

    def title(self, side: Side, vendor_id: str) -> Title | None:
        """A title with its category and competence; None if the vendor does not have it any more."""
        detail, _ = self._detail(f"conta.{side.value}.obter", "conta", vendor_id)
        return title_of(detail, side, has_detail=True) if detail is not None else None

    def _call(self, service: str, parameters: Mapping[str, str]) -> JsonAnswer:
        url = f"{self.session.base_url}/{service}.php"
        form = {"token": self.token, "formato": "json", **parameters}
        return self.session.call(
            Call(service, service, urlencode(parameters), send=lambda http: http.post_form(url, form))
        )

    def _pages(self, search: _Search, filters: Mapping[str, str]) -> Iterator[Page[Mapping[str, object]]]:
        def ask(number: int) -> tuple[bytes, object]:
            answer = self._call(search.service, {**filters, "pagina": str(number)})
            retorno = retorno_of(answer) or {}
            return answer.content, None if code_of(retorno) == EMPTY else retorno

        return search.pages().read(ask)

    def _detail(self, service: str, name: str, number: str) -> tuple[Mapping[str, object] | None, bytes]:
        """The row of a detail, None if the vendor does not have it, and the answer."""
        answer = self._call(service, {"id": number})
        retorno = retorno_of(answer) or {}
        if code_of(retorno) in ABSENT:
            return None, answer.content
        row = group(retorno, name)
        if id_of(row) != number:
            raise TransientError(f"{NAME} ({service}) answered with another one than {quotable(number)}.")
        return row, answer.content


SPEC = VendorSpec(
    erp_type="tiny",
    name=NAME,
    url_setting="tiny_url",
    version_path="/api2",
    limits=limits(LEAST_CALLS),
    plan_limits=plan_limits,
    judge=judge,
    open=TinyVendor.open,
    # A document of the application's largest size, and its envelope.
    largest=12 << 20,
)
