"""What Bling answers when it does not serve a call (contract of the ERPs, section 5), and the faults by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from sync_pipelines.sandbox.erp.faults import answers_of

#: The calls by the name under which they are counted and fail: two lists of invoices, one invoice, and so on.
METHODS: Final = (
    "invoices",
    "consumer_invoices",
    "invoice",
    "products",
    "product",
    "company",
    "receivables",
    "receivable",
    "payables",
    "payable",
    "categories",
    "token",
    "xml",
)


class Error(JSONResponse):
    """An error in the vendor's envelope."""

    def __init__(self, status: int, kind: str, description: str, **more: Any) -> None:
        described = {"type": kind, "message": kind, "description": description, **more}
        super().__init__({"error": described}, status)
        self.kind = kind


def error(status: int, kind: str, description: str, **more: Any) -> Error:
    """An error of the vendor's own; `more` are fields of the envelope that only some errors have."""
    return Error(status, kind, description, **more)


def kind_of(answer: Response) -> str | None:
    """The type of an error; None of any other answer."""
    return answer.kind if isinstance(answer, Error) else None


def invalid(element: str, message: str) -> Error:
    """A parameter that cannot be used."""
    fields = [{"code": 2, "msg": message, "element": element, "namespace": "NOTASFISCAIS"}]
    return error(400, "VALIDATION_ERROR", "Não foi possível processar a requisição.", fields=fields)


def invalid_token() -> Error:
    """The access token has expired, or was never one."""
    return error(401, "invalid_token", "The access token provided has expired")


def insufficient_scope() -> Error:
    """The token does not allow this resource."""
    text = "The request requires higher privileges than provided by the access token"
    return error(403, "insufficient_scope", text)


def not_found(what: str) -> Error:
    """The resource is not there."""
    return error(404, "RESOURCE_NOT_FOUND", f"{what} não foi encontrado(a).")


def too_many(limit: int, period: str) -> Error:
    """Too many calls of one account in a second or a day."""
    text = f"O limite de requisições por {'segundo' if period == 'second' else 'dia'} foi atingido."
    return error(429, "TOO_MANY_REQUESTS", text, limit=limit, period=period)


def blocked(seconds: float, status: int) -> Error:
    """The address is blocked."""
    minutes = ceil(seconds / 60)
    return error(status, "TOO_MANY_REQUESTS", f"O IP foi bloqueado. Tente novamente em {minutes} minutos.")


def invalid_grant(description: str = "Invalid refresh token") -> Error:
    """The refresh token or code is not valid (any more)."""
    return error(400, "invalid_grant", description)


def invalid_client() -> Error:
    """Client id and secret are not valid."""
    return error(401, "invalid_client", "The client credentials are invalid")


def server_error() -> Error:
    """The service failed."""
    return error(500, "SERVER_ERROR", "Ocorreu um erro inesperado.")


_OWN: Final[Mapping[str, Callable[[], Response]]] = {
    "server_error": server_error,
    "too_many_second": lambda: too_many(3, "second"),
    "too_many_day": lambda: too_many(120_000, "day"),
    "blocked": lambda: blocked(600, 429),
    "invalid_token": invalid_token,
    "insufficient_scope": insufficient_scope,
    "validation": lambda: invalid("situacao", "O valor informado é inválido"),
    "missing_field": lambda: error(
        400, "MISSING_REQUIRED_FIELD_ERROR", "Um campo obrigatório não foi informado."
    ),
    "invalid_grant": invalid_grant,
    "invalid_client": invalid_client,
    "without_data": lambda: JSONResponse({}),
    "data_null": lambda: JSONResponse({"data": None}),
    "redirect": lambda: Response(status_code=302, headers={"Location": "https://files.example.net/nfe.xml"}),
    "huge": lambda: Response(b"<!-- -->" * 1_500_000, media_type="text/xml"),
}
ANSWERS: Final = answers_of(METHODS, _OWN)

_OF_LISTS: Final[Mapping[str, str]] = {
    "lost": "the page has no rows",
    "repeats": "the page is the one before",
    "short": "the last row of the page is missing",
    "ids_as_text": "ids are texts",
}
_OF_TITLES: Final[Mapping[str, str]] = {
    "bad_amount": "valor of the first row is the text 1.234,56",
    "bad_date": "vencimento of the first row reads 0000-00-00",
    "with_cancelled": "cancelled titles are listed without being asked for",
}
#: Where the link to the XML of an invoice leads; `{port}` is a port of this machine that is not the fake's.
LINKS: Final[Mapping[str, str]] = {
    "link_foreign": "https://files.example.net/nfe.xml",
    "link_plain": "http://files.example.net/nfe.xml",
    "link_other_port": "http://127.0.0.1:{port}/nfe.xml",
    "link_user": "{origin_with_user}/relatorios/nfe.xml.php?chaveAcesso={key}",
    "link_metadata": "http://169.254.169.254/latest/meta-data/",
    "link_file": "file:///etc/passwd",
    "link_nowhere": "",
    "link_relative": "/relatorios/nfe.xml.php?chaveAcesso={key}",
    "link_bad": "http://[",
}
BEHAVIOURS: Final[Mapping[str, str]] = {
    **{
        f"{method}_{name}": what
        for method in ("invoices", "consumer_invoices", "products", "receivables", "payables", "categories")
        for name, what in _OF_LISTS.items()
    },
    **{
        f"{method}_{name}": what
        for method in ("receivables", "payables")
        for name, what in _OF_TITLES.items()
    },
    "receivable_of_another": "the title is the one before",
    "payable_of_another": "the title is the one before",
    **{f"invoice_{name}": f"the link to the XML is {link!r}" for name, link in LINKS.items()},
    "invoices_empty_dates": "dataEmissao reads 0000-00-00 00:00:00",
    "invoice_empty_dates": "dataEmissao reads 0000-00-00 00:00:00",
    "invoice_of_another": "the invoice is the one before",
    "invoice_without_key": "there is no chaveAcesso",
    "product_of_another": "the product is the one before",
    "xml_packed": "the answer is gzip, as a server may pack it",
    "xml_bomb": "the answer is gzip and a thousand times as large as it seems",
    "xml_redirect_other_port": "the file has moved to a port of this machine that is not the fake's",
    "xml_redirect_loop": "the file has moved to where it is",
    "xml_page": "a page for people comes instead, with status 200",
    "xml_of_another": "the XML is another invoice's",
    "token_lost": "the tokens are changed, and the connection ends before the answer",
    "token_without_refresh": "there is no refresh_token in the answer",
}
