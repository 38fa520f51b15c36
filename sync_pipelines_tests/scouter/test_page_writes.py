"""What a push is about to write is kept by page; each lead of it is found, dated and forgotten by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest

from sync_pipelines.scouter.lead import Lead, unreadable
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_hashes import FieldList
from sync_pipelines.scouter.page_writes import PageWrites
from sync_pipelines_tests.scouter.installation import Installation

FIRST, SECOND = "2026-11-24 10:00:00+00", "2026-11-24 10:00:00.000001+00"
SECONDS = 1_795_514_400


def leads(ids: Sequence[int], stamp: str = FIRST) -> list[Lead]:
    return [
        Lead(
            id=one,
            updated_at=None if one == 3 else FIRST,
            content_hash=UUID(int=7),
            body="{}",
            field_hashes=f"{one:016}" * 2,
            stamp=stamp,
        )
        for one in ids
    ]


@pytest.fixture
def writes(installation: Installation) -> Iterator[PageWrites]:
    fields = FieldList((Field("nome", ("name",)), Field("etapa", ("etapa",))), ("text", "text"))
    yield PageWrites(installation.ops, "there", fields)
    assert (
        installation.ops.execute("select from ops.page_writes where destination = 'there'").fetchall() == []
    )


def test_each_lead_has_its_own_part_of_the_page(writes: PageWrites) -> None:
    writes.begin(leads([4, 3, 9]), run_id="run")
    PageWrites(writes.connection, "elsewhere", writes.fields).begin(leads([9]), run_id="run")
    assert writes.load([9, 3, 5]) == [
        (3, writes.fields.id, f"{3:016}" * 2, SECONDS, None),
        (9, writes.fields.id, f"{9:016}" * 2, SECONDS, SECONDS),
    ]
    writes.note_undated([9, 5])
    assert {one.lead_id: one.version for one in writes.load([4, 9])} == {4: SECONDS, 9: None}
    writes.finish([4, 5])
    assert writes.unfinished() == writes.under_way([3, 4, 9]) == [3, 9]
    writes.finish([])
    assert [one.fields[:16] for one in writes.load([4, 9])] == [f"{9:016}"]
    writes.finish([9, 3])


def test_a_lead_that_is_written_again_has_left_its_former_page(writes: PageWrites) -> None:
    writes.begin(leads([1, 2]), run_id="run")
    writes.begin(leads([2, 3], SECOND), run_id="run")
    assert writes.unfinished() == [1, 2, 3]
    writes.finish_leads([*leads([1, 2]), unreadable(3)])
    assert writes.unfinished() == [2, 3]
    writes.finish_leads(leads([2, 3], SECOND))


def test_hashes_of_another_list_are_refused_before_they_shift_those_of_other_leads(
    writes: PageWrites,
) -> None:
    first, second = leads([1, 2])
    with pytest.raises(ValueError, match="not of this list"):
        writes.begin([replace(first, field_hashes=""), second], run_id="run")


def test_what_two_threads_take_out_of_one_page_at_once_is_out(
    writes: PageWrites, installation: Installation
) -> None:
    """Each holds its transaction open until the other one waits for it."""
    ids, url = list(range(1, 41)), installation.settings.require("ops_database_url")
    with psycopg.connect(url, autocommit=True) as connection, ThreadPoolExecutor(1) as pool:
        other = PageWrites(connection, "there", writes.fields)
        for stamp in (FIRST, SECOND):
            writes.begin(leads(ids, stamp), run_id="run")
            with writes.connection.transaction():
                writes.finish(ids[::2])
                waits = pool.submit(other.finish, ids[1::2])
                while not _waits(installation, connection):
                    assert not waits.done()
            waits.result(10)
            assert writes.unfinished() == []


def _waits(installation: Installation, connection: psycopg.Connection) -> bool:
    return bool(
        installation.tab.execute(
            "select from pg_stat_activity where pid = %s and wait_event_type = 'Lock'",
            [connection.info.backend_pid],
        ).fetchall()
    )
