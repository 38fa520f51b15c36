"""Who calls an Edge Function: the gateway checks no token, each function does (contract of the ERPs, section 3)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import jwt

#: What Supabase signs users' tokens with by default.
_ALGORITHM = "HS256"


@dataclass(frozen=True)
class Caller:
    """The service, whose key says nothing about a user, or a user with a token."""

    kind: Literal["service", "user"]
    user_id: UUID | None = None


@dataclass(frozen=True)
class Callers:
    """Reads the header of a request. `clock` gives seconds since 1970, by which tokens expire."""

    service_key: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    clock: Callable[[], float]

    def of(self, authorization: str | None) -> Caller | None:
        """Who bears the header's token; None for nobody that the project knows."""
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() != "bearer" or not token:
            return None
        if secrets.compare_digest(token.encode(), self.service_key.encode()):
            return Caller("service")
        user_id = self._user(token)
        return Caller("user", user_id) if user_id else None

    def token(self, user_id: UUID, seconds: float = 3600.0, **claims: Any) -> str:
        """A token of a user, as the project's login makes it."""
        now = int(self.clock())
        usual = {"sub": str(user_id), "aud": "authenticated", "role": "authenticated", "iat": now}
        return jwt.encode({**usual, "exp": now + int(seconds), **claims}, self.jwt_secret, _ALGORITHM)

    def _user(self, token: str) -> UUID | None:
        try:
            claims = jwt.decode(
                token,
                self.jwt_secret,
                [_ALGORITHM],
                audience="authenticated",
                # Times are compared below, by the clock that was given.
                options={"require": ["exp", "sub", "aud"], "verify_exp": False, "verify_iat": False},
            )
            is_valid = float(claims["exp"]) > self.clock() and claims.get("role") == "authenticated"
            return UUID(str(claims["sub"])) if is_valid else None
        except (jwt.InvalidTokenError, ValueError, TypeError):
            return None
