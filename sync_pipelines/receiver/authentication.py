"""Who may call: a token that the system's project has signed, or a secret that both sides know.

Which algorithms count follows from what is configured, never from a token: HS256 only with the project's secret,
ES256 and RS256 only with a key of its key set that is of that kind. So a token cannot choose `none`, nor pass a
public key off as a secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.datastructures import Headers

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.http.endpoints import (
    SERVICE_ROLE,
    SHORTEST_SHARED_SECRET,
    Credentials,
    Endpoint,
    Setting,
)
from sync_pipelines.lib.http.key_set import KINDS, KeySet

LEEWAY = 30.0  # seconds that the clocks of two machines may differ, as PostgREST allows
LONGEST_TOKEN = 8192
SHORTEST_SIGNING_SECRET = 32  # bytes, as RFC 7518 (3.2) asks for HS256
SECRET_HEADER = "x-webhook-secret"  # noqa: S105 - its name


class Unauthorized(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """The caller is refused. The message is one word for our log; the caller learns nothing."""


class Authenticator:
    """Admits the callers of one system. `now()` is aware. Without any secret and key set it admits nobody."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        keys: KeySet | None,
        now: Callable[[], datetime],
    ) -> None:
        shared = credentials.shared_secret
        signing = credentials.signing_secret or Setting("the signing secret")
        if shared.value is not None and len(shared.value) < SHORTEST_SHARED_SECRET:
            raise PermanentError(f"{shared.name} is shorter than {SHORTEST_SHARED_SECRET} characters.")
        if signing.value is not None and len(signing.value.encode()) < SHORTEST_SIGNING_SECRET:
            raise PermanentError(
                f"{signing.name} is shorter than {SHORTEST_SIGNING_SECRET} bytes: it is not the one of a Supabase"
                " project."
            )
        self._shared_secret, self._signing_secret, self._keys = shared.value, signing.value, keys
        self._now, self._audience = now, credentials.audience

    def admit(self, headers: Headers, endpoint: Endpoint) -> str | None:
        """Who calls: the token's `sub`, or None if it has none or the shared secret came.

        Raises Unauthorized unless the caller may call the endpoint; SyncError if the key set is unavailable.
        """
        own, bearer = _only(headers, SECRET_HEADER), _bearer(headers)
        if own is None and bearer is None:
            raise Unauthorized("nothing")
        if endpoint.takes_shared_secret and self._shared_secret is not None:
            # Both are always compared, so that the time taken does not show which one came.
            matches = [_equal(given or "", self._shared_secret) for given in (own, bearer)]
            if any(matches):
                return None
        if bearer is None or bearer.count(".") != 2:
            raise Unauthorized("secret")
        claims = self._verified(bearer)
        self._expect_in_time(claims)
        role = claims.get("role")
        if not isinstance(role, str) or role not in endpoint.roles:
            raise Unauthorized("role")
        self._expect_audience(claims)
        subject = claims.get("sub")
        return subject if isinstance(subject, str) else None

    def _verified(self, token: str) -> dict[str, Any]:
        import jwt

        if len(token) > LONGEST_TOKEN:
            raise Unauthorized("length")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise Unauthorized("header") from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or "crit" in header or "b64" in header:
            raise Unauthorized("header")
        key: Any = None
        if algorithm == "HS256":
            key = self._signing_secret
        elif algorithm in KINDS and isinstance(kid, str) and self._keys is not None:
            key = self._keys.find(kid, algorithm)
        if key is None:
            raise Unauthorized("key")
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                # Times are checked below, by our clock, and so is whom the token is made for.
                options={
                    "require": ["exp"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                },
            )
        except jwt.PyJWTError:
            raise Unauthorized("signature or claims") from None

    def _expect_audience(self, claims: dict[str, Any]) -> None:
        """Refuse a token that is made for others.

        The service keys of Supabase name nobody (no `aud`), and databases call with them. A token that names somebody,
        or that is of a person, must name us.
        """
        if self._audience is None or ("aud" not in claims and claims["role"] == SERVICE_ROLE):
            return
        named = claims.get("aud")
        if named != self._audience and not (isinstance(named, list) and self._audience in named):
            raise Unauthorized("audience")

    def _expect_in_time(self, claims: dict[str, Any]) -> None:
        now = self._now().timestamp()
        moments = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
        if not all(isinstance(at, int | float) and not isinstance(at, bool) for at in moments.values()):
            raise Unauthorized("times")
        # Written so that a NaN, which compares with nothing, is refused.
        if not now < moments["exp"] + LEEWAY:
            raise Unauthorized("expired")
        if not all(moments[name] <= now + LEEWAY for name in ("nbf", "iat") if name in moments):
            raise Unauthorized("not yet valid")


def _only(headers: Headers, name: str) -> str | None:
    """A header's value; sent twice it is refused, because two readers would take different ones."""
    values = headers.getlist(name)
    if len(values) > 1:
        raise Unauthorized("twice")
    return values[0] if values else None


def _bearer(headers: Headers) -> str | None:
    value = _only(headers, "authorization")
    kind, _, token = (value or "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


def _equal(given: str, secret: str) -> bool:
    # Digests are of one length; a header arrives as latin-1.
    one, other = given.encode("latin-1", "replace"), secret.encode()
    return hmac.compare_digest(hashlib.sha256(one).digest(), hashlib.sha256(other).digest())
