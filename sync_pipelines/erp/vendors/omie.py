"""Omie (contract of the ERPs, section 4): every call is a POST of `{call, app_key, app_secret, param}`.

Unknown parameters are ignored without a word, so what a filter should have left out is left out here as well. An error
is a text, `faultstring`, in an HTTP 500 or in a 200; "no records" is one too, and means an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sync_pipelines.erp.vendors.limits import CallLimit, ErrorLimit, Limits, Per
from sync_pipelines.erp.vendors.omie_rows import (
    category_id,
    category_of,
    company_of,
    invoice_id,
    invoice_of,
    product_of,
    title_id,
    title_of,
)
from sync_pipelines.erp.vendors.paging import Counted, NumberedList, Row
from sync_pipelines.erp.vendors.session import BlockedError, Opening, SessionVendor, VendorSpec
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
from sync_pipelines.erp.vendors.xml_text import xml_bytes
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
    from_http_status,
)
from sync_pipelines.lib.http.json import JsonAnswer

NAME = "Omie"
CREDENTIALS = ("app_key", "app_secret")
LIMITS = Limits(
    "omie",
    calls=(
        CallLimit(960, 60, Per.ADDRESS),
        # No limit of the vendor's: it is there to be blocked when the vendor blocks an account.
        CallLimit(960, 60, Per.ACCOUNT),
        CallLimit(240, 60, Per.METHOD),
        CallLimit(1, 60, Per.REQUEST),
    ),
    errors=ErrorLimit(10, 1800),
    in_flight={"ObterNfe": 4},
)
#: Its help centre says up to 500 rows a page; some lists are capped at 100 without a word.
PAGE_SIZE = 100
PATHS = {
    "ListarNF": "produtos/nfconsultar/",
    "ObterNfe": "produtos/dfedocs/",
    "ListarProdutos": "geral/produtos/",
    "ListarEmpresas": "geral/empresas/",
    "ListarContasReceber": "financas/contareceber/",
    "ListarContasPagar": "financas/contapagar/",
    "ListarCategorias": "geral/categorias/",
}
#: The list of each side: its call, and the field that holds its rows.
_TITLES = {
    Side.RECEIVABLE: ("ListarContasReceber", "conta_receber_cadastro"),
    Side.PAYABLE: ("ListarContasPagar", "conta_pagar_cadastro"),
}
#: What tells two rows of a list apart.
_IDENTITIES: Mapping[str, Callable[[Row], object]] = {
    "ListarNF": invoice_id,
    "ListarProdutos": lambda row: text_of(row, "codigo_produto"),
    "ListarEmpresas": lambda row: text_of(row, "codigo_empresa"),
    "ListarContasReceber": title_id,
    "ListarContasPagar": title_id,
    "ListarCategorias": category_id,
}
_COUNTED = Counted("pagina", "total_de_paginas", rows="registros", total="total_de_registros")
#: Seconds after a block that does not say how long, and after a call that met another one of its method.
_BLOCKED, _CONCURRENT = 1800.0, 5.0
#: An invoice has a "chave de acesso" too.
_CREDENTIALS_FAULT = re.compile(
    r"chave de acesso (nao esta preenchida|nao e valida|invalida)|app_(key|secret)"
)
#: That there is no such invoice: it was taken out since it was listed, or came without a document.
_NOT_FOUND = re.compile(r"nf-?e.* nao (cadastrad|encontrad|localizad|existe)")
_SECONDS = re.compile(r"(\d+) segundo")


def judge(answer: JsonAnswer) -> SyncError | None:
    """The error that an answer means, or None: also for "no records" and "no such invoice".

    It quotes nothing of a fault but its code.
    """
    fault, code = _fault(answer)
    said = _SECONDS.search(fault)
    seconds = float(said[1]) if said else None
    if answer.status == 425 or "MISUSE" in code or "consumo indevido" in fault:
        return BlockedError(f"{NAME} blocked the account for misuse.", retry_after=seconds or _BLOCKED)
    if has_no_records(answer) or _NOT_FOUND.search(fault):
        return None
    if _CREDENTIALS_FAULT.search(fault):
        return RefusedError(f"{NAME} refused the credentials. Renew app_key and app_secret.", 401)
    if "redundant" in fault:
        return TransientError(f"{NAME} calls the request redundant.", retry_after=seconds or 60.0)
    if "ja existe uma requisicao" in fault:
        return TransientError(f"{NAME} still works on another call of the method.", retry_after=_CONCURRENT)
    if answer.status == 429:
        wait = seconds or answer.retry_after
        return ThrottledError(f"{NAME} asks for fewer calls (429).", retry_after=wait)
    if "soap-error" in fault or answer.status == 418 or ":server" in code.casefold():
        return TransientError(f"{NAME} did not manage to answer ({answer.status}, {quotable(code)}).")
    if fault or code:
        return PermanentError(f"{NAME} does not accept the call ({answer.status}, {quotable(code)}).")
    if answer.status != 200:
        return from_http_status(answer.status, what=NAME, retry_after=answer.retry_after, setting="OMIE_URL")
    if not isinstance(answer.body, Mapping):
        return TransientError(
            f"{NAME} answered with something that is no JSON document, or with a part of it."
        )
    return None


def has_no_records(answer: JsonAnswer) -> bool:
    """Whether an answer says that the list is empty."""
    fault, code = _fault(answer)
    return code.endswith("-5113") or "nao existem registros" in fault


def is_error(answer: JsonAnswer) -> bool:
    """Whether the vendor counts an answer as an error; it counts "no records" too."""
    return answer.status >= 400 or any(_fault(answer))


def is_remembered(answer: JsonAnswer) -> bool:
    """Whether the application answered, or may still be working, so that the same request would be redundant."""
    return any(_fault(answer)) or answer.status in {200, 408, 504, 524}


@dataclass
class OmieVendor(SessionVendor):
    """One app of Omie."""

    credentials: Mapping[str, str] = field(repr=False)
    name: str = NAME
    lists_product_changes: bool = False
    titles_by: ListedBy = ListedBy.ISSUE

    @classmethod
    def open(cls, opening: Opening) -> OmieVendor:
        """The app of a connection."""
        credentials = {name: opening.credentials.text(name) or "" for name in CREDENTIALS}
        return cls(opening.session(account=credentials["app_key"]), credentials)

    def company(self) -> Page[Company]:
        """The company of the app; the first that is active where it lists several."""
        pages = list(self._pages("ListarEmpresas", "empresas_cadastro", {}))
        rows = [row for page in pages for row in page.items]
        active = [row for row in rows if text_of(row, "inativa") != "S"]
        return Page(pages[0].raw, [company_of(row) for row in (active or rows)[:1]])

    def products(
        self, since: datetime | None = None, known: KnownDetails | None = None
    ) -> Iterator[Page[Product]]:
        """The whole catalogue. By default the list has only what the vendor's point of sale sells."""
        filters = {"apenas_importado_api": "N", "filtrar_apenas_omiepdv": "N"}
        for page in self._pages("ListarProdutos", "produto_servico_cadastro", filters):
            yield Page(page.raw, [product_of(row) for row in page.items])

    def invoices(self, first: date, last: date) -> Iterator[Page[Invoice]]:
        """Sales and purchases of the days, in every state."""
        filters = {"dEmiInicial": f"{first:%d/%m/%Y}", "dEmiFinal": f"{last:%d/%m/%Y}", "tpAmb": "1"}
        for page in self._pages("ListarNF", "nfCadastro", filters):
            listed = (invoice_of(row) for row in page.items)
            yield Page(page.raw, [one for one in listed if first <= one.issued_on <= last])

    def invoice_xml(self, invoice: Invoice) -> InvoiceXml:
        """The document; None where the vendor says that it has none (`cCodStatus`)."""
        if not invoice.vendor_id.isdigit():
            return InvoiceXml(invoice.key, None)
        answer = self._call("ObterNfe", {"nIdNfe": int(invoice.vendor_id)})
        body = answer.body if isinstance(answer.body, Mapping) else {}
        key = (text_of(body, "nChaveNfe") or invoice.key or "").upper() or None
        has_document = text_of(body, "cCodStatus") == "0"
        return InvoiceXml(key, xml_bytes(text_of(body, "cXmlNfe") or "") if has_document else None)

    def categories(self) -> Iterator[Page[Category]]:
        """The chart of categories, each with its line of the vendor's own income statement."""
        for page in self._pages("ListarCategorias", "categoria_cadastro", {}):
            yield Page(page.raw, [category_of(row) for row in page.items])

    def titles(self, first: date, last: date) -> Iterator[Page[Title]]:
        """Receivables, then payables, by their date of issue: neither list can be asked for by due date."""
        filters = {
            "filtrar_por_emissao_de": f"{first:%d/%m/%Y}",
            "filtrar_por_emissao_ate": f"{last:%d/%m/%Y}",
            "exibir_obs": "S",
        }
        for side, (method, rows) in _TITLES.items():
            for page in self._pages(method, rows, filters):
                listed = (title_of(row, side) for row in page.items)
                asked = [one for one in listed if one.listed_on is None or first <= one.listed_on <= last]
                yield Page(page.raw, asked)

    def title(self, side: Side, vendor_id: str) -> Title | None:
        """None: the list says all that the vendor's contract has of a title."""
        return None

    def _call(self, method: str, parameters: Mapping[str, object]) -> JsonAnswer:
        body = {"call": method, **self.credentials, "param": [parameters]}
        return self.session.post(method, PATHS[method], body, request=parameters)

    def _pages(self, method: str, rows: str, filters: Mapping[str, str]) -> Iterator[Page[Row]]:
        def ask(number: int) -> tuple[bytes, object]:
            answer = self._call(method, {"pagina": number, "registros_por_pagina": PAGE_SIZE, **filters})
            return answer.content, None if has_no_records(answer) else answer.body

        return NumberedList(f"{NAME} ({method})", rows, _COUNTED, identity=_IDENTITIES[method]).pages(ask)


def _fault(answer: JsonAnswer) -> tuple[str, str]:
    """The text of a fault, in lower case without accents, and its code; both empty where it is none."""
    body = answer.body if isinstance(answer.body, Mapping) else {}
    return plain(body.get("faultstring") or ""), str(body.get("faultcode") or "")


SPEC = VendorSpec(
    erp_type="omie",
    name=NAME,
    url_setting="omie_url",
    version_path="/api/v1",
    limits=LIMITS,
    judge=judge,
    is_error=is_error,
    is_remembered=is_remembered,
    open=OmieVendor.open,
)
