"""What the old screen has of TabuladorMax: the secret that signs its users' tokens, its origin, one user's token."""

from __future__ import annotations

import secrets
from pathlib import Path

from sync_pipelines.sandbox.postgrest.tokens import Tokens
from sync_pipelines.sandbox.serving import kept_secret

#: Where the screen's development server runs.
ORIGIN = "http://localhost:5173"
#: With one of them the project is a real one, or its tokens are signed elsewhere.
REPLACED_BY = ("TABULADORMAX_DATABASE_URL", "TABULADORMAX_JWT_SECRET")
#: 1 January 2100. The receiver asks for an end, and the same token is told at every call.
_END = 4_102_444_800


def variables(home: Path) -> dict[str, str]:
    """What the receiver needs to answer the screen, and SANDBOX_SCREEN_TOKEN to call it with.

    The secret is kept below the sandbox's `home`: the same after a restart.
    """
    folder = home / "tabuladormax"
    folder.mkdir(mode=0o700, exist_ok=True)
    secret = kept_secret(folder / "jwt_secret", lambda: secrets.token_hex(32))
    return {
        "TABULADORMAX_JWT_SECRET": secret,
        "SCOUTER_SCREEN_ORIGINS": ORIGIN,
        "SANDBOX_SCREEN_TOKEN": Tokens(secret).make("authenticated", exp=_END),
    }
