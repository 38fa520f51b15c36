"""How the application seals credentials (contract of the ERPs, section 2.2), by no code of the product."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from secrets import token_bytes
from typing import Any

_IV_BYTES = 12


def sealed(values: Mapping[str, Any], secret: str) -> str:
    """Base64 of the IV and what AES-256-GCM makes of the JSON; the key is the first 32 bytes of the secret."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    initial = token_bytes(_IV_BYTES)
    return b64encode(
        initial + AESGCM(secret.encode()[:32]).encrypt(initial, json.dumps(values).encode(), None)
    ).decode()


def opened(text: str, secret: str) -> dict[str, Any]:
    """The opposite. Raises an exception of the library for another secret."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    whole = b64decode(text)
    values = json.loads(AESGCM(secret.encode()[:32]).decrypt(whole[:_IV_BYTES], whole[_IV_BYTES:], None))
    assert isinstance(values, dict)
    return values
