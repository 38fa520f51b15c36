"""The tokens of a project: HS256, a role in each, half a minute of skew (wire contract, section 3)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from sync_pipelines.sandbox.postgrest.refusals import RefusalError

ANONYMOUS = "anon"
#: The roles that a project's authenticator may become.
ROLES = (ANONYMOUS, "authenticated", "service_role")
SKEW_SECONDS = 30
#: From here on a token that is whole but not valid has a code of its own.
CLAIMS_HAVE_A_CODE = 13


@dataclass(frozen=True)
class Tokens:
    """Makes and reads the tokens of one secret."""

    secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    version: int = 16

    def make(self, role: str, **claims: Any) -> str:
        """A token of a role; without `exp` it does not expire."""
        return jwt.encode({"role": role, **claims}, self.secret, "HS256")

    def claims(self, authorization: str | None) -> Mapping[str, Any]:
        """What the header's token says, `{"role": "anon"}` without one; RefusalError for a bad one."""
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() != "bearer" or not token:
            return {"role": ANONYMOUS}
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.secret,
                ["HS256"],
                leeway=SKEW_SECONDS,
                options={"verify_aud": False, "verify_iat": False},
            )
        except jwt.ExpiredSignatureError:
            raise self._refusal("JWT expired", whole=True) from None
        except jwt.ImmatureSignatureError:
            raise self._refusal(
                "JWT not yet valid" if self.version >= CLAIMS_HAVE_A_CODE else "JWTNotYetValid", whole=True
            ) from None
        except jwt.InvalidTokenError as error:
            raise self._refusal(f"JWSError ({error})", whole=False) from None
        return {"role": ANONYMOUS, **claims}

    def _refusal(self, message: str, *, whole: bool) -> RefusalError:
        code = "PGRST303" if whole and self.version >= CLAIMS_HAVE_A_CODE else "PGRST301"
        challenge = f'Bearer error="invalid_token", error_description="{message}"'
        return RefusalError(401, code, message, headers={"WWW-Authenticate": challenge})
