"""Conta Azul, API v2 (contract of the ERPs, section 6).

Each list has an envelope of its own, and whatever parameter the vendor does not know it drops silently. Only issued
sales are listed: an invoice that is cancelled vanishes, and is asked for by its key. A document is XML, or a ZIP where
events belong to it. Which invoices were numbered cannot be told, so there are no gaps to report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from sync_pipelines.erp.connections.tokens import TokenEndpoint
from sync_pipelines.erp.vendors.contaazul_judge import NAME, judge
from sync_pipelines.erp.vendors.contaazul_lists import InvoiceList, TotalledList
from sync_pipelines.erp.vendors.contaazul_rows import (
    TYPES,
    Days,
    Row,
    category_of,
    due_on,
    id_of,
    invoice_id,
    invoice_of,
    is_active,
    product_of,
    title_of,
    title_of_detail,
)
from sync_pipelines.erp.vendors.limits import CallLimit, Limits
from sync_pipelines.erp.vendors.oauth import AuthAddress, TokenCalls, token_base
from sync_pipelines.erp.vendors.product_details import ProductDetails
from sync_pipelines.erp.vendors.session import Opening, SessionVendor, VendorSpec
from sync_pipelines.erp.vendors.values import text_of
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
from sync_pipelines.erp.vendors.xml_archive import is_archive, read_archive
from sync_pipelines.erp.vendors.xml_events import is_cancelled_by
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.http.budget import Window
from sync_pipelines.lib.http.json import JsonAnswer

VERSION_PATH = "/v1"
#: The largest page that every list takes.
PAGE_SIZE = 100
DOCUMENT = "notas-fiscais/{chave}"
LIMITS = Limits(
    "contaazul",
    calls=(CallLimit(10, 1, margin=0.05), CallLimit(600, 60, margin=0.05)),
    in_flight={DOCUMENT: 3},
)
#: Not documented; nobody has so many connections that end within a minute.
TOKEN_CALLS = (Window(scope="contaazul:tokens", calls=30, seconds=60.0),)
AUTH = AuthAddress(
    "contaazul_auth_url", url="https://auth.contaazul.com", api_host="api-v2.contaazul.com", path=""
)
#: The host of the API before v2, which answers 401 to everybody since November 2025.
RETIRED_HOST = "api.contaazul.com"
#: Days from the first to the last of a slice; the vendor takes a difference of 15.
LONGEST_SLICE = timedelta(days=14)
#: How far the vendor's day of an invoice may be from the issuer's own: its time zone is not documented.
MARGIN = timedelta(days=1)
#: `status` of products: only the active ones come where nobody asks for the others.
STATUSES = ("ATIVO", "INATIVO")
_FINANCE = "financeiro/eventos-financeiros"
_TITLES = {
    Side.RECEIVABLE: f"{_FINANCE}/contas-a-receber/buscar",
    Side.PAYABLE: f"{_FINANCE}/contas-a-pagar/buscar",
}


class _Detail(NamedTuple):
    """A detail, None if it is gone (404), and the answer that had it."""

    row: Row | None
    raw: bytes


@dataclass
class ContaAzulVendor(SessionVendor):
    """One account of Conta Azul."""

    http: TokenCalls
    name: str = NAME
    lists_product_changes: bool = False
    titles_by: ListedBy = ListedBy.DUE

    @classmethod
    def open(cls, opening: Opening) -> ContaAzulVendor:
        """The account of a connection. Its tokens change: what it is counted by is the connection.

        Raises PermanentError where the address is that of the API that was shut down: each of its 401 would cost a
        refresh token, and look like credentials that a person has to renew.
        """
        session = opening.session(account=str(opening.connection.id))
        if urlsplit(session.base_url).hostname == RETIRED_HOST:
            session.close()
            raise PermanentError(
                f"CONTAAZUL_URL names {RETIRED_HOST}, which {NAME} shut down in November 2025. Take the line out, or"
                " set https://api-v2.contaazul.com."
            )
        endpoint = TokenEndpoint(
            NAME,
            url=f"{token_base(opening, AUTH)}/oauth2/token",
            url_setting="CONTAAZUL_AUTH_URL",
            windows=TOKEN_CALLS,
        )
        return cls(session, TokenCalls.open(opening, session, endpoint))

    def company(self) -> Page[Company]:
        """Names and CNPJ; the vendor says neither address nor regime."""
        answer = self._found("pessoas/conta-conectada")
        row = _body(answer)
        company = Company(
            cnpj=text_of(row, "documento"),
            legal_name=text_of(row, "razao_social"),
            trade_name=text_of(row, "nome_fantasia"),
        )
        return Page(answer.content, [company])

    def products(
        self, since: datetime | None = None, known: KnownDetails | None = None
    ) -> Iterator[Page[Product]]:
        """The catalogue, with the detail of each active product: only that has its NCM. What is `known` is not read.

        The vendor has no filter for what changed, so `since` saves nothing. Services are in a list of its own, which
        is not read: they have no NCM.
        """
        listed = TotalledList(f"{NAME} (produtos)", "items", id_of, total="totalItems")
        details = ProductDetails(
            lambda number: self._detail("produtos", number),
            product=product_of,
            needs_detail=is_active,
            known=known,
        )
        for status in STATUSES:
            yield from details.pages(self._pages(listed, "produtos", {"status": status}))

    def invoices(self, first: date, last: date) -> Iterator[Page[Invoice]]:
        """Issued sales. The vendor's days reach over both ends by one: an invoice is of the month of its key.

        A row without a date is of that month alone, and counts as of the last of the days that it can be of.
        """
        asked, seen = Days(first, last), set[str]()
        listed = InvoiceList(f"{NAME} (notas-fiscais)", "itens", invoice_id, size=PAGE_SIZE)
        for days in slices(first - MARGIN, last + MARGIN):
            period = {"data_inicial": days.first.isoformat(), "data_final": days.last.isoformat()}
            for page in self._pages(listed, "notas-fiscais", period):
                rows = [invoice_of(row, asked, until=days.last) for row in page.items]
                new = [one for one in rows if one is not None and one.vendor_id not in seen]
                seen |= {one.vendor_id for one in new}
                yield Page(page.raw, new)

    def invoice_xml(self, invoice: Invoice) -> InvoiceXml:
        """The document by the access key, and the state that an event says; None where there is no document."""
        if invoice.key is None:
            return InvoiceXml(None, None)
        key = invoice.key
        answer = self.http.get(DOCUMENT, f"notas-fiscais/{quote(key, safe='')}")
        if answer.status == 404:
            return InvoiceXml(key, None)
        if answer.is_json:
            raise TransientError(f"{NAME} answered without the document of an invoice.")
        if not is_archive(answer.content):
            return InvoiceXml(key, answer.content)
        found = read_archive(answer.content, key=key, what=f"{NAME} (notas-fiscais)")
        return InvoiceXml(
            key, found.note, InvoiceState.CANCELLED if is_cancelled_by(found.events, key) else None
        )

    def categories(self) -> Iterator[Page[Category]]:
        """The categories of either side."""
        listed = TotalledList(
            f"{NAME} (categorias)", "itens", id_of, total="itens_totais", is_total_sure=False
        )
        for kind in TYPES.values():
            for page in self._pages(listed, "categorias", {"tipo": kind}):
                yield Page(page.raw, [category_of(row) for row in page.items])

    def titles(self, first: date, last: date) -> Iterator[Page[Title]]:
        """The instalments that are due from `first` to `last`."""
        period = {"data_vencimento_de": first.isoformat(), "data_vencimento_ate": last.isoformat()}
        for side, path in _TITLES.items():
            listed = TotalledList(f"{NAME} ({path})", "itens", id_of, total="itens_totais")
            for page in self._pages(listed, path, period):
                rows = [row for row in page.items if (due := due_on(row)) is None or first <= due <= last]
                yield Page(page.raw, [title_of(row, side) for row in rows])

    def title(self, side: Side, vendor_id: str) -> Title | None:
        """One instalment, with what each of its categories is given."""
        row = self._detail(f"{_FINANCE}/parcelas", vendor_id).row
        return title_of_detail(row, side) if row is not None else None

    def _pages(
        self, listed: TotalledList | InvoiceList, path: str, query: Mapping[str, str]
    ) -> Iterator[Page[Row]]:
        def ask(number: int) -> JsonAnswer:
            return self._found(path, {"pagina": str(number), "tamanho_pagina": str(PAGE_SIZE), **query})

        return listed.pages(ask)

    def _detail(self, path: str, number: str) -> _Detail:
        answer = self.http.get(f"{path}/{{id}}", f"{path}/{quote(number, safe='')}")
        if answer.status == 404:
            return _Detail(None, answer.content)
        row = _body(answer)
        if id_of(row) != number:
            raise TransientError(f"{NAME} ({path}) answered with another one than was asked for.")
        return _Detail(row, answer.content)

    def _found(self, path: str, query: Mapping[str, str] | None = None) -> JsonAnswer:
        answer = self.http.get(path, path, query)
        if answer.status == 404:
            raise PermanentError(f"{NAME} has no such call (404). Check CONTAAZUL_URL.")
        if not isinstance(answer.body, Mapping):
            raise TransientError(f"{NAME} ({path}) answered with a document in place of data.")
        return answer


def slices(first: date, last: date) -> Iterator[Days]:
    """The days, both included, in consecutive slices that the vendor takes: no gap, no overlap."""
    while first <= last:
        end = min(last, first + LONGEST_SLICE)
        yield Days(first, end)
        first = end + timedelta(days=1)


def _body(answer: JsonAnswer) -> Row:
    return answer.body if isinstance(answer.body, Mapping) else {}


SPEC = VendorSpec(
    erp_type="contaazul",
    name=NAME,
    url_setting="contaazul_url",
    version_path=VERSION_PATH,
    limits=LIMITS,
    judge=judge,
    open=ContaAzulVendor.open,
    lists_all_numbers=False,
)
