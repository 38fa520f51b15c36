"""The reading of a body: what is JSON comes through as it is, and nothing else raises anything but a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.scouter.reverse.webhook import (
    DEEPEST,
    BadRequestError,
    Ignored,
    LeadChange,
    parse,
    read_change,
)
from sync_pipelines.scouter.sync_source import is_ours, normalize

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


@given(DOCUMENTS)
def test_every_document_is_a_change_or_ignored_or_refused(document: Any) -> None:
    for body in (
        document,
        {"lead": document},
        {"lead": {"id": document}},
        {"lead": {"id": 1}, "source": document},
    ):
        try:
            change = read_change(body, "")
        except BadRequestError:
            continue
        assert isinstance(change, Ignored) or 0 < change.lead_id < 2**63


def test_depth_is_bounded_exactly() -> None:
    """The outermost list has nothing around it."""
    parse(b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1))
    with pytest.raises(BadRequestError, match="deeper"):
        parse(b"[" * (DEEPEST + 2) + b"]" * (DEEPEST + 2))


def test_an_absent_lead_beside_a_ficha_is_none() -> None:
    assert read_change({"lead": None, "ficha": {"id": 3}}, "text") == LeadChange("gestaoscouter", 3, "text")


@given(TEXTS)
def test_a_mark_is_normalised_once_and_for_all(mark: str) -> None:
    assert normalize(normalize(mark)) == normalize(mark)


@pytest.mark.parametrize(
    "mark", ["TabuladorMax", "TABULADOR-MAX", "tabulador_max", " tabulador max ", "Supabase"]
)
def test_our_marks_are_known_in_every_spelling(mark: str) -> None:
    assert is_ours(mark)


@pytest.mark.parametrize("mark", [None, "", "gestao_scouter", "bitrix", "tabulador", "supabase2"])
def test_other_marks_are_not_ours(mark: str | None) -> None:
    assert not is_ours(mark)
