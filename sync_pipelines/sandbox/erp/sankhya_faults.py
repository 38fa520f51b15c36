"""What Sankhya answers when it does not serve a call (contract of the ERPs, section 8), and the faults by name."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Final

from starlette.responses import JSONResponse, Response

from sync_pipelines.sandbox.erp.faults import answers_of

SERVICE: Final = "CRUDServiceProvider.loadRecords"
#: The calls by the name under which they are counted and fail: the login, and the entities.
METHODS: Final = ("token", "Produto", "Empresa")


class Refusal(JSONResponse):
    """An error with HTTP 200, as the vendor's services give it; `kind` is its status."""

    def __init__(self, status: str, message: str) -> None:
        said = {
            "serviceName": SERVICE,
            "status": status,
            "pendingPrinting": "false",
            "statusMessage": message,
        }
        super().__init__(said)
        self.kind = status


def refusal(message: str, status: str = "0") -> Refusal:
    """An error of the service's own."""
    return Refusal(status, message)


def xml_refusal(message: str) -> Response:
    """The same as XML, whatever was asked for: its message is in base64."""
    text = b64encode(message.encode()).decode()
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?><serviceResponse serviceName="{SERVICE}" status="0">'
        f"<statusMessage><![CDATA[{text}]]></statusMessage></serviceResponse>"
    )
    return Response(document, media_type="text/xml")


def unauthorized() -> Response:
    """The gateway does not know the token (any more)."""
    return JSONResponse(
        {"error": {"codigo": "GTW2003", "descricao": "Bearer token inválido ou expirado"}}, 401
    )


def invalid_client() -> Response:
    """The login does not know the client."""
    return JSONResponse({"error": "invalid_client", "error_description": "Invalid client credentials"}, 401)


_OWN: Final[Mapping[str, Callable[[], Response]]] = {
    "server_error": lambda: JSONResponse({"message": "Internal Server Error"}, 500),
    "too_many": lambda: JSONResponse({"message": "Too Many Requests"}, 429),
    "unauthorized": unauthorized,
    "invalid_client": invalid_client,
    "not_authorised": lambda: refusal("Não autorizado.", "3"),
    "status_0": lambda: refusal("Campo não encontrado: PRODUTO.XYZ"),
    "status_0_passing": lambda: refusal("Serviço indisponível, tente novamente."),
    "xml_status_0": lambda: xml_refusal("ORA-00904: identificador inválido"),
    "xml_not_authorised": lambda: xml_refusal("Sessão expirada."),
}
ANSWERS: Final = answers_of(METHODS, _OWN)
BEHAVIOURS: Final[Mapping[str, str]] = {
    f"{method}_{name}": what
    for method in ("Produto", "Empresa")
    for name, what in {
        "lost": "the page has no rows, and there are more",
        "short": "the last row of the page is missing",
        "repeats": "the page is the one before",
        "without_more": "there is no hasMoreResult",
        "without_metadata": "nobody says which column is which",
    }.items()
}


def kind_of(answer: Response) -> str | None:
    """The status of an error with HTTP 200; None of any other answer."""
    return answer.kind if isinstance(answer, Refusal) else None
