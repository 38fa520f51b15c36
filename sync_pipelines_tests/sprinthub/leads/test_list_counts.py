"""A count of the CRM that is wrong, and calls that it does not have, never shorten a segment in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_pipelines.lib.failures import PermanentError, RefusedError
from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.sprinthub.leads.extract import ListMismatchError
from sync_pipelines_tests.sprinthub.leads.reading import SEGMENT, Reading


@pytest.mark.parametrize("leads", [101, 150, 230])
def test_a_count_that_is_that_of_the_page_never_ends_the_list(tmp_path: Path, leads: int) -> None:
    """The original read page 0 of a segment of 58,788 leads and reported success."""
    with SprinthubFake(max_limit=100) as crm:
        crm.tenant.add_segment(SEGMENT, leads=leads)
        crm.fail("list_total_of_page")
        Reading(crm, tmp_path).fails(ListMismatchError, size=100)


def test_a_list_that_moves_is_held_to_the_count_as_well(reading: Reading) -> None:
    tenant = reading.crm.tenant
    tenant.add_segment(SEGMENT, leads=90)

    def enter() -> None:
        tenant.insert_lead(SEGMENT)
        reading.crm.before_page(0, enter)

    reading.crm.before_page(0, enter)
    reading.crm.fail("list_total_doubled")
    assert "accept total_mismatch" in reading.fails(ListMismatchError, numbers_in_a_page=50)


def test_a_crm_that_takes_no_page_of_numbers_is_read_as_the_first_time(reading: Reading) -> None:
    tenant = reading.crm.tenant
    members = tenant.add_segment(SEGMENT, leads=90)
    reading.crm.fail("list_numbers_refused")
    reading.crm.before_page(2, lambda: tenant.archive_lead(members[-1]))
    assert reading.read().ids == reading.truth()


def test_an_empty_list_of_a_segment_that_nobody_names_is_an_error(reading: Reading) -> None:
    reading.crm.fail("list_unknown_as_empty")
    reading.crm.tenant.add_segment(8, leads=3)
    assert "does not have segment 7" in reading.fails(PermanentError)


def test_an_empty_segment_needs_no_call_about_segments(reading: Reading) -> None:
    reading.crm.tenant.add_segment(SEGMENT, leads=0)
    reading.crm.fail("segments_bad_request")
    assert reading.read().ids == frozenset()
    reading.crm.clear()
    reading.crm.fail("segments_bad_token")
    reading.fails(RefusedError)
