"""The strict reading of a body: JSON comes through as it is, and everything else is refused in a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.lib.http.request_json import DEEPEST, BadRequestError, parse

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_every_document_comes_through(document: Any) -> None:
    assert parse(json.dumps(document).encode()) == document
    assert parse(json.dumps(document, ensure_ascii=False).encode()) == document


@given(st.binary(max_size=200))
def test_whatever_else_comes_is_refused_in_a_sentence(body: bytes) -> None:
    try:
        parse(body)
    except BadRequestError as error:
        assert str(error).endswith(".")


def test_depth_is_bounded_exactly() -> None:
    """The outermost list has nothing around it."""
    parse(b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1))
    with pytest.raises(BadRequestError, match="deeper"):
        parse(b"[" * (DEEPEST + 2) + b"]" * (DEEPEST + 2))
