"""A chain of two toy assets over months: each month commits, materializes and fails on its own."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.orchestration.partition_reports import CheckReport, PartitionReport, Reports
from sync_pipelines.lib.orchestration.partition_runs import PartlyDoneError, run_partitions
from sync_pipelines.lib.redaction import register
from sync_pipelines.partitions import months as month_partitions

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2025-01-01", end_date="2025-07-01")
UPSTREAM, DOWNSTREAM = dg.AssetKey(["toy", "lines"]), dg.AssetKey(["toy", "summary"])
PROOF, SUMS = "lines_equal_the_source", "sums_hold"
SECRET = "segredo-de-teste-9876"


def build(
    *,
    bad: Collection[str] = (),
    odd: Collection[str] = (),
    broken: Collection[str] = (),
    stale: Collection[str] = (),
    changed: Mapping[str, str] | None = None,
    partly: Collection[str] = (),
    left_alone: Collection[str] = (),
) -> dg.Definitions:
    """The chain; `bad` months fail, `odd` months pass with a failed check, `broken` ones hit a bug.

    `stale` months leave the downstream asset outdated; `changed` ones no longer hold when the run ends; of `partly`
    ones only the upstream asset is done; the work looks at `left_alone` ones and does nothing.
    """
    register(SECRET)

    def work(month: str, selected: Sequence[dg.AssetKey]) -> Reports:
        if month in bad:
            raise PermanentError(f"{month} has no rows; the key was {SECRET}.")
        if month in broken:
            raise RuntimeError(f"a bug with {SECRET}")
        check = CheckReport(PROOF, month not in odd, f"compared {month}")
        reports = {
            UPSTREAM: PartitionReport(
                {"month_read": month},
                [check],
                {DOWNSTREAM: CheckReport(SUMS, False, "no longer what it should be")}
                if month in stale
                else {},
            ),
            DOWNSTREAM: PartitionReport({"month_summed": month}),
        }
        if month in partly:
            raise PartlyDoneError(f"{month} has no sums.", {UPSTREAM: reports[UPSTREAM]})
        return {key: reports[key] for key in selected if month not in left_alone}

    @dg.multi_asset(
        name="toy_months",
        specs=[
            dg.AssetSpec(UPSTREAM, partitions_def=MONTHS),
            dg.AssetSpec(DOWNSTREAM, deps=[UPSTREAM], partitions_def=MONTHS),
        ],
        check_specs=[
            dg.AssetCheckSpec(PROOF, asset=UPSTREAM, partitions_def=MONTHS),
            dg.AssetCheckSpec(SUMS, asset=DOWNSTREAM, partitions_def=MONTHS),
        ][: 2 if partly else 1],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def toy_months(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        selected = [key for key in (UPSTREAM, DOWNSTREAM) if key in context.selected_asset_keys]
        yield from run_partitions(
            context,
            selected,
            lambda month: work(month, selected),
            failed_check=dg.AssetCheckKey(UPSTREAM, PROOF),
            confirm=lambda: changed or {},
        )

    return dg.Definitions(
        assets=[toy_months],
        jobs=[dg.define_asset_job("toy", selection=dg.AssetSelection.assets(UPSTREAM, DOWNSTREAM))],
        executor=dg.in_process_executor,
    )


@dataclass
class Ran:
    """A finished run and the instance that keeps its events."""

    instance: dg.DagsterInstance
    result: dg.ExecuteInProcessResult

    def materialized(self, key: dg.AssetKey, field: str) -> dict[str | None, object]:
        """What each event of an asset says, by partition; a partition with two events is an error."""
        found: dict[str | None, object] = {}
        for event in self._events(dg.DagsterEventType.ASSET_MATERIALIZATION):
            made = event.step_materialization_data.materialization
            if made.asset_key == key:
                assert made.partition not in found
                found[made.partition] = made.metadata[field].value
        return found

    def verdicts(self) -> list[tuple[str | None, bool, str]]:
        found = [
            event.asset_check_evaluation_data
            for event in self._events(dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        ]
        return [(one.partition, one.passed, one.description or "") for one in found]

    def _events(self, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
        """As stored: what is logged before a step fails is not among the result's own events."""
        records = self.instance.all_logs(self.result.run_id, of_type=kind)
        return [record.get_dagster_event() for record in records]

    def statuses(self, key: dg.AssetKey) -> dict[str, str | None]:
        keys = MONTHS.get_partition_keys()
        found = self.instance.get_status_by_partition(key, keys, MONTHS) or {}
        return {month: status.value if status else None for month, status in found.items()}

    @property
    def failure(self) -> str:
        (event,) = [event for event in self.result.all_node_events if event.is_step_failure]
        data = event.step_failure_data.user_failure_data
        assert data is not None
        return data.description or ""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(
    instance: dg.DagsterInstance,
    definitions: dg.Definitions,
    first: str,
    last: str | None = None,
    selection: list[dg.AssetKey] | None = None,
) -> Ran:
    tags = {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last or first,
    }
    result = definitions.resolve_job_def("toy").execute_in_process(
        instance=instance,
        raise_on_error=False,
        **({"tags": tags} if last else {"partition_key": first}),  # type: ignore[arg-type]
        asset_selection=selection,
    )
    return Ran(instance, result)


def test_good_months_have_one_materialization_and_one_verdict_each(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(), "2025-02-01", last="2025-04-01")
    wanted = ["2025-02-01", "2025-03-01", "2025-04-01"]
    assert ran.result.success
    assert ran.materialized(UPSTREAM, "month_read") == {month: month for month in wanted}
    assert ran.materialized(DOWNSTREAM, "month_summed") == {month: month for month in wanted}
    own = [verdict for verdict in ran.verdicts() if verdict[0]]
    assert own == [(month, True, f"compared {month}") for month in wanted]


def test_the_latest_verdict_is_one_over_the_whole_range(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(odd=["2025-03-01"]), "2025-02-01", last="2025-04-01")
    summaries = [verdict for verdict in ran.verdicts() if not verdict[0]]
    assert ran.result.success
    assert summaries == [(None, False, "2025-03-01: compared 2025-03-01")]
    assert [passed for month, passed, _ in ran.verdicts() if month == "2025-03-01"] == [False]


def test_one_bad_month_stops_neither_its_neighbours_nor_their_chain(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(bad=["2025-03-01"]), "2025-01-01", last="2025-05-01")
    good = {month: month for month in ("2025-01-01", "2025-02-01", "2025-04-01", "2025-05-01")}
    assert not ran.result.success
    assert ran.materialized(UPSTREAM, "month_read") == good
    assert ran.materialized(DOWNSTREAM, "month_summed") == good
    for key in (UPSTREAM, DOWNSTREAM):
        assert ran.statuses(key) == {
            **dict.fromkeys(good, "MATERIALIZED"),
            "2025-03-01": "FAILED",
            "2025-06-01": None,
        }


def test_a_failed_run_names_the_bad_months_and_why(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(bad=["2025-03-01"]), "2025-01-01", last="2025-05-01")
    assert ran.failure.startswith(
        "1 of 5 partitions failed, the others are done: 2025-03-01: 2025-03-01 has no"
    )
    failed = [verdict for verdict in ran.verdicts() if not verdict[1]]
    assert failed[0] == ("2025-03-01", False, "2025-03-01 has no rows; the key was ***.")
    assert [verdict[0] for verdict in ran.verdicts() if verdict[1]] == [
        *("2025-01-01", "2025-02-01", "2025-04-01", "2025-05-01"),
    ]


def test_the_verdict_that_stands_for_the_asset_is_not_that_of_the_last_good_month(
    instance: dg.DagsterInstance,
) -> None:
    ran = run(instance, build(bad=["2025-03-01"]), "2025-01-01", last="2025-05-01")
    month, passed, told = ran.verdicts()[-1]
    assert (month, passed) == (None, False)
    assert told.startswith("1 of 5 partitions failed, the others are done: 2025-03-01")
    key = dg.AssetCheckKey(UPSTREAM, PROOF)
    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert newest.status.value == "FAILED"


def test_what_no_longer_holds_at_the_end_fails_its_partition(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(changed={"2025-02-01": "it changed"}), "2025-01-01", last="2025-03-01")
    assert not ran.result.success
    assert sorted(map(str, ran.materialized(UPSTREAM, "month_read"))) == ["2025-01-01", "2025-03-01"]
    assert ("2025-02-01", False, "it changed") in ran.verdicts()


def test_a_verdict_on_an_asset_that_is_not_in_the_run_stands_for_it(instance: dg.DagsterInstance) -> None:
    definitions = build(stale=["2025-02-01"])
    ran = run(instance, definitions, "2025-01-01", last="2025-03-01", selection=[UPSTREAM])
    assert ran.result.success
    assert [verdict for verdict in ran.verdicts() if not verdict[1]] == [
        ("2025-02-01", False, "no longer what it should be"),
        (None, False, "2025-02-01: no longer what it should be"),
    ]


def test_many_bad_months_are_counted_and_the_first_five_told(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(bad=MONTHS.get_partition_keys()), "2025-01-01", last="2025-06-01")
    assert ran.failure.startswith("6 of 6 partitions failed")
    assert ran.failure.endswith("(and 1 more)")
    assert ran.materialized(UPSTREAM, "month_read") == {}


def test_no_secret_reaches_an_event(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(bad=["2025-03-01"]), "2025-02-01", last="2025-03-01")
    records = instance.all_logs(ran.result.run_id)
    assert any("2025-03-01 failed" in record.user_message for record in records)
    assert SECRET not in " ".join(map(repr, records))


def test_a_bug_in_one_month_still_records_what_the_others_committed(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(broken=["2025-03-01"]), "2025-01-01", last="2025-04-01")
    assert not ran.result.success
    assert sorted(map(str, ran.materialized(UPSTREAM, "month_read"))) == [
        *("2025-01-01", "2025-02-01", "2025-04-01"),
    ]
    assert SECRET not in " ".join(map(repr, instance.all_logs(ran.result.run_id)))


def test_a_reversed_range_is_a_failure_that_says_so(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(), "2025-04-01", last="2025-02-01")
    assert not ran.result.success
    assert ran.failure == "The run's range holds no partition: its ends may be reversed."


def test_part_of_the_chain_can_be_run_alone(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(), "2025-02-01", last="2025-03-01", selection=[DOWNSTREAM])
    assert ran.result.success
    assert list(ran.materialized(DOWNSTREAM, "month_summed")) == ["2025-02-01", "2025-03-01"]
    assert ran.materialized(UPSTREAM, "month_read") == {}
    assert ran.verdicts() == []


def test_a_bad_month_of_part_of_the_chain_writes_no_verdict_about_the_rest(
    instance: dg.DagsterInstance,
) -> None:
    ran = run(instance, build(bad=["2025-03-01"]), "2025-02-01", last="2025-03-01", selection=[DOWNSTREAM])
    assert list(ran.materialized(DOWNSTREAM, "month_summed")) == ["2025-02-01"]
    assert ran.verdicts() == []
    assert ran.statuses(DOWNSTREAM)["2025-03-01"] == "FAILED"


def test_a_run_of_one_month_has_one_verdict_of_its_own(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(), "2025-02-01")
    assert ran.result.success
    assert ran.materialized(UPSTREAM, "month_read") == {"2025-02-01": "2025-02-01"}
    assert ran.materialized(DOWNSTREAM, "month_summed") == {"2025-02-01": "2025-02-01"}
    assert ran.verdicts() == [("2025-02-01", True, "2025-02-01: compared 2025-02-01")]


def test_the_verdict_of_a_range_of_one_month_carries_the_month(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(), "2025-02-01", last="2025-02-01")
    assert ran.materialized(UPSTREAM, "month_read") == {"2025-02-01": "2025-02-01"}
    assert ("2025-02-01", True, "compared 2025-02-01") in ran.verdicts()


def test_a_bad_month_alone_fails_its_run(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(bad=["2025-02-01"]), "2025-02-01")
    assert ran.failure.startswith("1 of 1 partitions failed")
    assert ran.verdicts() == [("2025-02-01", False, "2025-02-01 has no rows; the key was ***.")]


def test_repeating_only_the_bad_month_makes_the_range_whole(instance: dg.DagsterInstance) -> None:
    run(instance, build(bad=["2025-03-01"]), "2025-02-01", last="2025-04-01")
    ran = run(instance, build(), "2025-03-01")
    wanted = ("2025-02-01", "2025-03-01", "2025-04-01")
    for key in (UPSTREAM, DOWNSTREAM):
        assert {month for month, status in ran.statuses(key).items() if status == "MATERIALIZED"} == set(
            wanted
        )


def test_of_a_month_that_failed_half_way_the_first_half_is_done(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(partly=["2025-03-01"]), "2025-02-01", last="2025-03-01")
    assert not ran.result.success
    assert list(ran.materialized(UPSTREAM, "month_read")) == ["2025-02-01", "2025-03-01"]
    assert list(ran.materialized(DOWNSTREAM, "month_summed")) == ["2025-02-01"]
    assert ran.statuses(UPSTREAM)["2025-03-01"] == "MATERIALIZED"
    assert ran.statuses(DOWNSTREAM)["2025-03-01"] == "FAILED"
    assert "2025-03-01: 2025-03-01 has no sums." in ran.failure
    # The first asset's own verdict stands; only the other one's says that it was not looked at.
    assert ("2025-03-01", True, "compared 2025-03-01") in ran.verdicts()
    assert [(month, told) for month, passed, told in ran.verdicts() if not passed] == [
        ("2025-03-01", "Not looked at, the partition failed: 2025-03-01 has no sums."),
        (None, "1 of 2 partitions failed, the others are done: 2025-03-01: 2025-03-01 has no sums."),
    ]


def test_a_month_alone_that_failed_half_way(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(partly=["2025-03-01"]), "2025-03-01")
    assert not ran.result.success
    assert list(ran.materialized(UPSTREAM, "month_read")) == ["2025-03-01"]
    assert ran.materialized(DOWNSTREAM, "month_summed") == {}
    assert [(month, passed) for month, passed, _ in ran.verdicts()] == [
        ("2025-03-01", True),
        ("2025-03-01", False),
    ]


def test_a_month_that_was_left_alone_has_no_event_and_no_failure(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(left_alone=["2025-03-01"]), "2025-03-01")
    assert ran.result.success
    assert ran.materialized(UPSTREAM, "month_read") == {}
    assert ran.materialized(DOWNSTREAM, "month_summed") == {}
    assert ran.verdicts() == []
    assert ran.statuses(UPSTREAM)["2025-03-01"] is None


def test_the_months_beside_one_that_was_left_alone_are_done(instance: dg.DagsterInstance) -> None:
    ran = run(instance, build(left_alone=["2025-03-01"]), "2025-02-01", last="2025-04-01")
    assert ran.result.success
    for key, figure in ((UPSTREAM, "month_read"), (DOWNSTREAM, "month_summed")):
        assert list(ran.materialized(key, figure)) == ["2025-02-01", "2025-04-01"]
        assert ran.statuses(key)["2025-03-01"] is None
    assert ran.verdicts()[-1] == (None, True, "Passed for all 2 partitions.")


def test_the_house_months_serve_range_runs() -> None:
    assert month_partitions(MONTHS.start.date(), "UTC").get_partition_keys()[:2] == [
        "2025-01-01",
        "2025-02-01",
    ]
