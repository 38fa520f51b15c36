"""Sealed texts: the application's form, and why one does not open."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.sealed import SealError, seal, unseal

SECRET = "segredo-de-teste-com-mais-de-32-caracteres"


@given(st.text())
def test_a_text_comes_back(text: str) -> None:
    assert unseal(seal(text, SECRET), SECRET) == text


def test_only_the_first_32_bytes_of_the_secret_count() -> None:
    assert unseal(seal("texto", SECRET), SECRET[:32] + "outra coisa") == "texto"


def test_a_text_that_the_web_cryptography_of_the_functions_sealed_opens() -> None:
    """Made with crypto.subtle: key `0123…` of 32 bytes, nonce of twelve bytes 7, text `{"token":"abc"}`."""
    sealed = "BwcHBwcHBwcHBwcHz6CDaGT3KgF37kz01VEzsoQ8ojdsOnDWcADUM1Sp5Q=="
    assert seal('{"token":"abc"}', "0123456789abcdef" * 2, random_bytes=lambda n: b"\x07" * n) == sealed
    assert unseal(sealed, "0123456789abcdef" * 2) == '{"token":"abc"}'


def test_the_form_is_nonce_ciphertext_and_tag() -> None:
    sealed = base64.b64decode(seal("abc", SECRET, random_bytes=lambda count: b"n" * count))
    assert sealed[:12] == b"n" * 12
    assert len(sealed) == 12 + 3 + 16


@pytest.mark.parametrize(
    ("sealed", "words"),
    [
        ("não é base64", "no base64"),
        ("YWJj=YWJj", "no base64"),
        ("", "only 0 bytes"),
        (base64.b64encode(b"n" * 27).decode(), "only 27 bytes"),
        (base64.b64encode(b"n" * 60).decode(), "another key, or altered"),
        (seal("conteúdo", SECRET, random_bytes=lambda count: b"n" * count)[:-4], "another key, or altered"),
        (seal("conteúdo", SECRET[::-1], random_bytes=lambda count: b"n" * count), "another key, or altered"),
    ],
)
def test_what_does_not_open_says_why(sealed: str, words: str) -> None:
    with pytest.raises(SealError, match=words) as caught:
        unseal(sealed, SECRET)
    assert SECRET[:32] not in str(caught.value)


def test_bytes_that_are_no_text_are_named() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = b"n" * 12
    sealed = base64.b64encode(nonce + AESGCM(SECRET.encode()[:32]).encrypt(nonce, b"\xff", None)).decode()
    with pytest.raises(SealError, match="not text"):
        unseal(sealed, SECRET)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(PermanentError, match="at least 32 bytes"):
        seal("texto", "curto")
