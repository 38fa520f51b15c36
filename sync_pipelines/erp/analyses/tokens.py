"""Who calls an Edge Function: the service, or a user in whose name a short-lived token is signed.

Each function of the application checks its caller by itself (contract of the ERPs, section 3): `analyze-credits` takes
the service key with a `user_id`, the others take a user only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from sync_pipelines.lib.redaction import register

#: How long a token of ours is good for.
LIFETIME = timedelta(minutes=5)


class Caller(StrEnum):
    """As whom a function may be called."""

    SERVICE = "service"
    USER = "user"


#: As whom a function is called: the first that there is a secret for.
CALLERS: Mapping[str, Sequence[Caller]] = {
    "analyze-credits": (Caller.SERVICE, Caller.USER),
    "calculate-rtc": (Caller.USER,),
    "analyze-ncm-from-xmls": (Caller.USER,),
    "calculate-tax-score": (Caller.USER,),
    "match-opportunities": (Caller.USER,),
    "process-dre": (Caller.USER,),
}


class TokenStrategy(Protocol):
    """How a bearer token comes about; `setting` is what a person renews when it is refused."""

    @property
    def setting(self) -> str: ...

    def token(self, user_id: UUID) -> str:
        """The token for a call about a user."""


@dataclass(frozen=True)
class ServiceKey:
    """The project's service key, the same for every user."""

    key: str = field(repr=False)
    setting: str = "ERP_FUNCTIONS_KEY"

    def token(self, user_id: UUID) -> str:
        return self.key


@dataclass(frozen=True)
class UserToken:
    """A token of the user, signed with the project's secret as its own sign-in does (HS256)."""

    secret: str = field(repr=False)
    clock: Callable[[], datetime]
    setting: str = "ERP_FUNCTIONS_JWT_SECRET"

    def token(self, user_id: UUID) -> str:
        import jwt

        now = self.clock()
        claims = {
            "sub": str(user_id),
            "role": "authenticated",
            "aud": "authenticated",
            "iat": now,
            "exp": now + LIFETIME,
        }
        token = jwt.encode(claims, self.secret, algorithm="HS256")
        register(token)
        return token
