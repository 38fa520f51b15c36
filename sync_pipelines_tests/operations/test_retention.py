"""Personal data goes after its time: what goes is shown first, and what a month needs stays.

Landed files of the asset `hitss/dre_export`: `old` and `older` hold 2024-01 and 2024-02, of which `old` is the newest
for 2024-01 only; `new` holds 2024-02 and 2024-03.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.lib.records import Records, open_records
from sync_pipelines.lib.records.rejects import RejectedRow
from sync_pipelines.operations.defs import retention as retention_assets
from sync_pipelines.operations.retention import Retention
from sync_pipelines.settings import Settings
from sync_pipelines.systems import read_settings

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
EXPORT, BOOKS = "hitss/dre_export", "hitss/rejects"


@dataclass
class Shelf:
    """Records and a store in which files have ages."""

    settings: Settings
    records: Records

    @property
    def retention(self) -> Retention:
        return Retention(
            ops_url=self.settings.require("ops_database_url"),
            store=self.settings.landing_store,
            landing_days=400,
            rejects_days=90,
            reject_folders=[BOOKS],
        )

    def keep(self, folder: str, text: str, days: int) -> str:
        """A file in the store that was written so many days ago; its name."""
        store = self.settings.landing_store
        with store.incoming(folder, ".xlsx") as path:
            path.write_text(text)
            name = store.keep(path, folder, ".xlsx").path
        moment = (NOW - timedelta(days=days)).timestamp()
        os.utime(store.describe(name), (moment, moment))
        return name

    def land(self, text: str, days: int, months: tuple[str, ...] = (), book: str | None = None) -> str:
        """A landed export of an age, usable where it holds months; its name."""
        from sync_pipelines.lib.storage.landing import LandedFile

        name = self.keep(EXPORT, text, days)
        number = self.records.landings.record(
            EXPORT, LandedFile(name, "0", len(text)), run_id="run", details={"reject_book": book}
        )
        if months:
            self.records.landings.mark_usable(
                number,
                content_digest=text,
                sheet_digest=text,
                details={},
                contents={month: {} for month in months},
            )
        self.age("ops.landed_files", "landed_at", days, which=f"id = {number}")
        return name

    def reject(self, days: int, rows: int = 1) -> None:
        reject = RejectedRow(
            partition_key="2024-01",
            locator={"row": 7, "column": "Valor"},
            value="x",
            rule="amount",
            reason="no number",
            raw={"Recurso": "PESSOA FICTICIA"},
        )
        self.records.rejects.record("hitss/dre_lines", [reject] * rows, run_id=f"run {days}")
        self.age("ops.rejects", "rejected_at", days, which=f"run_id = 'run {days}'")

    def age(self, table: str, column: str, days: int, which: str) -> None:
        moment = NOW - timedelta(days=days)
        self.records.connection.execute(f"update {table} set {column} = %s where {which}", (moment,))  # type: ignore[call-overload]

    def landed(self) -> set[str]:
        return {row[0] for row in self.records.connection.execute("select path from ops.landed_files")}

    def files(self) -> set[str]:
        return {file.name for file in self.settings.landing_store.names("")}


@pytest.fixture
def shelf(new_database: Callable[[str | None], str], tmp_path: Path) -> Iterator[Shelf]:
    url = new_database("ops")
    settings = read_settings(None, ops_database_url=url, landing_url=str(tmp_path / "landing"))
    with open_records(url) as records:
        yield Shelf(settings, records)


def test_old_exports_go_but_what_a_month_needs_stays(shelf: Shelf) -> None:
    older = shelf.land("older", 900, ("2024-01-01", "2024-02-01"))
    old = shelf.land("old", 800, ("2024-01-01", "2024-02-01"))
    refused = shelf.land("refused", 500)
    new = shelf.land("new", 500, ("2024-02-01", "2024-03-01"))
    young = shelf.land("young refused", 10)
    plan = shelf.retention.plan(NOW)
    assert [one.path for one in plan.exports] == [older, refused]
    assert shelf.files() == {older, old, refused, new, young}  # a plan changes nothing
    gone = shelf.retention.carry_out(plan)
    assert [one.path for one in gone.exports] == [older, refused]
    assert shelf.files() == shelf.landed() == {old, new, young}
    assert shelf.retention.plan(NOW).is_empty


def test_the_newest_usable_export_stays_though_it_holds_nothing_that_is_newest(shelf: Shelf) -> None:
    only = shelf.land("only", 4000, ("2024-01-01",))
    assert shelf.retention.plan(NOW).is_empty
    assert shelf.landed() == {only}


def test_a_file_that_a_younger_row_names_stays_with_it(shelf: Shelf) -> None:
    name = shelf.land("same", 900)
    shelf.land("same", 1)
    plan = shelf.retention.plan(NOW)
    assert [one.is_shared for one in plan.exports] == [True]
    shelf.retention.carry_out(plan)
    assert shelf.files() == {name}
    assert shelf.records.connection.execute("select count(*) from ops.landed_files").fetchone() == (1,)


def test_rejected_rows_and_their_workbooks_go_after_their_own_time(shelf: Shelf) -> None:
    old, young = shelf.keep(BOOKS, "old book", 91), shelf.keep(BOOKS, "young book", 89)
    shelf.land("export", 91, ("2024-01-01",), book=old)
    shelf.reject(91, rows=3)
    shelf.reject(89)
    plan = shelf.retention.plan(NOW)
    assert (dict(plan.rejects), plan.reject_books) == ({"hitss/dre_lines": 3}, (old,))
    gone = shelf.retention.carry_out(plan)
    assert dict(gone.rejects) == {"hitss/dre_lines": 3}
    assert young in shelf.files()
    assert old not in shelf.files()
    assert shelf.records.connection.execute("select run_id from ops.rejects").fetchall() == [("run 89",)]
    newest = shelf.records.landings.newest(EXPORT)
    assert newest is not None
    assert newest.details["reject_book"] is None


def test_a_file_that_a_crash_left_without_a_row_goes_by_its_age(shelf: Shelf) -> None:
    shelf.land("known", 1, ("2024-01-01",))
    stray, young = shelf.keep(EXPORT, "stray", 401), shelf.keep(EXPORT, "young stray", 399)
    other = shelf.keep("archive", "an archive has a retention of its own", 900)
    plan = shelf.retention.plan(NOW)
    assert plan.strays == (stray,)
    shelf.retention.carry_out(plan)
    assert {young, other} <= shelf.files()
    assert stray not in shelf.files()


def materialized(shelf: Shelf, only_plan: bool) -> tuple[dict[str, Any], dg.AssetCheckEvaluation, str]:
    made = retention_assets.definitions(shelf.settings, reject_folders=[BOOKS], clock=lambda: NOW)
    with dg.DagsterInstance.ephemeral() as instance:
        result = made.resolve_job_def("retention").execute_in_process(
            instance=instance,
            run_config={"ops": {retention_assets.STEP: {"config": {"only_plan": only_plan}}}},
        )
        log = "\n".join(entry.user_message for entry in instance.all_logs(result.run_id))
    (materialization,) = result.asset_materializations_for_node(retention_assets.STEP)
    (check,) = result.get_asset_check_evaluations()
    return {name: value.value for name, value in materialization.metadata.items()}, check, log


def test_the_asset_shows_the_plan_then_removes_then_reports(shelf: Shelf) -> None:
    name = shelf.land("old", 500)
    shelf.reject(100, rows=2)
    shown, check, log = materialized(shelf, only_plan=True)
    assert (shown["exports_removed"], shown["rejects_removed"], check.passed) == (0, 0, False)
    assert name in shown["planned"]
    assert "To go: 1 landed exports (3 bytes), the oldest of 2025-07-16; 2 rejected rows" in log
    assert shelf.files() == {name}
    done, check, log = materialized(shelf, only_plan=False)
    assert (done["exports_removed"], done["bytes_removed"], done["rejects_removed"]) == (1, 3, 2)
    assert check.passed
    assert "Gone: 1 landed exports" in log
    assert shelf.files() == set()
    assert "FICTICIA" not in log + str(done)
