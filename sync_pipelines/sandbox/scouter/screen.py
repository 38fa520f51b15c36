"""The old screen of TabuladorMax: the secret that signs its users' tokens, its origin, one user's token."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from sync_pipelines.sandbox.postgrest.tokens import Tokens
from sync_pipelines.sandbox.serving import kept_secret

#: Where the screen's development server runs.
ORIGIN = "http://localhost:5173"
#: With one of them the project is a real one, or its tokens are signed elsewhere.
_REPLACED_BY = ("TABULADORMAX_DATABASE_URL", "TABULADORMAX_JWT_SECRET")
#: 1 January 2100: the receiver refuses a token without an end, and the token must be the same at every call.
_END = 4_102_444_800


def variables(home: Path, given: Mapping[str, str]) -> dict[str, str]:
    """What the receiver needs to answer the screen, and SANDBOX_SCREEN_TOKEN to call it with.

    Nothing where `given` names a real project: the sandbox's token would be valid for it. The secret is kept below
    the sandbox's `home`: it is the same after a restart.
    """
    if any(given.get(name) for name in _REPLACED_BY):
        return {}
    folder = home / "tabuladormax"
    folder.mkdir(mode=0o700, exist_ok=True)
    audience = given.get("SCOUTER_RECEIVER_AUDIENCE") or "authenticated"
    secret = kept_secret(folder / "jwt_secret", lambda: secrets.token_hex(32))
    return {
        "TABULADORMAX_JWT_SECRET": secret,
        "SCOUTER_SCREEN_ORIGINS": ORIGIN,
        "SANDBOX_SCREEN_TOKEN": Tokens(secret).make("authenticated", aud=audience, exp=_END),
    }
