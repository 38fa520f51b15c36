"""Bling, API v3 (contract of the ERPs, section 5, and the vendor's OpenAPI).

A list does not say how long it is: a page with fewer rows than were asked for is its last. Without `situacao` the list
of invoices has those in every state but the cancelled, so it is asked for twice. What a list leaves out is in the
detail: an invoice's link to its XML, a product's NCM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sync_pipelines.erp.connections.tokens import TokenEndpoint
from sync_pipelines.erp.vendors.bling_rows import (
    CANCELLED,
    Row,
    id_of,
    invoice_of,
    is_cancelled,
    key_of,
    needs_detail,
    product_of,
    state_of,
)
from sync_pipelines.erp.vendors.limits import CallLimit, Limits, Per
from sync_pipelines.erp.vendors.oauth import AuthAddress, ExpiredTokenError, TokenCalls, token_base
from sync_pipelines.erp.vendors.session import BlockedError, Opening, VendorSession, VendorSpec
from sync_pipelines.erp.vendors.uncounted import UncountedList
from sync_pipelines.erp.vendors.values import group, text_of
from sync_pipelines.erp.vendors.vendor import (
    Category,
    Company,
    Invoice,
    InvoiceState,
    InvoiceXml,
    ListedBy,
    Page,
    Product,
    Side,
    Title,
)
from sync_pipelines.erp.vendors.xml_links import Origins, XmlLinks
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
    from_http_status,
)
from sync_pipelines.lib.http.budget import Window
from sync_pipelines.lib.http.json import JsonAnswer

NAME = "Bling"
PAGE_SIZE = 100
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
TOO_MANY = "TOO_MANY_REQUESTS"
VERSION_PATH = "/Api/v3"
AUTH = AuthAddress("bling_auth_url", url="https://www.bling.com.br/Api/v3", api_host="api.bling.com.br")
#: Where the files of invoices lie.
FILE_HOSTS = frozenset({"bling.com.br", "www.bling.com.br", "api.bling.com.br"})
#: Seconds: after the quota of a day, which the next sync tries again; after a block of the address.
DAY_IS_OVER, ADDRESS_IS_BLOCKED = 3600.0, 600.0
#: `criterio`: all products; by default the list has those that were included last.
ALL_PRODUCTS = "5"
#: The vendor's clock, and how far it may be from ours.
ZONE, SKEW = ZoneInfo("America/Sao_Paulo"), timedelta(minutes=10)
#: A filter over more than a year is refused.
LONGEST_PERIOD = timedelta(days=364)
#: How often a list is read that changes meanwhile.
_MOST_PASSES = 3


def judge(answer: JsonAnswer) -> SyncError | None:
    """The error that an answer means, or None: also for a 404. Quotes nothing but the error's type and field names."""
    error = group(_body(answer), "error")
    what = f"{NAME} ({_quotable(error)})" if error else NAME
    if answer.status == 401:
        return ExpiredTokenError(f"{what} does not accept the access token (401).")
    # With which status a blocked address is refused is not documented.
    if answer.status == 429 or text_of(error, "type") == TOO_MANY or (answer.status == 403 and not error):
        return _throttled(answer.status, text_of(error, "period"), answer.retry_after)
    if answer.status == 403:
        return RefusedError(
            f"{what} does not let the app make this call (403). Grant it the access, and connect the account again.",
            403,
        )
    if answer.status == 404:
        return None
    if answer.status != 200:
        return from_http_status(answer.status, what=what, retry_after=answer.retry_after, setting="BLING_URL")
    if not isinstance(answer.body, Mapping) or not isinstance(answer.body.get("data"), list | Mapping):
        return TransientError(f"{NAME} answered without the data that was asked for, or with a part of it.")
    return None


def _throttled(status: int, period: str | None, retry_after: float | None) -> SyncError:
    if period == "second":
        return ThrottledError(
            f"{NAME} asks for fewer calls a second ({status}).", retry_after=retry_after or 1.0
        )
    if period == "day":
        wait = retry_after or DAY_IS_OVER
        return BlockedError(f"{NAME}: the account has no calls left today ({status}).", retry_after=wait)
    wait = retry_after or ADDRESS_IS_BLOCKED
    return BlockedError(f"{NAME} takes no calls from our address for a while ({status}).", retry_after=wait)


def _quotable(error: Row) -> str:
    fields = error.get("fields")
    names = (
        [text_of(one, "element") for one in fields if isinstance(one, Mapping)]
        if isinstance(fields, list)
        else []
    )
    words = [
        word for word in (text_of(error, "type"), *names) if word and re.fullmatch(r"[\w.\[\]-]{1,40}", word)
    ]
    return ", ".join(words) or "without a type"


class _Detail(NamedTuple):
    """A detail, None if it is gone (404), and the answer that had it."""

    row: Row | None
    raw: bytes


_NOT_NEEDED = _Detail({}, b"")


@dataclass
class BlingVendor:
    """One account of Bling."""

    session: VendorSession
    http: TokenCalls
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
        return cls(session, http, links=XmlLinks.open(origins, opening, session))

    @property
    def calls(self) -> int:
        return self.session.calls

    @property
    def waited(self) -> float:
        return self.session.waited

    def company(self) -> Page[Company]:
        """Name and CNPJ; the vendor says neither address nor regime."""
        answer = self._found("empresas/me/dados-basicos")
        row = group(_body(answer), "data")
        return Page(answer.content, [Company(cnpj=text_of(row, "cnpj"), legal_name=text_of(row, "nome"))])

    def products(self, since: datetime | None = None) -> Iterator[Page[Product]]:
        """The catalogue, with a detail for each active product: only that has its NCM. `raw` has an answer a line."""
        query = {"criterio": ALL_PRODUCTS}
        now = self.session.clock()
        if since is not None and now - since < LONGEST_PERIOD:
            query["dataAlteracaoInicial"] = _moment(since - SKEW)
            query["dataAlteracaoFinal"] = _moment(now + SKEW)
        for page in self._pages("produtos", query):
            details = {
                id_of(row): self._detail("produtos", id_of(row)) for row in page.items if needs_detail(row)
            }
            products = [product_of(row, details.get(id_of(row), _NOT_NEEDED).row) for row in page.items]
            yield Page(b"\n".join([page.raw, *(one.raw for one in details.values())]), products)

    def invoices(self, first: date, last: date) -> Iterator[Page[Invoice]]:
        """Sales and purchases. One that is cancelled while the list is read comes again, and the last time counts."""
        for begin, end in _periods(first, last):
            for direction in ("1", "0"):
                period = {"dataEmissaoInicial": f"{begin} 00:00:00", "dataEmissaoFinal": f"{end} 23:59:59"}
                for page in self._invoices({"tipo": direction, **period}):
                    listed = (invoice_of(row, asked_until=end) for row in page.items)
                    yield Page(page.raw, [one for one in listed if one and first <= one.issued_on <= last])

    def invoice_xml(self, invoice: Invoice) -> InvoiceXml:
        """The document by the link in the detail; None where there is neither, or no file behind the link."""
        row = self._detail("nfe", invoice.vendor_id).row
        if row is None:
            return InvoiceXml(invoice.key, None)
        state, link = state_of(row), text_of(row, "xml")
        xml = self.links.fetch(link) if link and state is not InvoiceState.UNISSUED else None
        return InvoiceXml(key_of(row) or invoice.key, xml, state)

    def categories(self) -> Iterator[Page[Category]]:
        raise NotImplementedError

    def titles(self, first: date, last: date) -> Iterator[Page[Title]]:
        raise NotImplementedError

    def title(self, side: Side, vendor_id: str) -> Title | None:
        raise NotImplementedError

    def close(self) -> None:
        """End what is open."""
        self.session.close()
        self.links.close()

    def _invoices(self, query: Mapping[str, str]) -> Iterator[Page[Row]]:
        """Those in every state but cancelled, then the cancelled; again if one changed from these to those meanwhile.

        Then the pages behind it moved up, and what was the first of a page is in none.
        """
        for _ in range(_MOST_PASSES):
            listed, cancelled = set[str](), set[str]()
            for page in self._pages("nfe", query):
                listed |= {id_of(row) for row in page.items if not is_cancelled(row)}
                yield page
            for page in self._pages("nfe", {**query, "situacao": CANCELLED}):
                cancelled |= {id_of(row) for row in page.items if is_cancelled(row)}
                yield page
            if not listed & cancelled:
                return
        raise TransientError(f"{NAME}: invoices were cancelled each time that the list was read.")

    def _pages(self, path: str, query: Mapping[str, str]) -> Iterator[Page[Row]]:
        def ask(number: int) -> JsonAnswer:
            return self._found(path, {"pagina": str(number), "limite": str(PAGE_SIZE), **query})

        return UncountedList(f"{NAME} ({path})", "data", PAGE_SIZE).pages(ask)

    def _detail(self, path: str, number: str) -> _Detail:
        answer = self.http.get(f"{path}/{{id}}", f"{path}/{quote(number, safe='')}")
        if answer.status == 404:
            return _Detail(None, answer.content)
        row = group(_body(answer), "data")
        if id_of(row) != number:
            raise TransientError(f"{NAME} ({path}/{number}) answered with another one.")
        return _Detail(row, answer.content)

    def _found(self, path: str, query: Mapping[str, str] | None = None) -> JsonAnswer:
        answer = self.http.get(path, path, query)
        if answer.status == 404:
            raise PermanentError(f"{NAME} has no such call (404). Check BLING_URL.")
        return answer


def _body(answer: JsonAnswer) -> Row:
    return answer.body if isinstance(answer.body, Mapping) else {}


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
