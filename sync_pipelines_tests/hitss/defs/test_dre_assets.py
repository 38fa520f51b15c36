"""The DRE through Dagster: what its events say of what was done."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.hitss.defs import definitions as system
from sync_pipelines.hitss.defs.descriptions import key_of
from sync_pipelines.hitss.dre.extract import export_client
from sync_pipelines.hitss.dre.tables import CHAIN
from sync_pipelines.sandbox.hitss.layout import PERIODO
from sync_pipelines.sandbox.hitss.mutations import realizado_restated, shrunk
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import MONTHS

EXPORT_STEP, CHAIN_STEP = "hitss__dre_export", "hitss_dre_months"
#: The keys under which every load of the house reports.
LOAD_KEYS = {
    *("rows_read", "rows_loaded", "rows_unchanged", "rows_deleted", "rows_rejected"),
    *("dagster/partition_row_count", "proved", "duration_seconds", "digest"),
}


@dataclass
class Launched:
    """A finished run, looked at through the instance that keeps its events."""

    instance: dg.DagsterInstance
    result: dg.ExecuteInProcessResult

    def materialized(self, asset: str) -> dict[str | None, Mapping[str, Any]]:
        """The metadata of an asset's materializations in this run, by partition."""
        return {
            made.partition: {name: value.value for name, value in made.metadata.items()}
            for made in (
                event.step_materialization_data.materialization
                for event in self.events(dg.DagsterEventType.ASSET_MATERIALIZATION)
            )
            if made.asset_key == key_of(asset)
        }

    def verdicts(self, check: str) -> dict[str | None, bool]:
        found = [
            event.asset_check_evaluation_data
            for event in self.events(dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        ]
        return {one.partition: one.passed for one in found if one.check_name == check}

    def events(self, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
        records = self.instance.all_logs(self.result.run_id, of_type=kind)
        return [record.get_dagster_event() for record in records]

    @property
    def messages(self) -> list[str]:
        return [record.user_message for record in self.instance.all_logs(self.result.run_id)]

    @property
    def failure(self) -> str:
        (event,) = [event for event in self.result.all_node_events if event.is_step_failure]
        data = event.step_failure_data.user_failure_data
        assert data is not None
        return data.description or ""


def launch(
    house: House,
    instance: dg.DagsterInstance,
    job: str,
    *,
    months: tuple[str, str] | None = None,
    assets: Collection[str] | None = None,
    config: Mapping[str, object] | None = None,
) -> Launched:
    """Run a job of the system in this process, over a range of months when given."""
    step = EXPORT_STEP if job == "hitss_download" else CHAIN_STEP
    tags = {}
    if months:
        first, last = months
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    definitions = system.definitions(house.settings, house.dre)
    result = definitions.resolve_job_def(job).execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags=tags,
        asset_selection=[key_of(name) for name in assets] if assets else None,
        run_config={"ops": {step: {"config": dict(config or {})}}},
    )
    return Launched(instance, result)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def downloaded(short: House, instance: dg.DagsterInstance) -> Launched:
    return launch(short, instance, "hitss_download")


def test_a_download_reports_what_came_and_what_it_changes(short: House, downloaded: Launched) -> None:
    assert downloaded.result.success
    (found,) = downloaded.materialized("dre_export").values()
    rows = len([row for row in short.hitss.rows if str(row[PERIODO]).endswith("/2025")])
    assert found["rows_read"] == rows > 0
    assert found["rows_rejected"] == 0
    assert found["range"] == "2025-01 to 2025-08"
    assert found["bytes"] > 1000
    assert found["calls"] == 1
    assert found["wait_seconds"] >= 0
    assert found["digest"]
    assert found["months_changed"] == list(MONTHS)
    assert found["months_with_new_people_only"] == found["months_stopped_by_a_guard"] == []
    assert (short.settings.landing_root / found["workbook"]).is_file()
    assert downloaded.verdicts("no_row_was_rejected") == {None: True}
    assert downloaded.verdicts("closed_months_are_unchanged") == {None: True}


def test_a_range_of_months_is_one_run_with_every_month_proved(
    short: House, instance: dg.DagsterInstance, downloaded: Launched
) -> None:
    loaded = launch(short, instance, "hitss_load", months=("2025-02-01", "2025-04-01"))
    assert loaded.result.success
    for asset in CHAIN:
        found = loaded.materialized(asset)
        assert list(found) == ["2025-02-01", "2025-03-01", "2025-04-01"]
        for metadata in found.values():
            assert set(metadata) >= LOAD_KEYS
            assert metadata["proved"] is True
            assert metadata["rows_read"] == metadata["rows_loaded"] > 0
    by_month = {
        month: metadata["rows_loaded"] for month, metadata in loaded.materialized("dre_lines").items()
    }
    assert by_month == dict(
        short.rows("select competencia::text, count(*) from sync_private.dre_lines group by 1")
    )
    assert loaded.verdicts("lines_equal_the_workbook") == {**dict.fromkeys(by_month, True), None: True}


def test_loading_what_is_loaded_writes_nothing(
    short: House, instance: dg.DagsterInstance, downloaded: Launched
) -> None:
    months = ("2025-03-01", "2025-04-01")
    launch(short, instance, "hitss_load", months=months)
    again = launch(short, instance, "hitss_load", months=months)
    for asset in CHAIN:
        for metadata in again.materialized(asset).values():
            assert metadata["rows_loaded"] == metadata["rows_deleted"] == 0
            assert metadata["rows_unchanged"] > 0


def test_the_summary_carries_a_picture_that_the_ui_shows_inline(
    short: House, instance: dg.DagsterInstance, downloaded: Launched
) -> None:
    loaded = launch(short, instance, "hitss_load", months=(MONTHS[0], MONTHS[-1]))
    for metadata in loaded.materialized("dre_summary").values():
        assert metadata["receita_custo_margem"].startswith("![")
        assert len(metadata["receita_custo_margem"]) < 1000


def test_a_month_that_a_guard_stops_fails_alone(
    short: House, instance: dg.DagsterInstance, downloaded: Launched
) -> None:
    launch(short, instance, "hitss_load", months=("2025-01-01", "2025-04-01"))
    before = short.value("select sum(valor) from dre_hitss where competencia = '2025-03-01'")
    short.hitss.serve_rows(realizado_restated(short.hitss.rows, "3/2025"))
    warned = launch(short, instance, "hitss_download")
    assert warned.result.success
    assert warned.verdicts("closed_months_are_unchanged") == {None: False}
    loaded = launch(short, instance, "hitss_load", months=("2025-02-01", "2025-04-01"))
    assert not loaded.result.success
    assert loaded.failure.startswith(
        "1 of 3 partitions failed, the others are done: 2025-03-01: Realizado of"
    )
    assert "accept: [closed_months_unchanged]" in loaded.failure
    assert list(loaded.materialized("dre_summary")) == ["2025-02-01", "2025-04-01"]
    assert loaded.verdicts("lines_equal_the_workbook")["2025-03-01"] is False
    assert short.value("select sum(valor) from dre_hitss where competencia = '2025-03-01'") == before


def test_a_stopped_month_is_loaded_when_a_person_accepts_it(
    short: House, instance: dg.DagsterInstance, downloaded: Launched
) -> None:
    launch(short, instance, "hitss_load", months=("2025-03-01", "2025-03-01"))
    short.hitss.serve_rows(realizado_restated(short.hitss.rows, "3/2025"))
    launch(short, instance, "hitss_download")
    accepted = {"accept": ["closed_months_unchanged"]}
    loaded = launch(short, instance, "hitss_load", months=("2025-03-01", "2025-03-01"), config=accepted)
    assert loaded.result.success
    assert loaded.materialized("dre_hitss")["2025-03-01"]["rows_loaded"] > 0


def test_a_refused_file_fails_the_download_with_the_guards_sentence(
    short: House, instance: dg.DagsterInstance, downloaded: Launched
) -> None:
    launch(short, instance, "hitss_load", months=(MONTHS[0], MONTHS[-1]))
    short.hitss.serve_rows(shrunk(short.hitss.rows))
    refused = launch(short, instance, "hitss_download")
    assert "fewer than 90 %" in refused.failure
    assert refused.materialized("dre_export") == {}


def test_the_summary_can_be_materialized_alone(
    short: House, instance: dg.DagsterInstance, downloaded: Launched
) -> None:
    launch(short, instance, "hitss_load", months=("2025-03-01", "2025-03-01"))
    short.fabricio.execute("update dre_summary set receita = 0")
    alone = launch(short, instance, "hitss_load", months=("2025-03-01", "2025-03-01"), assets=["dre_summary"])
    assert alone.result.success
    assert alone.materialized("dre_summary")["2025-03-01"]["rows_loaded"] == 1
    assert alone.materialized("dre_lines") == {}
    assert short.value("select receita > 0 from dre_summary where competencia = '2025-03-01'") is True


@pytest.mark.parametrize("job", ["hitss_download", "hitss_load"])
def test_an_unknown_guard_is_refused_before_anything_is_done(
    short: House, instance: dg.DagsterInstance, job: str
) -> None:
    months = ("2025-03-01", "2025-03-01") if job == "hitss_load" else None
    refused = launch(short, instance, job, months=months, config={"accept": ["everything"]})
    assert refused.failure.startswith("accept names everything; what can be decided is single_sheet,")
    opened = (
        "select count(*) from automation_executions where execution_details ->> 'engine' = 'sync_pipelines'"
    )
    assert short.value(opened) == 0


def test_a_load_before_any_download_says_what_to_run_first(
    short: House, instance: dg.DagsterInstance
) -> None:
    loaded = launch(short, instance, "hitss_load", months=("2025-03-01", "2025-03-01"))
    assert loaded.failure == "No usable HITSS workbook has been landed yet; run hitss/dre_export first."


def test_a_workbook_may_be_named_by_its_path(
    short: House, instance: dg.DagsterInstance, downloaded: Launched
) -> None:
    (found,) = downloaded.materialized("dre_export").values()
    short.hitss.serve_rows(realizado_restated(short.hitss.rows, "8/2025"))
    launch(short, instance, "hitss_download")
    months = ("2025-08-01", "2025-08-01")
    old = launch(
        short,
        instance,
        "hitss_load",
        months=months,
        config={"workbook": found["workbook_in_the_landing_store"]},
    )
    new = launch(short, instance, "hitss_load", months=months)
    assert old.result.success
    assert old.materialized("dre_hitss")["2025-08-01"]["rows_loaded"] > 5
    assert new.materialized("dre_hitss")["2025-08-01"]["rows_loaded"] == 5


def test_the_wait_for_the_first_byte_is_reported_while_it_lasts(
    short: House, instance: dg.DagsterInstance
) -> None:
    client = lambda: export_client(sleep=lambda _seconds: None, wait_notice_seconds=0.05)  # noqa: E731
    patient = replace(short, dre=replace(short.dre, http=client))
    patient.hitss.fault("slow", times=1, seconds=1)
    done = launch(patient, instance, "hitss_download")
    assert done.result.success
    # How many there are is the machine's: that they go on is asked of the client's own tests.
    said = re.compile(r"Waiting for HITSS to answer: \d+ s \(150 to 180 s is usual\)\.")
    assert [message for message in done.messages if said.fullmatch(message)]


def test_an_upstream_that_is_down_fails_with_a_sentence_and_no_query(
    short: House, instance: dg.DagsterInstance
) -> None:
    short.hitss.fault("bad_gateway")
    failed = launch(short, instance, "hitss_download")
    assert "The HITSS export" in failed.failure
    assert "502" in failed.failure
    stored = " ".join(map(repr, instance.all_logs(failed.result.run_id)))
    assert "usuario.ficticio" not in stored
    assert "usuarioFiltro=" not in stored


def test_no_name_of_a_person_reaches_an_event(
    short: House, instance: dg.DagsterInstance, downloaded: Launched
) -> None:
    loaded = launch(short, instance, "hitss_load", months=(MONTHS[0], MONTHS[-1]))
    for run in (downloaded, loaded):
        stored = " ".join(map(repr, instance.all_logs(run.result.run_id)))
        assert "FICTICI" not in stored
