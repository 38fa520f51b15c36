"""What is kept of a push whose threads are at different pages: one reads back what another one sends again."""

from __future__ import annotations

from uuid import UUID

from sync_pipelines.scouter.field_bases import FieldBases
from sync_pipelines.scouter.lead import Lead, unreadable
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_hashes import FieldList
from sync_pipelines_tests.scouter.installation import Installation

FIRST, SECOND = "2026-11-24 10:00:00+00", "2026-11-24 10:00:00.000001+00"


def lead(stamp: str) -> Lead:
    return Lead(
        id=1, updated_at=FIRST, content_hash=UUID(int=7), body="{}", field_hashes="a" * 16, stamp=stamp
    )


def test_a_write_that_is_read_back_leaves_the_next_one_that_was_begun_meanwhile(
    installation: Installation,
) -> None:
    """A page is looked at while an earlier one is read back: without the entry the next write would be nobody's."""
    bases = FieldBases(installation.ops, "there", FieldList((Field("nome", ("name",)),), ("text",)))
    bases.keep_list()
    bases.writes.begin([lead(FIRST)], run_id="run")
    bases.writes.begin([lead(SECOND)], run_id="run")
    bases.record_pushed([lead(FIRST)], {1: UUID(int=8)}, run_id="run")
    assert bases.writes.unfinished() == [1]
    bases.writes.finish_leads([unreadable(1), lead(FIRST)])
    assert bases.writes.unfinished() == [1]
    bases.record_pushed([lead(SECOND)], {1: UUID(int=8)}, run_id="run")
    assert bases.writes.unfinished() == []


def test_a_merge_that_has_seen_more_than_the_reading_back_is_not_undone_by_it(
    installation: Installation,
) -> None:
    """The row was read back, then a person edited it and another thread merged it, then the reading is recorded."""
    bases = FieldBases(installation.ops, "there", FieldList((Field("nome", ("name",)),), ("text",)))
    bases.keep_list()
    bases.record_pushed([lead(FIRST)], {1: UUID(int=8)}, run_id="run")
    merged = "update ops.lead_exchanges set fields = %s, stamp = %s, direction = 'taken_back'"
    seen = "select fields from ops.lead_exchanges"
    for stamp in (FIRST, SECOND):
        installation.ops.execute(merged, ["b" * 16, stamp])
        bases.record_pushed([lead(FIRST)], {1: UUID(int=8)}, run_id="run")
        assert installation.ops.execute(seen).fetchall() == [("b" * 16,)]
    bases.record_pushed([lead("2026-11-24 10:00:01+00")], {1: UUID(int=8)}, run_id="run")
    assert installation.ops.execute(seen).fetchall() == [("a" * 16,)]
