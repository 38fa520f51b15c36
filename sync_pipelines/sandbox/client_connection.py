"""The connection of one request: it waits while it watches the client, and hangs up."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol


class CuttableProtocol(H11Protocol):
    """uvicorn's protocol that puts the transport into the application's scope, because ASGI itself cannot hang up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wrap the application for this connection."""
        super().connection_made(transport)
        inner = cast(ASGIApp, self.app)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["sandbox.transport"] = transport
            await inner(scope, receive, send)

        self.app = app


class ClientConnection:
    """The client's connection, to which an answer is written."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The three callables of ASGI; the scope holds the transport when CuttableProtocol serves."""
        self._scope = scope
        self._send: Callable[[Message], Awaitable[None]] = send
        self._gone = asyncio.ensure_future(self._disconnected(receive))

    async def left_within(self, seconds: float | None) -> bool:
        """Wait that long (for ever with None); True as soon as the client hangs up."""
        done, _ = await asyncio.wait({self._gone}, timeout=seconds)
        return bool(done)

    async def start(self, status: int, headers: dict[str, str]) -> None:
        """The status line and headers."""
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def body(self, data: bytes, *, more: bool = False) -> None:
        """A part of the body, the last one unless `more`."""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def answer(
        self, status: int, content_type: str, data: bytes, headers: dict[str, str] | None = None
    ) -> None:
        """A whole answer."""
        length = {"content-type": content_type, "content-length": str(len(data))}
        await self.start(status, {**length, **(headers or {})})
        await self.body(data)

    async def hang_up(self, *, reset: bool) -> None:
        """Close the connection: after what was written, or with `reset` at once, by an RST."""
        transport: asyncio.Transport = self._scope["sandbox.transport"]
        if reset:
            # Lingering for zero seconds makes the kernel send RST instead of FIN.
            line: socket.socket = transport.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
        await self.left_within(None)

    def close(self) -> None:
        """Stop watching the client."""
        self._gone.cancel()

    @staticmethod
    async def _disconnected(receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
