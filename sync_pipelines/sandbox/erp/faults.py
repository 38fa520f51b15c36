"""Answers in place of a fake ERP's own that any server could give, and what one of its calls is told apart by."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sync_pipelines.sandbox.client_connection import ClientConnection
from sync_pipelines.sandbox.faults import Dropped


class Hanging(Response):
    """No answer, until the client hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = ClientConnection(scope, receive, send)
        await client.left_within(None)
        client.close()


class Cut(Response):
    """An answer that announces more than it sends: the connection ends in the middle of the body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = ClientConnection(scope, receive, send)
        await client.start(200, {"content-type": "application/json", "content-length": "5000"})
        await client.body(b'{"pagina": 1, "data": [{"id": 7001, "numero": "0010', more=True)
        await client.hang_up(reset=False)
        client.close()


#: After these the client has no status.
NO_ANSWER: Final = (Dropped, Hanging, Cut)

#: Replace any answer, whichever vendor is faked.
COMMON: Final[Mapping[str, Callable[[], Response]]] = {
    "drop": Dropped,
    "hang": Hanging,
    "cut": Cut,
    "bad_gateway": lambda: Response(
        "<html><title>502 Bad Gateway</title></html>", 502, media_type="text/html"
    ),
    "unavailable": lambda: Response("Service Unavailable", 503, media_type="text/plain"),
    "gateway_timeout": lambda: Response("<html>504 Gateway Time-out</html>", 504, media_type="text/html"),
    "not_found": lambda: Response("<html>404 Not Found</html>", 404, media_type="text/html"),
    "truncated": lambda: Response('{"pagina": 1, "data": [{"id": 70', media_type="application/json"),
    "not_json": lambda: Response("<html>manutenção</html>", media_type="text/html"),
    "empty": lambda: Response(b"", media_type="application/json"),
    "null": lambda: Response(b"null", media_type="application/json"),
}


def answers_of(
    methods: Sequence[str], own: Mapping[str, Callable[[], Response]]
) -> dict[str, Callable[[], Response]]:
    """Each answer for each method, by a name such as `ListarNF_bad_gateway`."""
    return {f"{method}_{name}": answer for method in methods for name, answer in {**COMMON, **own}.items()}


def row(account: str | None, page: int | None) -> Hashable:
    """What a fault is narrowed to: an account, a page or number, one page of an account, or nothing."""
    return (account, page) if account is not None and page is not None else (account or page)


def rows(account: str | None, page: int) -> list[Hashable]:
    """By what a call can be hit."""
    return [account, page, (account, page)]
