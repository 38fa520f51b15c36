"""Bling, API v3 (contract of the ERPs, section 5, and the vendor's OpenAPI).

A list does not say how long it is: a page with fewer rows than were asked for is its last. Without `situacao` the list
of invoices has those in every state but the cancelled, so it is asked for twice. What a list leaves out is in the
detail: an invoice's link to its XML, a product's NCM, a title's category and competence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sync_pipelines.erp.connections.tokens import TokenEndpoint
from sync_pipelines.erp.vendors.bling_answers import (
    NAME,
    NOT_NEEDED,
    BlingAnswers,
    CancelledRows,
    body_of,
    judge,
)
from sync_pipelines.erp.vendors.bling_rows import (
    CANCELLED,
    CANCELLED_TITLE,
    category_of,
    id_of,
    invoice_of,
    is_cancelled,
    is_cancelled_title,
    key_of,
    needs_detail,
    product_of,
    state_of,
    title_of,
)
from sync_pipelines.erp.vendors.limits import CallLimit, Limits, Per
from sync_pipelines.erp.vendors.oauth import AuthAddress, TokenCalls, token_base
from sync_pipelines.erp.vendors.session import Opening, SessionVendor, VendorSpec
from sync_pipelines.erp.vendors.values import group, text_of
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
from sync_pipelines.erp.vendors.xml_links import Origins, XmlLinks
from sync_pipelines.lib.http.budget import Window

LIMITS = Limits(
    "bling",
    calls=(
        # The usual margin of 0.1 s would leave a tenth of the calls unused. One call of a method at a time: of several
        # under way at once, some arrive later than they were granted, and then four of them within a second.
        CallLimit(3, 1, margin=0.03),
        CallLimit(120_000, 86_400),
        # The 600th request of an address within 10 s blocks it for ten minutes.
        CallLimit(590, 10, Per.ADDRESS),
    ),
)
#: The 20th token call of an address within a minute blocks it for an hour.
TOKEN_CALLS = (Window(scope="bling:tokens", calls=15, seconds=60.0),)
TOKENS_ARE_BLOCKED = 3600.0
VERSION_PATH = "/Api/v3"
AUTH = AuthAddress("bling_auth_url", url="https://www.bling.com.br/Api/v3", api_host="api.bling.com.br")
#: Where the files of invoices lie.
FILE_HOSTS = frozenset({"bling.com.br", "www.bling.com.br", "api.bling.com.br"})
#: `criterio`: all products; by default the list has those that were included last.
ALL_PRODUCTS = "5"
#: The vendor's clock, and how far it may be from ours.
ZONE, SKEW = ZoneInfo("America/Sao_Paulo"), timedelta(minutes=10)
#: A filter over more than a year is refused.
LONGEST_PERIOD = timedelta(days=364)
#: Titles are listed up to the end of the tenth year from now, however late the last day asked for: every year of it
#: costs calls of its own.
YEARS_AHEAD = 10
_CANCELLED_INVOICES = CancelledRows({"situacao": CANCELLED}, is_cancelled, "invoices")


class _TitleList(NamedTuple):
    """Where the titles of a side are, and how they are asked for by due date. Without `dated` a list of receivables
    has what was issued within a year up to today. Whether a list hides what was cancelled is not documented.
    """

    path: str
    first: str
    last: str
    cancelled: CancelledRows
    dated: Mapping[str, str] = {}


_TITLES = {
    Side.RECEIVABLE: _TitleList(
        "contas/receber",
        first="dataInicial",
        last="dataFinal",
        cancelled=CancelledRows({"situacoes[]": CANCELLED_TITLE}, is_cancelled_title, "receivables"),
        dated={"tipoFiltroData": "V"},
    ),
    Side.PAYABLE: _TitleList(
        "contas/pagar",
        first="dataVencimentoInicial",
        last="dataVencimentoFinal",
        cancelled=CancelledRows({"situacao": CANCELLED_TITLE}, is_cancelled_title, "payables"),
    ),
}


@dataclass
class BlingVendor(SessionVendor):
    """One account of Bling."""

    answers: BlingAnswers
    links: XmlLinks
    name: str = NAME
    lists_product_changes: bool = True
    titles_by: ListedBy = ListedBy.DUE

    @classmethod
    def open(cls, opening: Opening) -> BlingVendor:
        """The account of a connection. Its tokens change: what it is counted by is the connection."""
        session = opening.session(account=str(opening.connection.id))
        auth_url = token_base(opening, AUTH)
        endpoint = TokenEndpoint(
            NAME,
            url=f"{auth_url}/oauth/token",
            url_setting="BLING_AUTH_URL",
            windows=TOKEN_CALLS,
            blocked_seconds=TOKENS_ARE_BLOCKED,
            client_id="bling_client_id",
            client_secret="bling_client_secret",  # noqa: S106 - its name
        )
        http = TokenCalls.open(opening, session, endpoint)
        origins = Origins.of(FILE_HOSTS, urls=(session.base_url, auth_url))
        return cls(session, BlingAnswers(http), links=XmlLinks.open(origins, opening, session))

    def company(self) -> Page[Company]:
        """Name and CNPJ; the vendor says neither address nor regime."""
        answer = self.answers.found("empresas/me/dados-basicos")
        row = group(body_of(answer), "data")
        return Page(answer.content, [Company(cnpj=text_of(row, "cnpj"), legal_name=text_of(row, "nome"))])

    def products(
        self, since: datetime | None = None, known: KnownDetails | None = None
    ) -> Iterator[Page[Product]]:
        """The catalogue, with a detail for each active product: only that has its NCM. `raw` has an answer a line.

        `known` saves nothing: of what changed the details are wanted, and the whole list is read once a week for all
        that the filter of changes may have missed.
        """
        query = {"criterio": ALL_PRODUCTS}
        now = self.session.clock()
        if since is not None and now - since < LONGEST_PERIOD:
            query["dataAlteracaoInicial"] = _moment(since - SKEW)
            query["dataAlteracaoFinal"] = _moment(now + SKEW)
        for page in self.answers.pages("produtos", query):
            details = {
                id_of(row): self.answers.detail("produtos", id_of(row))
                for row in page.items
                if needs_detail(row)
            }
            products = [product_of(row, details.get(id_of(row), NOT_NEEDED).row) for row in page.items]
            yield Page(b"\n".join([page.raw, *(one.raw for one in details.values())]), products)

    def invoices(self, first: date, last: date) -> Iterator[Page[Invoice]]:
        """Sales and purchases. One that is cancelled while the list is read comes again, and the last time counts."""
        for begin, end in _periods(first, last):
            for direction in ("1", "0"):
                period = {"dataEmissaoInicial": f"{begin} 00:00:00", "dataEmissaoFinal": f"{end} 23:59:59"}
                for page in self.answers.in_every_state(
                    "nfe", {"tipo": direction, **period}, _CANCELLED_INVOICES
                ):
                    listed = (invoice_of(row, asked_until=end) for row in page.items)
                    yield Page(page.raw, [one for one in listed if one and first <= one.issued_on <= last])

    def invoice_xml(self, invoice: Invoice) -> InvoiceXml:
        """The document by the link in the detail; None where there is neither, or no file behind the link."""
        row = self.answers.detail("nfe", invoice.vendor_id).row
        if row is None:
            return InvoiceXml(invoice.key, None)
        state, link = state_of(row), text_of(row, "xml")
        xml = self.links.fetch(link) if link and state is not InvoiceState.UNISSUED else None
        return InvoiceXml(key_of(row) or invoice.key, xml, state)

    def categories(self) -> Iterator[Page[Category]]:
        """The categories of both sides, also inactive ones: titles may still be of them. None is named a transfer."""
        for page in self.answers.pages("categorias/receitas-despesas", {"tipo": "0", "situacao": "0"}):
            yield Page(page.raw, [category_of(row) for row in page.items])

    def titles(self, first: date, last: date) -> Iterator[Page[Title]]:
        """Receivables, then payables, by due date, up to the end of the year `YEARS_AHEAD` of this one.

        One that is cancelled while the list is read comes again, and the last time counts.
        """
        farthest = date(self.session.clock().astimezone(ZONE).year + YEARS_AHEAD, 12, 31)
        for side, one in _TITLES.items():
            for begin, end in _periods(first, min(last, farthest)):
                query = {one.first: f"{begin}", one.last: f"{end}", **one.dated}
                for page in self.answers.in_every_state(one.path, query, one.cancelled):
                    listed = (title_of(row, side) for row in page.items)
                    asked = [one for one in listed if one.listed_on is None or first <= one.listed_on <= last]
                    yield Page(page.raw, asked)

    def title(self, side: Side, vendor_id: str) -> Title | None:
        """One title with its category and competence; None if it is gone."""
        row = self.answers.detail(_TITLES[side].path, vendor_id).row
        return None if row is None else title_of(row, side, has_detail=True)

    def close(self) -> None:
        """End what is open."""
        super().close()
        self.links.close()


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"


def _periods(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The days, both included, in periods of at most a year."""
    while first <= last:
        end = min(last, first + LONGEST_PERIOD)
        yield first, end
        first = end + timedelta(days=1)


SPEC = VendorSpec(
    erp_type="bling",
    name=NAME,
    url_setting="bling_url",
    version_path=VERSION_PATH,
    limits=LIMITS,
    judge=judge,
    open=BlingVendor.open,
)
