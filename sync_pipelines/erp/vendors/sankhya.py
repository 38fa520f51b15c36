"""Sankhya, as far as it is established: company and products by `loadRecords` (contract of the ERPs, section 8).

Every answer has HTTP 200; its `status` is "1" where it is one, else `statusMessage` says why not, in base64 where the
answer is XML. Invoices and titles are not served: neither the entity of titles nor the document of an invoice is known.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, NoReturn

from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.vendors.limits import CallLimit, Limits
from sync_pipelines.erp.vendors.oauth import ExpiredTokenError
from sync_pipelines.erp.vendors.sankhya_login import REFUSED, SankhyaLogin
from sync_pipelines.erp.vendors.sankhya_records import RecordList, Row
from sync_pipelines.erp.vendors.session import Opening, SessionVendor, VendorSpec
from sync_pipelines.erp.vendors.values import plain, quotable, text_of
from sync_pipelines.erp.vendors.vendor import (
    Category,
    Company,
    Invoice,
    InvoiceXml,
    KnownDetails,
    ListedBy,
    Page,
    Product,
    Side,
    Title,
)
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    TransientError,
    from_http_status,
)
from sync_pipelines.lib.http.json import JsonAnswer, JsonClient

NAME = "Sankhya"
#: No limit of the vendor's is established: this is ours, with one call of an entity at a time.
LIMITS = Limits("sankhya", calls=(CallLimit(120, 60),))
SERVICE = "CRUDServiceProvider.loadRecords"
PATH = f"gateway/v1/mge/service.sbr?serviceName={SERVICE}&outputType=json"
PRODUCTS = RecordList(
    f"{NAME} (Produto)", ("CODPROD", "DESCRPROD", "NCM", "REFERENCIA", "CODVOL", "USOPROD", "ATIVO")
)
COMPANIES = RecordList(f"{NAME} (Empresa)", ("CODEMP", "CGC", "RAZAOSOCIAL", "NOMEFANTASIA"))
#: The use of a product that is a service.
_SERVICE_USE = "S"
#: What the token endpoint says of credentials that it does not know (RFC 6749, section 5.2).
_REFUSALS = frozenset({"invalid_client", "unauthorized_client", "invalid_grant", "access_denied"})
#: What a message says of a session that has ended, and of a failure that passes.
_NO_SESSION = re.compile(
    r"nao autorizado\W*$|nao autenticad|(sessao|session|token)\b[^.]{0,20}(expir|invalid|encerrad)",
    re.MULTILINE,
)
_PASSING = re.compile(r"tente novamente|indisponivel|tempo (limite|esgotado)|timeout|timed out|conexao")
#: The error of an answer that is XML although JSON was asked for. It is not parsed: nothing of it is used but these.
_XML_STATUS = re.compile(rb"<serviceResponse\b[^>]{0,500}\bstatus=[\"'](\d{1,3})[\"']")
_XML_MESSAGE = re.compile(rb"<statusMessage>\s*(?:<!\[CDATA\[)?([^<\]]{0,4000})")
UNSERVED = {
    Module.INVOICES: (
        "As NF-e do Sankhya ainda não são sincronizadas: a forma de obter o XML de uma nota pela API não está"
        " confirmada. Envie os XML pelo aplicativo."
    ),
    Module.FINANCIALS: (
        "O financeiro do Sankhya ainda não é sincronizado: a consulta dos títulos pela API não está confirmada."
    ),
}


class Fault(NamedTuple):
    """Why an answer is none: its status, and the message in lower case without accents, decoded and as it came."""

    status: str
    message: str


def judge(answer: JsonAnswer) -> SyncError | None:
    """The error that an answer means, or None. It quotes nothing of a message, which may hold data."""
    body = answer.body if isinstance(answer.body, Mapping) else {}
    if text_of(body, "error") in _REFUSALS:
        return RefusedError(REFUSED, 401)
    if answer.status == 401:
        return ExpiredTokenError(f"{NAME} does not accept the access token (401).")
    if answer.status != 200:
        return from_http_status(
            answer.status, what=NAME, retry_after=answer.retry_after, setting="SANKHYA_URL"
        )
    if text_of(body, "access_token") is not None:
        return None
    fault = fault_of(answer)
    if fault is None:
        return TransientError(
            f"{NAME} answered with something that is no answer of it, or with a part of it."
        )
    if fault.status == "1":
        return None if body else TransientError(f"{NAME} answered in XML, not in JSON.")
    if _NO_SESSION.search(fault.message):
        return ExpiredTokenError(f"{NAME} does not know the access token (status {quotable(fault.status)}).")
    if _PASSING.search(fault.message):
        return TransientError(f"{NAME} did not manage to answer (status {quotable(fault.status)}).")
    return PermanentError(
        f"{NAME} does not accept the call (status {quotable(fault.status)}). The integration may lack the right to"
        " read this, or the installation a field: ask who administers it."
    )


def fault_of(answer: JsonAnswer) -> Fault | None:
    """The status of an answer with what it says of it; None of what has no status."""
    if isinstance(answer.body, Mapping):
        status = text_of(answer.body, "status")
        message = text_of(answer.body, "statusMessage") or ""
    else:
        found = _XML_STATUS.search(answer.content[:2000])
        status = found[1].decode() if found else None
        said = _XML_MESSAGE.search(answer.content)
        message = said[1].decode("utf-8", "replace").strip() if said else ""
    return Fault(status, plain(f"{_decoded(message)}\n{message}").strip()) if status else None


def _decoded(message: str) -> str:
    """What a message in base64 says; empty for one that is not."""
    try:
        return b64decode("".join(message.splitlines()), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


@dataclass
class SankhyaVendor(SessionVendor):
    """One installation of Sankhya."""

    http: SankhyaLogin
    name: str = NAME
    lists_product_changes: bool = False
    titles_by: ListedBy = ListedBy.DUE

    @classmethod
    def open(cls, opening: Opening) -> SankhyaVendor:
        """The installation of a connection."""
        session = opening.session(account=opening.credentials.text("token") or "")
        return cls(session, SankhyaLogin(session, opening.credentials))

    def company(self) -> Page[Company]:
        """The head office; an installation of several companies has an item for each."""
        pages = list(COMPANIES.pages(lambda number: self._load("Empresa", COMPANIES, number)))
        rows = [row for page in pages for row in page.items]
        return Page(b"\n".join(page.raw for page in pages), [_company(row) for row in head_offices(rows)])

    def products(
        self, since: datetime | None = None, known: KnownDetails | None = None
    ) -> Iterator[Page[Product]]:
        """The whole catalogue, services and inactive products included. Prices are in tables of their own."""
        for page in PRODUCTS.pages(lambda number: self._load("Produto", PRODUCTS, number)):
            yield Page(page.raw, [_product(row) for row in page.items])

    def invoices(self, first: date, last: date) -> Iterator[Page[Invoice]]:
        _unserved(Module.INVOICES)

    def invoice_xml(self, invoice: Invoice) -> InvoiceXml:
        _unserved(Module.INVOICES)

    def categories(self) -> Iterator[Page[Category]]:
        _unserved(Module.FINANCIALS)

    def titles(self, first: date, last: date) -> Iterator[Page[Title]]:
        _unserved(Module.FINANCIALS)

    def title(self, side: Side, vendor_id: str) -> Title | None:
        _unserved(Module.FINANCIALS)

    def _load(self, entity: str, records: RecordList, number: int) -> JsonAnswer:
        data_set = {
            "rootEntity": entity,
            "includePresentationFields": "N",
            "offsetPage": str(number),
            "entity": [{"path": "", "fieldset": {"list": ",".join(records.fields)}}],
        }
        body = {"serviceName": SERVICE, "requestBody": {"dataSet": data_set}}
        url = f"{self.session.base_url}/{PATH}"

        def send(http: JsonClient, headers: Mapping[str, str]) -> JsonAnswer:
            return http.post_json(url, body, headers=headers)

        return self.http.call(entity, PATH, f"{entity} {number}", send=send)


def _unserved(module: Module) -> NoReturn:
    raise PermanentError(UNSERVED[module])


def head_offices(rows: list[Row]) -> list[Row]:
    """A row for each company: of its branches the head office (0001), else the first. What has no CNPJ is none.

    Where no row has one, such as in an installation that was just set up, there is nothing to choose by.
    """
    companies: dict[str, Row] = {}
    for row in rows:
        cnpj = re.sub(r"[^0-9A-Z]", "", (row["CGC"] or "").upper())
        if len(cnpj) == 14 and (cnpj[8:12] == "0001" or cnpj[:8] not in companies):
            companies[cnpj[:8]] = row
    return list(companies.values()) or rows[:1]


def _company(row: Row) -> Company:
    return Company(cnpj=row["CGC"], legal_name=row["RAZAOSOCIAL"], trade_name=row["NOMEFANTASIA"])


def _product(row: Row) -> Product:
    return Product(
        vendor_id=row["CODPROD"] or "",
        name=row["DESCRPROD"] or "",
        code=row["CODPROD"],
        ncm=row["NCM"],
        unit=row["CODVOL"],
        ean=_ean(row["REFERENCIA"]),
        is_active=row["ATIVO"] != "N",
        is_service=row["USOPROD"] == _SERVICE_USE,
    )


def _ean(reference: str | None) -> str | None:
    """Companies keep the bar code in the reference, or a code of their own: only a GTIN is one."""
    return reference if reference and re.fullmatch(r"\d{8}|\d{12,14}", reference) else None


SPEC = VendorSpec(
    erp_type="sankhya",
    name=NAME,
    url_setting="sankhya_url",
    version_path="",
    limits=LIMITS,
    judge=judge,
    open=SankhyaVendor.open,
    unserved=UNSERVED,
)
