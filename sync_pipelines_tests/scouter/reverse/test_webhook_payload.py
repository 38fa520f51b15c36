"""The reading of a change: a document is one, or ignored, or refused in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from sync_pipelines.lib.http.request_json import BadRequestError
from sync_pipelines.scouter.reverse.webhook import Ignored, LeadChange, read_change
from sync_pipelines.scouter.sync_source import is_ours, normalize
from sync_pipelines_tests.lib.http.test_request_json import DOCUMENTS, TEXTS


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
