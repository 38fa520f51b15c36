"""Where a lead's number stands in a call of the webhook: read by configured paths, never guessed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from sync_pipelines.lib.http.request_json import BadRequestError
from sync_pipelines.settings import SettingsError, read_as
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.leads.lead_number import LARGEST_ID
from sync_pipelines.sprinthub.new_leads.webhook import read_lead_id
from sync_pipelines_tests.lib.http.test_request_json import DOCUMENTS


def paths(text: str) -> tuple[tuple[str, ...], ...]:
    return read_as(SprinthubSettings, None, sprinthub_webhook_lead_id=text).webhook_lead_id_paths


@pytest.mark.parametrize(
    ("where", "document", "lead_id"),
    [
        ("lead.id", {"lead": {"id": 7}}, 7),
        ("lead.id", {"lead": {"id": "0113000"}}, 113_000),
        ("id", {"id": LARGEST_ID}, LARGEST_ID),
        ("data.0.id", {"data": [{"id": 7}]}, 7),
        ("data.0.id", {"data": {"0": {"id": 7}}}, 7),
        ("lead.id, data.lead.id", {"data": {"lead": {"id": 7}}}, 7),
        ("lead.id,id", {"lead": {"id": None}, "id": 8}, 8),
        ("lead.id,id", {"lead": "Ana", "id": 8}, 8),
        ("lead.id,id", {"lead": {"id": 7}, "id": 8}, 7),
        ("0.lead-id", [{"lead-id": 7}], 7),
    ],
)
def test_the_first_path_that_leads_to_a_value_counts(where: str, document: Any, lead_id: int) -> None:
    assert read_lead_id(document, paths(where)) == lead_id


@pytest.mark.parametrize(
    "value", [0, -1, LARGEST_ID + 1, True, 7.0, "7.0", "sete", "", " 7", "٧", [7], {"id": 7}]
)
def test_what_is_no_number_of_a_lead_is_refused_without_its_value(value: Any) -> None:
    with pytest.raises(BadRequestError) as refused:
        read_lead_id({"lead": {"id": value}}, paths("lead.id"))
    assert str(refused.value) == "lead.id must be a whole number above zero that fits a bigint."


@pytest.mark.parametrize("document", [None, 7, "lead", [], {}, {"lead": {}}, {"data": []}, {"data": [{}]}])
def test_a_body_without_the_number_is_refused_and_says_where_it_was_looked_for(document: Any) -> None:
    with pytest.raises(BadRequestError, match=r"no lead's number at lead\.id or data\.0\.id"):
        read_lead_id(document, paths("lead.id,data.0.id"))


def test_several_leads_in_one_body_are_refused_instead_of_one_taken() -> None:
    with pytest.raises(BadRequestError, match="several items"):
        read_lead_id({"data": [{"id": 7}, {"id": 8}]}, paths("data.0.id"))


@given(DOCUMENTS)
def test_every_document_has_a_number_or_is_refused(document: Any) -> None:
    for body in (document, {"lead": document}, {"lead": {"id": document}}, {"data": [{"id": document}]}):
        try:
            lead_id = read_lead_id(body, (("lead", "id"), ("data", "0", "id")))
        except BadRequestError:
            continue
        assert 0 < lead_id <= LARGEST_ID


@pytest.mark.parametrize("text", ["", "lead..id", ".id", "lead.id,", "lead[0].id", "$.lead.id", "lead id"])
def test_a_path_that_is_none_is_named_by_its_variable(text: str) -> None:
    with pytest.raises(
        SettingsError, match=r"SPRINTHUB_WEBHOOK_LEAD_ID must be dotted paths such as lead\.id"
    ):
        paths(text)
