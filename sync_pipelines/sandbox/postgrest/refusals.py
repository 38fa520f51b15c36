"""Refusals as PostgREST words them, and the HTTP status of each SQLSTATE (wire contract, section 3)."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from starlette.responses import Response

JSON = "application/json; charset=utf-8"
#: The SQLSTATEs of each status, whole or by the class that begins them; any other is 400.
_SQLSTATES = {
    400: "P0001",
    403: "42501 0L 0P 28",
    404: "42883 42P01",
    405: "25006",
    409: "23503 23505",
    500: "42P17 53400 09 25 2D 38 39 3B 40 54 55 57 58 F0 HV P0 XX",
    503: "57P01 08 53",
}
_STATUSES = {code: status for status, codes in _SQLSTATES.items() for code in codes.split()}
_ONCE = {"53400": 503, "54": 413}
#: Earlier versions called a second row of one key in a batch the client's error, and had other statuses for two codes.
CARDINALITY_IS_OURS = 13


class RefusalError(Exception):
    """An answer that is not a success. `code` is None if it comes from the gateway, which has no codes."""

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        *,
        details: Any = None,
        hint: str | None = None,
        headers: dict[str, str] | None = None,
        is_bare: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.details, self.hint = details, hint
        self.is_bare = is_bare
        self.headers = headers or {}

    def response(self, version: int) -> Response:
        """The answer, as a server of this version gives it."""
        if self.is_bare:
            return Response("{}", self.status, media_type=JSON)
        if self.code is None:
            body: dict[str, Any] = {"message": self.message, "hint": self.hint}
            return Response(json.dumps(body), self.status, media_type="application/json; charset=utf-8")
        body = {"code": self.code, "details": self.details, "hint": self.hint, "message": self.message}
        headers = dict(self.headers)
        if version >= 13:  # new in 14; the fake treats 13 and 14 alike
            headers["Proxy-Status"] = f"PostgREST; error={self.code}"
        return Response(json.dumps(body, ensure_ascii=False), self.status, headers, media_type=JSON)


def of_database(error: psycopg.Error, *, version: int = 16, anonymous: bool = False) -> RefusalError:
    """The refusal that an error of the database becomes; one without SQLSTATE is a lost connection."""
    code = error.sqlstate
    if code is None and not isinstance(error, psycopg.OperationalError):
        # The driver refuses a NUL in a text before it reaches the database.
        return RefusalError(400, "22021", "invalid byte sequence for encoding")
    if code is None:
        return RefusalError(503, "PGRST001", "Database client error. Retrying the connection.")
    diagnosis = error.diag
    message = diagnosis.message_primary or "the statement failed"
    headers = {}
    if code == "21000":
        ours = version >= CARDINALITY_IS_OURS and not message.endswith("requires a WHERE clause")
        status = 500 if ours else 400
    elif code.startswith("PT") and code[2:].isdigit():
        status = int(code[2:])
    else:
        known = _STATUSES | (_ONCE if version < CARDINALITY_IS_OURS else {})
        status = known.get(code) or known.get(code[:2]) or 400
    if status == 503:
        headers = {"Retry-After": "0"}
    if code == "42501" and anonymous:
        status, headers = 401, {"WWW-Authenticate": "Bearer"}
    return RefusalError(
        status,
        code,
        message,
        details=diagnosis.message_detail,
        hint=diagnosis.message_hint,
        headers=headers,
    )
