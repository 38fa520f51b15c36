"""What Conta Azul answers when it does not serve a call (contract of the ERPs, section 6), and the faults by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from starlette.responses import JSONResponse, Response

from sync_pipelines.sandbox.erp.faults import answers_of

#: The calls by the name under which they are counted and fail.
METHODS: Final = (
    "company",
    "products",
    "product",
    "invoices",
    "xml",
    "receivables",
    "payables",
    "title",
    "categories",
    "token",
)
#: The lists among them.
LISTS: Final = ("products", "invoices", "receivables", "payables", "categories")


class Error(JSONResponse):
    """An error in the vendor's envelope, `{"error": …}`; `kind` is what the record of calls says of it."""

    def __init__(self, status: int, sentence: str, kind: str | None = None) -> None:
        super().__init__({"error": sentence}, status)
        self.kind = kind or f"error_{status}"


class Fault(JSONResponse):
    """An error of the gateway before the vendor's services."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__({"fault": {"faultstring": sentence, "detail": {"errorcode": code}}}, status)
        self.kind = code


def kind_of(answer: Response) -> str | None:
    """The kind of an error; None of any other answer."""
    return answer.kind if isinstance(answer, Error | Fault) else None


def invalid_token() -> Response:
    """The access token has expired, or was never one; the retired host answers so to everybody."""
    return Fault(401, "keymanagement.service.invalid_access_token", "Invalid Access Token")


def too_many() -> Response:
    """Too many calls of one account in a second or a minute."""
    return Fault(429, "policies.ratelimit.QuotaViolation", "Rate limit quota violation")


def forbidden() -> Response:
    """The application may not make this call."""
    return JSONResponse({"code": "FORBIDDEN", "message": "Acesso negado ao recurso"}, 403)


def no_invoice() -> Response:
    """There is no invoice of this key."""
    return Error(404, "Nenhuma nota fiscal encontrada com a chave informada")


def oauth_error(status: int, word: str, description: str) -> Response:
    """An error of the token endpoint."""
    body = {"error": word, "error_description": description}
    return JSONResponse(body, status)


_OWN: Final[Mapping[str, Callable[[], Response]]] = {
    "server_error": lambda: Error(500, "Erro interno"),
    "too_many": too_many,
    "invalid_token": invalid_token,
    "forbidden": forbidden,
    "validation": lambda: Error(400, "Parâmetro inválido"),
    "error_in_200": lambda: Error(200, "Erro interno"),
    "missing": no_invoice,
    "invalid_grant": lambda: oauth_error(400, "invalid_grant", "Invalid refresh token"),
    "invalid_client": lambda: oauth_error(400, "invalid_client", "Invalid client"),
    "huge": lambda: Response(b"<!-- -->" * 5_000_000, media_type="application/octet-stream"),
}
ANSWERS: Final = answers_of(METHODS, _OWN)

_OF_LISTS: Final[Mapping[str, str]] = {
    "lost": "the page has no rows",
    "repeats": "the page is the one before",
    "short": "the last row of the page is missing",
    "null_rows": "the rows are null where there are none",
    "odd": "a row has no id",
}
BEHAVIOURS: Final[Mapping[str, str]] = {
    **{f"{method}_{name}": what for method in LISTS for name, what in _OF_LISTS.items()},
    **{f"{method}_bad_amount": "the first amount is 1.234,56" for method in ("receivables", "payables")},
    **{f"{method}_bad_date": "the first due date is 0000-00-00" for method in ("receivables", "payables")},
    "invoices_endless": "the list counts 900,000 notes, of which most pages show none",
    "product_of_another": "the product is the one before",
    "xml_of_another": "the document is another invoice's",
    "xml_bomb": "the ZIP unpacks to a thousand times its size",
    "xml_garbled": "the ZIP is cut",
    "xml_bare": "the XML comes without a ZIP, whatever belongs to the invoice",
    "token_lost": "the tokens are changed, and the connection ends before the answer",
}
