"""The list of a segment is complete or an error, whatever moves while it is read and however its pages fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.sprinthub.leads.extract import ListMismatchError
from sync_pipelines_tests.sprinthub.leads.reading import SEGMENT, Reading


@pytest.mark.parametrize(
    ("leads", "pages"),
    [
        *((0, [0]), (1, [0]), (19, [0])),
        # What needs more than one page, or fills it, is read once more, for its numbers in one large page.
        # Where the CRM may have lowered that, the next is read too.
        *((20, [0, 0]), (21, [0, 1, 0]), (40, [0, 1, 0]), (101, [0, 1, 2, 3, 4, 5, 0, 1])),
    ],
)
def test_every_page_is_read_from_number_zero(reading: Reading, leads: int, pages: list[int]) -> None:
    reading.crm.tenant.add_segment(SEGMENT, leads=leads)
    found = reading.read()
    assert (found.ids, found.total, found.unidentified) == (reading.truth(), leads, 0)
    assert reading.pages() == pages


def test_a_limit_that_the_crm_lowers_without_a_word_loses_nothing(tmp_path: Path) -> None:
    with SprinthubFake(max_limit=20) as crm:
        crm.tenant.add_segment(SEGMENT, leads=90)
        reading = Reading(crm, tmp_path)
        assert reading.read(100).ids == reading.truth()


def move(reading: Reading, page: int, *actions: Callable[[], object]) -> None:
    """Before the answer to a page, all at once."""
    for action in actions:
        reading.crm.before_page(page, action)


@pytest.mark.parametrize("page", [0, 1, 2, 3, 4])
@pytest.mark.parametrize(
    "movement",
    ["on top", "in the middle", "archived", "archived and on top", "archived and in the middle"],
)
@pytest.mark.parametrize("leads", [80, 95])
def test_what_moves_between_two_pages_is_neither_doubled_nor_missed(
    reading: Reading, page: int, movement: str, leads: int
) -> None:
    tenant = reading.crm.tenant
    members = tenant.add_segment(SEGMENT, leads=leads)
    stayed = set(members)
    if "archived" in movement:
        gone = members[::-1][max(page * 20 - 10, 3)]  # read already, but for page 0
        stayed.remove(gone)
        move(reading, page, lambda: tenant.archive_lead(gone))
    if "top" in movement:
        move(reading, page, lambda: tenant.insert_lead(SEGMENT))
    if "middle" in movement:
        old = "2022-01-01T00:00:00.000Z"
        move(reading, page, lambda: tenant.insert_lead(SEGMENT, createDate=old))
    found = reading.read()
    assert stayed <= found.ids
    assert found.ids == reading.truth()


Movement = tuple[int, str, int]
MOVEMENTS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["enter", "return", "leave"]), st.integers(0, 10**6)),
    max_size=6,
)


@pytest.mark.slow
@given(
    leads=st.integers(0, 70),
    size=st.sampled_from([8, 10, 17]),
    numbers=st.sampled_from([9, 16, 1000]),
    movements=MOVEMENTS,
)
@settings(max_examples=150)
def test_a_list_has_whoever_was_there_all_the_time_or_is_an_error(
    leads: int, size: int, numbers: int, movements: list[Movement], server: SprinthubFake
) -> None:
    server.clear()
    tenant = server.tenant
    everybody = tenant.add_segment(SEGMENT, leads=leads)
    ever, always = set(everybody), set(everybody)

    def do(kind: str, which: int) -> None:
        members = list(tenant.segments[SEGMENT].members)
        if kind == "enter":
            ever.add(tenant.insert_lead(SEGMENT))
        elif kind == "return":
            old = f"2022-01-01T00:00:{which % 60:02d}.000Z"
            ever.add(tenant.insert_lead(SEGMENT, createDate=old))
        elif members:
            gone = members[which % len(members)]
            tenant.leave_segment(SEGMENT, gone)
            always.discard(gone)

    for page, kind, which in movements:
        server.before_page(page, partial(do, kind, which))
    with TemporaryDirectory() as home:
        reading = Reading(server, Path(home))
        try:
            found = reading.read(size, numbers_in_a_page=numbers)
        except TransientError:
            assert movements
            return
    assert always <= found.ids <= ever


def test_a_segment_in_which_leads_leave_all_the_time_is_read(reading: Reading) -> None:
    tenant = reading.crm.tenant
    members = tenant.add_segment(SEGMENT, leads=300)

    def leave() -> None:
        tenant.archive_lead(max(reading.truth()))
        reading.crm.before_page(1, leave)

    reading.crm.before_page(1, leave)
    found = reading.read(numbers_in_a_page=50)
    assert reading.truth() <= found.ids <= set(members)


def test_a_segment_that_changes_beyond_recognition_while_it_is_read_is_an_error(reading: Reading) -> None:
    tenant = reading.crm.tenant
    tenant.add_segment(SEGMENT, leads=300)

    def many_leave() -> None:
        for lead in sorted(reading.truth())[-30:]:
            tenant.archive_lead(lead)
        reading.crm.before_page(1, many_leave)

    reading.crm.before_page(1, many_leave)
    assert "moved during each" in reading.fails(TransientError, numbers_in_a_page=50)


def test_a_lead_that_stands_twice_is_one_lead_and_the_count_waits_for_a_person(reading: Reading) -> None:
    members = reading.crm.tenant.add_segment(SEGMENT, leads=30)
    reading.crm.tenant.segments[SEGMENT].members.insert(4, members[3])
    assert "31 leads, and its list has 30" in reading.fails(ListMismatchError)
    assert reading.read(accept_mismatch=True).ids == set(members)


def test_a_count_that_is_one_too_low_where_a_page_is_full_is_found_out(reading: Reading) -> None:
    reading.crm.tenant.add_segment(SEGMENT, leads=41)
    reading.crm.fail("list_total_too_low")
    assert "40 leads, and its list has 41" in reading.fails(ListMismatchError)


def test_items_without_a_number_are_counted(reading: Reading) -> None:
    members = reading.crm.tenant.add_segment(SEGMENT, leads=50)
    reading.crm.tenant.change_quietly(members[7], id=-7)
    found = reading.read()
    assert (found.ids, found.unidentified) == (reading.truth() - {members[7]}, 1)


@pytest.fixture(scope="module")
def server() -> Iterator[SprinthubFake]:
    """A CRM for many examples."""
    with SprinthubFake() as fake:
        yield fake


@pytest.mark.parametrize("fault", ["list_total_too_high", "list_total_too_low"])
def test_a_total_that_is_wrong_each_time_waits_for_a_person(reading: Reading, fault: str) -> None:
    reading.crm.tenant.add_segment(SEGMENT, leads=50)
    reading.crm.fail(fault)
    sentence = reading.fails(ListMismatchError)
    assert "accept total_mismatch" in sentence
    assert "its list has 50" in sentence
    assert reading.read(accept_mismatch=True).ids == reading.truth()


@pytest.mark.parametrize("fault", ["list_total_too_high", "list_total_too_low", "list_short", "list_repeats"])
def test_a_page_that_is_wrong_once_is_read_again(reading: Reading, fault: str) -> None:
    reading.crm.tenant.add_segment(SEGMENT, leads=50)
    reading.crm.fail(fault, 1, page=1)
    assert reading.read().ids == reading.truth()


@pytest.mark.parametrize("fault", ["list_total_as_text", "list_without_total", "list_without_leads"])
@pytest.mark.parametrize("page", [0, 2])
def test_a_page_without_its_count_or_leads_is_an_error(reading: Reading, fault: str, page: int) -> None:
    reading.crm.tenant.add_segment(SEGMENT, leads=50)
    reading.crm.fail(fault, page=page)
    reading.fails(TransientError)


@pytest.mark.parametrize(
    "fault",
    ["server_error", "bad_gateway", "unavailable", "truncated", "not_json", "empty", "without_data", "drop"],
)
def test_a_page_that_fails_for_ever_fails_the_list_and_one_that_fails_once_does_not(
    reading: Reading, fault: str
) -> None:
    reading.crm.tenant.add_segment(SEGMENT, leads=50)
    reading.crm.fail(f"list_{fault}", 1, page=1)
    assert reading.read().ids == reading.truth()
    reading.crm.fail(f"list_{fault}", page=1)
    reading.fails(SyncError)


def test_a_page_read_as_empty_in_the_middle_is_not_the_end(reading: Reading) -> None:
    reading.crm.tenant.add_segment(SEGMENT, leads=50)
    reading.crm.fail("list_read_as_empty", 1, page=1)
    assert reading.read().ids == reading.truth()
    reading.crm.fail("list_read_as_empty", page=1)
    reading.fails(SyncError)


def test_an_empty_first_page_of_a_segment_that_counts_leads_is_an_error(reading: Reading) -> None:
    reading.crm.tenant.add_segment(SEGMENT, leads=50)
    reading.crm.fail("list_leads_null")
    reading.fails(TransientError)


def test_a_segment_that_the_crm_does_not_have_is_an_error(reading: Reading) -> None:
    assert "no segment 7" in reading.fails(PermanentError)


def test_the_pages_of_a_list_that_fails_are_kept(reading: Reading) -> None:
    reading.crm.tenant.add_segment(SEGMENT, leads=50)
    reading.crm.fail("list_server_error", page=2)
    reading.fails(TransientError)
    (kept,) = reading.home.rglob("*.zst")
    assert kept.stat().st_size > 0
