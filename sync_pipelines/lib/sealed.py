"""Texts sealed with AES-256-GCM: base64 of the nonce (12 bytes) and the ciphertext with its tag (16 bytes).

The key is the first 32 bytes of a secret text, as the application's functions use it (contract of the ERPs, section
2.2).
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable

from sync_pipelines.lib.failures import PermanentError

KEY_BYTES = 32
_NONCE_BYTES, _TAG_BYTES = 12, 16


class SealError(PermanentError):
    """A sealed text cannot be opened; the sentence says why, and never what it holds."""


def seal(text: str, secret: str, *, random_bytes: Callable[[int], bytes] = os.urandom) -> str:
    """The text, sealed. Raises PermanentError if the secret has fewer than 32 bytes.

    A nonce must never be used twice with one key: `random_bytes` is a parameter for tests only.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = random_bytes(_NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(_key(secret)).encrypt(nonce, text.encode(), None)).decode()


def unseal(sealed: str, secret: str) -> str:
    """The text that was sealed with this secret.

    Raises SealError: it is no base64, it was cut, or the key is another one (which looks the same as a text that was
    altered). Raises PermanentError if the secret has fewer than 32 bytes.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = _key(secret)
    try:
        content = base64.b64decode(sealed.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise SealError("This is not a sealed text: it is no base64.") from None
    if len(content) < _NONCE_BYTES + _TAG_BYTES:
        raise SealError(f"The sealed text was cut: it has only {len(content)} bytes.")
    nonce, ciphertext = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, None).decode()
    except InvalidTag:
        raise SealError(
            "The sealed text does not open: it was sealed with another key, or altered."
        ) from None
    except UnicodeDecodeError:
        raise SealError("The sealed text opens, and what it holds is not text.") from None


def _key(secret: str) -> bytes:
    key = secret.encode()[:KEY_BYTES]
    if len(key) < KEY_BYTES:
        raise PermanentError(f"The secret of sealed texts needs at least {KEY_BYTES} bytes.")
    return key
