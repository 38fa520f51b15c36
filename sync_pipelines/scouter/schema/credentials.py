"""The claims of the destination's key. They are not verified here: the key is ours, and the server verifies it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

ROLE = "service_role"
_OPAQUE = "sb_secret_"


class Claims(NamedTuple):
    """A key's role and expiry, None if it is no token (JWT). `is_opaque`: a key of the newer kind, without claims."""

    is_token: bool
    is_opaque: bool
    role: str | None
    expires: datetime | None


def read_claims(key: str) -> Claims:
    """Read a key; one that cannot be read is no token."""
    parts = key.split(".")
    if len(parts) == 3:
        try:
            padded = parts[1] + "=" * (-len(parts[1]) % 4)
            payload: Any = json.loads(base64.urlsafe_b64decode(padded))
        except ValueError:
            payload = None
        if isinstance(payload, dict):
            role = payload.get("role")
            return Claims(
                is_token=True,
                is_opaque=False,
                role=role if isinstance(role, str) else None,
                expires=_expiry(payload.get("exp")),
            )
    return Claims(is_token=False, is_opaque=key.startswith(_OPAQUE), role=None, expires=None)


def _expiry(seconds: object) -> datetime | None:
    if not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # outside of every calendar: treated as no expiry
        return None
