"""The sensor that requests a load of what a download changed, and of what others changed since."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import dagster as dg

from sync_pipelines.hitss.defs import descriptions
from sync_pipelines.hitss.defs.automation import load_job
from sync_pipelines.hitss.dre.baseline import read_proved_months
from sync_pipelines.hitss.dre.lines import EMPTY_MONTH
from sync_pipelines.hitss.dre.pending import Pending
from sync_pipelines.hitss.dre.pipeline import Comparison, DrePipeline
from sync_pipelines.hitss.dre.tables import CHAIN, EXPORT
from sync_pipelines.lib.orchestration.key_ranges import contiguous
from sync_pipelines.lib.orchestration.schedules import sensor_status
from sync_pipelines.lib.orchestration.unfinished_runs import has_unfinished_run
from sync_pipelines.lib.records import Records, open_records

#: A month that failed is requested again by the sensor this often for one workbook; then a person decides.
MAX_ATTEMPTS = 3
#: The sensor reads every row of the tables at least this often.
LOOK_EVERY = timedelta(minutes=5)
SENSOR = "hitss_changed_months"


class SeenState(NamedTuple):
    """What the sensor saw when it last read the tables: the newest workbook and proof, and when that was."""

    landed: int
    proof: int
    looked_at: datetime

    @classmethod
    def read(cls, records: Records, moment: datetime) -> "SeenState | None":
        """The newest workbook and proof; None before the first workbook."""
        landing = records.landings.newest(EXPORT)
        if landing is None:
            return None
        proof = max(records.proofs.newest_id(f"hitss/{name}") for name in CHAIN)
        return cls(landing.id, proof, moment.astimezone(UTC))

    def is_as_seen(self, seen: "SeenState") -> bool:
        """Whether nothing happened since, and the tables were read a short while ago."""
        return self[:2] == seen[:2] and self.looked_at - seen.looked_at < LOOK_EVERY

    @classmethod
    def parse(cls, cursor: str | None) -> "SeenState | None":
        """From the sensor's cursor; None for none, or for one of another form."""
        try:
            landed, proof, moment = (cursor or "").split(" ")
            return cls(int(landed), int(proof), datetime.fromisoformat(moment))
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.landed} {self.proof} {self.looked_at.isoformat()}"


def changed_months_sensor(
    dre: DrePipeline, months: dg.MonthlyPartitionsDefinition, *, on: bool
) -> dg.SensorDefinition:
    """A sensor that compares the newest usable workbook with what the tables hold, and requests the difference.

    It reads states and not events, so a night without a daemon heals by itself. It reads the tables after a workbook
    landed or a load ended, and otherwise every LOOK_EVERY: that takes the database a second.
    """

    @dg.sensor(
        name=SENSOR,
        job=load_job,
        minimum_interval_seconds=30,
        default_status=sensor_status(on),
        description="Requests the months in which a table is not what the newest workbook says.",
    )
    def hitss_changed_months(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if has_unfinished_run(context.instance, tags={"dagster/sensor_name": SENSOR}):
            return dg.SkipReason("A load that this sensor requested is still under way.")
        with open_records(dre.ops_url) as records:
            now = SeenState.read(records, dre.clock())
            if now is None:
                return dg.SkipReason("No usable workbook has been landed yet.")
            seen = SeenState.parse(context.cursor)
            if seen and now.is_as_seen(seen):
                return dg.SkipReason(
                    f"Nothing landed or was loaded since the tables were looked at ({seen.looked_at:%H:%M} UTC)."
                )
            found = dre.compare(records)
            assert found is not None
            stopped = _stopped(records, found)
        return _answer(context.instance, months.get_partition_keys(), found, stopped=stopped, now=now)

    return hitss_changed_months


def _answer(
    instance: dg.DagsterInstance,
    order: Sequence[str],
    found: Comparison,
    *,
    stopped: Sequence[str],
    now: SeenState,
) -> dg.SensorResult:
    """The runs to request, or why there are none."""
    attempts = failed_attempts(instance, found.landing.id, order)
    # What a guard stops waits for a person's `accept`: another request would only fail again.
    attempts.update(dict.fromkeys(stopped, MAX_ATTEMPTS))
    requests = list(_requests(found.pending, order, found.landing.id, proof=now.proof, attempts=attempts))
    if requests:
        return dg.SensorResult(run_requests=requests, cursor=str(now))
    return dg.SensorResult(skip_reason=_nothing_to_request(found.pending), cursor=str(now))


def _stopped(records: Records, found: Comparison) -> list[str]:
    """The months that a guard stopped at the download, and that nobody has loaded knowingly since."""
    proved = read_proved_months(records)
    return [
        month
        for month in found.landing.details.get("stopped", ())
        if month not in proved or proved[month].full != found.contents.get(month, EMPTY_MONTH).full
    ]


def _nothing_to_request(pending: Pending) -> str:
    if not pending.problems:
        return "Every row of the four tables was looked at: every month is as the newest workbook says."
    return f"{len(pending.problems)} months wait for a person: {' '.join(pending.sentences()[:3])}"


def failed_attempts(instance: dg.DagsterInstance, landed_id: int, order: Sequence[str]) -> Counter[str]:
    """How many runs that this sensor requested for a workbook failed, by each month they were to load.

    Runs are counted and not proofs: a run that died before its first month proved nothing, and its run key is used
    up all the same.
    """
    tags = {"dagster/sensor_name": SENSOR, "sync/workbook": str(landed_id)}
    ended = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    attempts: Counter[str] = Counter()
    for run in instance.get_runs(dg.RunsFilter(tags=tags, statuses=ended)):
        first, last = (run.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
        attempts.update(key for key in order if first <= key <= last)
    return attempts


def _requests(
    pending: Pending, order: Sequence[str], landed_id: int, proof: int, attempts: Mapping[str, int]
) -> Iterator[dg.RunRequest]:
    """One run a range without gaps; of months in which only people changed, only the lines.

    The run key contains the newest proof, so that a month that is damaged after its load is requested again.
    """
    # None is the job's own selection: the whole chain, without the checks of the tables.
    for wanted, selection in ((pending.changed, None), (pending.refresh, [descriptions.key_of("dre_lines")])):
        open_months = [month for month in wanted if attempts.get(month, 0) < MAX_ATTEMPTS]
        for first, last in contiguous(open_months, order):
            attempt = max(attempts.get(month, 0) for month in open_months if first <= month <= last)
            kind = "lines" if selection else "chain"
            yield dg.RunRequest(
                run_key=f"{landed_id}:{kind}:{first}:{last}:{attempt}:{proof}",
                asset_selection=selection,
                tags={
                    "dagster/asset_partition_range_start": first,
                    "dagster/asset_partition_range_end": last,
                    "sync/workbook": str(landed_id),
                },
            )
