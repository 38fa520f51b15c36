"""The faults of the CRM, by the kind of call: `list_bad_gateway`, `detail_missing` (contract, sections 4 and 9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sync_pipelines.sandbox.client_connection import ClientConnection
from sync_pipelines.sandbox.faults import Dropped

TOO_MANY: Final = "Aguarde: too many requests"
UNKNOWN_CALLER: Final = "Token de API inválido"
KINDS: Final = ("list", "detail", "segments")


class Hanging(Response):
    """No answer, until the client hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = ClientConnection(scope, receive, send)
        await client.left_within(None)
        client.close()


#: After these the client has no status.
NO_ANSWER: Final = (Dropped, Hanging)


def throttled(usage: int = 100, limit: int = 100) -> Response:
    """Too many calls, in the CRM's own way: a 401 (contract, section 4)."""
    return JSONResponse({"msg": TOO_MANY, "usage": usage, "limite": limit}, 401)


def throttled_429(retry_after: int = 1) -> Response:
    """Too many calls, as another tenant's gateway says it."""
    return JSONResponse({"msg": TOO_MANY}, 429, {"Retry-After": str(retry_after)})


def bad_token() -> Response:
    """The other 401."""
    return JSONResponse({"msg": UNKNOWN_CALLER}, 401)


#: Replace any answer.
_ANSWERS: Final[Mapping[str, Callable[[], Response]]] = {
    "drop": Dropped,
    "hang": Hanging,
    "server_error": lambda: JSONResponse({"msg": "Erro interno"}, 500),
    "bad_gateway": lambda: Response(
        "<html><title>502 Bad Gateway</title></html>", 502, media_type="text/html"
    ),
    "unavailable": lambda: Response("Service Unavailable", 503, media_type="text/plain"),
    "bad_request": lambda: JSONResponse({"error": "Invalid request"}, 400),
    "throttled": throttled,
    "throttled_429": throttled_429,
    "bad_token": bad_token,
    "truncated": lambda: Response('{"data": {"total": 3, "leads": [{"id": 2', media_type="application/json"),
    "not_json": lambda: Response("<html>manutenção</html>", 200, media_type="text/html"),
    "empty": lambda: Response(b"", 200, media_type="application/json"),
    "without_data": lambda: JSONResponse({"msg": "Erro inesperado"}),
}
#: Replace the answer of one kind of call only.
_OWN: Final[Mapping[str, Callable[[], Response]]] = {
    "list_read_as_empty": lambda: JSONResponse({"data": {"total": 0, "leads": []}}),
    "list_without_leads": lambda: JSONResponse({"data": {"total": 90}}),
    "list_leads_null": lambda: JSONResponse({"data": {"total": 90, "leads": None}}),
    "detail_missing": lambda: JSONResponse({"msg": "Lead não encontrado"}, 404),
    "detail_without_lead": lambda: JSONResponse({"data": {}}),
    "detail_null": lambda: JSONResponse({"data": {"lead": None}}),
}
ANSWERS: Final[Mapping[str, Callable[[], Response]]] = {
    **{f"{kind}_{name}": answer for kind in KINDS for name, answer in _ANSWERS.items()},
    **_OWN,
}
#: Change what an answer holds.
BEHAVIOURS: Final[Mapping[str, str]] = {
    "list_total_too_high": "total is one more than there are leads",
    "list_total_too_low": "total is one less than there are leads",
    "list_total_doubled": "total is twice as many as there are leads",
    "list_total_of_page": "total is how many leads the page has",
    "list_total_as_text": "total is a text",
    "list_without_total": "there is no total",
    "list_short": "the last lead of the page is missing",
    "list_numbers_refused": "a page of numbers alone is a bad request",
    "list_unknown_as_empty": "the list of a segment that is not there is empty",
    "list_repeats": "the page is the one before",
    "detail_of_another": "the detail is the next lead's",
}
#: The answers that concern a kind of call, in the order in which they are asked.
OF_KIND: Final = {kind: [name for name in ANSWERS if name.startswith(f"{kind}_")] for kind in KINDS}
