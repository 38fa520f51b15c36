"""Who is let in to the fake export: everybody (the default), by HTTP Basic, or by a login's token and cookie."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

LOGIN_PATH: Final = "/api/auth/login"
COOKIE: Final = "hitss_session"
USERNAME: Final = "robo.ficticio"
PASSWORD: Final = "senha:fictícia 77"  # noqa: S105, synthetic; a colon, an accent and a space are its traps

Mode = Literal["none", "basic", "login"]


@dataclass
class Door:
    """The way in. Sessions are token and cookie, which belong together."""

    mode: Mode = "none"
    logins: int = 0
    sessions: dict[str, str] = field(default_factory=dict)

    def lets_in(self, request: Request) -> bool:
        """Whether a download may go on."""
        given = request.headers.get("authorization", "")
        match self.mode:
            case "none":
                return True
            case "basic":
                return given == f"Basic {b64encode(f'{USERNAME}:{PASSWORD}'.encode()).decode()}"
            case "login":
                cookie = self.sessions.get(given.removeprefix("Bearer "))
                return cookie is not None and request.cookies.get(COOKIE) == cookie

    async def log_in(self, request: Request) -> Response:
        """A token in the body and a cookie beside it, or 401."""
        try:
            given = await request.json()
        except ValueError:
            return JSONResponse({"message": "malformed body"}, 400)
        if given != {"username": USERNAME, "password": PASSWORD}:
            return JSONResponse({"message": "invalid credentials"}, 401)
        token, cookie = token_hex(24), token_hex(24)
        self.sessions[token] = cookie
        answer = JSONResponse({"token": token})
        answer.set_cookie(COOKIE, cookie, httponly=True)
        return answer

    def expire(self) -> None:
        """Every session ends."""
        self.sessions.clear()


def token_expired(door: Door) -> None:
    """Every token has expired by the time of the download."""
    door.expire()


def login_page() -> Response:
    """The login answers 200 with a page, as a gateway does for an address that it does not know."""
    return HTMLResponse("<!DOCTYPE html><html><title>Login</title><body></body></html>")


def login_status(code: int = 503) -> Response:
    """The login answers with any status."""
    return JSONResponse({"message": "sandbox fault"}, code)
