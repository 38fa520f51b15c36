"""A claimed job from its first day to its end.

Three endings: completed; paused, with the reason and how to go on (by a person, or because the destination is away,
rejects our key or has another schema); failed, if the destination does not hold what it accepted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import date
from functools import partial

import psycopg

from sync_pipelines.lib import redaction
from sync_pipelines.lib.failures import PermanentError, SyncError, from_postgres
from sync_pipelines.scouter.export_jobs.configuration import read_configuration
from sync_pipelines.scouter.export_jobs.job import ExportJob, Phase, Status
from sync_pipelines.scouter.export_jobs.progress import Step
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.last_synced import LastSynced
from sync_pipelines.scouter.lead import Position
from sync_pipelines.scouter.push.day_outcome import DayOutcome
from sync_pipelines.scouter.push.destination_schema import DestinationSchema
from sync_pipelines.scouter.push.engine import PushEngine
from sync_pipelines.scouter.push.extract import WHAT
from sync_pipelines.scouter.push.job_end import (
    MISMATCH,
    STOPPED,
    TOO_MANY_REJECTED,
    PausedError,
    lost_after_proof,
    pause,
    stopped_by_person,
)
from sync_pipelines.scouter.push.load import SchemaChangedError
from sync_pipelines.scouter.push.stop_errors import StoppedError, SwitchedOffError, TooManyRejectedError


@dataclass
class JobRun:
    """A run of a claimed job; `LeadPush.open` makes it."""

    job: ExportJob
    work: ExportWork
    engine: PushEngine
    schema: DestinationSchema
    last_synced: LastSynced
    #: All days of the job, most recent first, and those that earlier runs left to do.
    all_days: list[date]
    days: list[date]
    #: Whether the days of earlier runs are read again before the job ends.
    rereads_earlier_days: bool
    #: Columns of TabuladorMax that no field uses and nobody has decided about.
    unmapped: tuple[str, ...] = ()
    #: Days whose proof failed, in this run or in an earlier one.
    unproved: list[date] = field(default_factory=list)
    _is_reloaded: bool = False
    #: The job's status when the last day ended.
    _status: Status | None = "running"
    _under_way: Generator[DayOutcome] | None = None

    def push_day(self, day: date) -> DayOutcome:
        """Push one day and prove it. Raises PermanentError if the proof fails, PausedError if the job stops.

        The caller asks for the days in order; the next ones are under way meanwhile. A day that is over is returned
        even if the job was paused meanwhile: no later run pushes it again.
        """
        self._require_running(self._status)
        outcome = self._run_stage(lambda: self._next(day))
        following = self.days[self.days.index(day) + 1 :]
        next_day = following[0] if following else day
        if not outcome.proof.holds:
            self.unproved.append(day)
            self.work.note_unproved(self.job.id, day)
            self._status = self.work.advance(self.job.id, Step(processing_date=next_day))
            raise PermanentError(outcome.proof.sentence())
        step = Step(processing_date=next_day, last_completed_date=day)
        self._status = self.work.advance(self.job.id, step)
        return outcome

    def close(self) -> DayOutcome:
        """Push leads of no day (if the job has no oldest day) and what changed meanwhile; then end the job."""
        self.leave()
        total = DayOutcome()
        if self.job.end_date is None and self.job.phase != "catch_up":
            if self.job.phase != "undated":
                self._require_running(self.work.advance(self.job.id, Step(phase="undated")))
            total.merge(self._run_stage(lambda: self.engine.undated(self._checkpoint("undated", None))))
        self._require_running(self.work.advance(self.job.id, Step(phase="catch_up")))
        total.merge(self._run_stage(self.engine.catch_up))
        total.merge(self._reread())
        lasting = self._run_stage(self.engine.still_there)
        total.merge(lasting)
        if not lasting.proof.holds:
            self.work.fail(self.job.id, lost_after_proof(lasting.proof))
        elif self.unproved or not total.proof.holds:
            days = ", ".join(f"{day:%d/%m/%Y}" for day in self.unproved) or "as últimas alterações"
            self.work.fail(
                self.job.id,
                f"A conferência encontrou diferenças no Gestão Scouter em {days}. Reinicie (reset).",
            )
        else:
            self._finish()
        return total

    def leave(self) -> None:
        """End what is under way behind the last day that was returned: it counts for nothing and is sent again."""
        if self._under_way is not None:
            self._under_way.close()
            self._under_way = None

    def paused(self, reason: str, *, by_person: bool = False) -> PausedError:
        """Pause the job; returns the error to raise."""
        return pause(self.work, self.job.id, reason, by_person=by_person)

    def _reread(self) -> DayOutcome:
        """Read the days of earlier runs again; all days if a column was away meanwhile, because it is empty since."""
        total, has_read_all = DayOutcome(), False
        while (self._is_reloaded and not has_read_all) or self.rereads_earlier_days:
            has_read_all, self.rereads_earlier_days = self._is_reloaded, False
            newest = self.all_days[0]
            oldest = self.all_days[-1] if has_read_all or not self.days else self.days[0]
            undated = self.job.end_date is None and (has_read_all or self.job.phase == "catch_up")
            total.merge(self._run_stage(partial(self.engine.again, newest, oldest, undated=undated)))
        return total

    def _next(self, day: date) -> DayOutcome:
        if self._under_way is None:
            self._require_running(self.work.advance(self.job.id, Step(processing_date=day)))
            left = self.days[self.days.index(day) :]
            self._under_way = self.engine.days(left, self._checkpoint("days", day))
        try:
            return next(self._under_way)
        except BaseException:
            self._under_way = None
            raise

    def _finish(self) -> None:
        try:
            self.work.finish(self.job.id)
        except PermanentError:
            held = self.work.hold(self.job.id)
            self._require_running(held.status if held else None)  # a person was quicker
            raise

    def _checkpoint(self, phase: Phase, day: date | None) -> Position | None:
        """How far an earlier run, or this one before a reload, came in this phase and day."""
        job = self.work.get(self.job.id)
        is_here = job.phase == phase and (day is None or job.processing_date == day)
        return job.cursor if is_here else None

    def _require_running(self, status: str | None) -> None:
        if status != "running":
            raise stopped_by_person(status)

    def _run_stage(self, stage: Callable[[], DayOutcome]) -> DayOutcome:
        """Run a stage; if it cannot go on, pause the job with the reason and how to go on."""
        if refusal := read_configuration(self.work.connection).refusal():
            raise self.paused(refusal, by_person=True)
        try:
            return stage()
        except PausedError:
            raise
        except StoppedError as stop:
            raise stopped_by_person(stop.status) from None
        except SwitchedOffError as off:
            raise self.paused(off.refusal, by_person=True) from None
        except TooManyRejectedError:
            raise self.paused(TOO_MANY_REJECTED) from None
        except SchemaChangedError as changed:
            return self._run_after_reload(stage, changed)
        except SyncError as error:
            raise self.paused(f"{STOPPED} {error}") from None
        except psycopg.Error as error:
            reason = str(from_postgres(error, what=WHAT))
            if self.work.connection.closed:
                # The connection that would pause the job is gone: it stays `running`, and the sensor resumes it.
                raise PausedError(reason, by_person=False) from None
            raise self.paused(f"{STOPPED} {reason}") from None
        except Exception as error:  # no error may leave a job `running`
            raise self.paused(f"{STOPPED} {redaction.redacted_exception(error)}") from None

    def _run_after_reload(self, stage: Callable[[], DayOutcome], changed: SchemaChangedError) -> DayOutcome:
        """The destination does not find a column: reload its cache once, then run the stage or pause with the SQL."""
        reason = str(changed)
        self.last_synced.doubt_what_was_away(changed.problem)
        if not self._is_reloaded:
            self._is_reloaded = True
            try:
                self.schema.reload()
            except SyncError as error:
                reason = f"{reason} {error}"
            else:
                return self._run_stage(stage)
        with contextlib.suppress(SyncError):  # the server's own answer is enough to pause
            reason = f"{reason} {self.schema.examine().refusal()}"
        raise self.paused(f"{MISMATCH} {reason}")
