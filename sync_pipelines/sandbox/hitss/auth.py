"""Authentication of the fake export: none (the default), HTTP Basic, or token and cookie of a login."""

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
class Authentication:
    """How downloads are authenticated. A session is a token with its cookie; both must be sent."""

    mode: Mode = "none"
    logins: int = 0
    sessions: dict[str, str] = field(default_factory=dict)

    def is_authenticated(self, request: Request) -> bool:
        """Whether a download is allowed."""
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
        """A token in the body and a cookie, or 401."""
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
        """End every session."""
        self.sessions.clear()


def token_expired(auth: Authentication) -> None:
    """Every token has expired by the time of the download."""
    auth.expire()


def login_page() -> Response:
    """The login answers 200 with a page, as a gateway does for an address that it does not know."""
    return HTMLResponse("<!DOCTYPE html><html><title>Login</title><body></body></html>")


def login_status(code: int = 503) -> Response:
    """The login answers with any status."""
    return JSONResponse({"message": "sandbox fault"}, code)
