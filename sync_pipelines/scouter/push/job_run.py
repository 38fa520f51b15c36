"""A claimed job from its first day to its end, and how it may end.

Three endings: completed; paused, with the reason and how to go on (by a person, or because the destination is away,
refuses us or has changed); failed, where what was accepted is not what the destination holds.
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
from sync_pipelines.scouter.export_jobs.actions import ExportActions
from sync_pipelines.scouter.export_jobs.configuration import read_configuration
from sync_pipelines.scouter.export_jobs.job import ExportJob, Phase, Status
from sync_pipelines.scouter.export_jobs.progress import Step
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.lead import Position
from sync_pipelines.scouter.push.engine import DayOutcome
from sync_pipelines.scouter.push.extract import WHAT
from sync_pipelines.scouter.push.load import SchemaChangedError
from sync_pipelines.scouter.push.prove import ReadBack
from sync_pipelines.scouter.push.stages import Push, StoppedError, SwitchedOffError, TooManyRejectedError
from sync_pipelines.scouter.schema.report import SchemaReport

STOPPED = "O envio não pôde continuar."
MISMATCH = "Os campos do envio e os do Gestão Scouter não combinam."
RESUME = "Depois retome a exportação (resume): ela continua de onde parou."


class PausedError(Exception):
    """The job is paused; `by_person` where somebody asked for it, else the reason is a failure."""

    def __init__(self, sentence: str, *, by_person: bool) -> None:
        super().__init__(redaction.redact(sentence))
        self.by_person = by_person


@dataclass
class JobWalk:
    """A claimed job and everything that its walk needs; made by `LeadPush.open`."""

    job: ExportJob
    work: ExportWork
    push: Push
    #: What is left of the whole.
    days: list[date]
    whole: list[date]
    #: Whether what earlier runs of the job did is looked at again before it ends.
    looks_again: bool
    #: Has the destination's schema cache reloaded, and waits until writes see every column.
    reload: Callable[[], object]
    #: The doctor's report as things are now.
    look_again: Callable[[], SchemaReport]
    #: Believes nothing of the destination until it was read again.
    doubt: Callable[[], object]
    #: Days whose proof failed, in this run or in one before it.
    unproved: list[date] = field(default_factory=list)
    #: Columns of TabuladorMax that nothing is made of, but for those that are known to stay.
    left_out: tuple[str, ...] = ()
    _reloaded: bool = False
    #: As it was when the last day ended.
    _status: Status | None = "running"
    _under_way: Generator[DayOutcome] | None = None

    def day(self, day: date) -> DayOutcome:
        """Push one day and prove it; raises PermanentError when the proof fails, PausedError when the job stops.

        The days are asked for in their order; the next ones are under way while a day is told of. A day that is at its
        end is told of even where the job was paused meanwhile: no later run comes to it again.
        """
        self._go_on(self._status)
        outcome = self._guarded(lambda: self._next(day))
        following = self.days[self.days.index(day) + 1 :]
        goes_on = following[0] if following else day
        if not outcome.proof.holds:
            self.unproved.append(day)
            self.work.note_unproved(self.job.id, day)
            self._status = self.work.advance(self.job.id, Step(processing_date=goes_on))
            raise PermanentError(outcome.proof.sentence())
        step = Step(processing_date=goes_on, last_completed_date=day)
        self._status = self.work.advance(self.job.id, step)
        return outcome

    def close(self) -> DayOutcome:
        """Leads without a time, where the job goes to the beginning; what changed meanwhile; then the job's end."""
        self.leave()
        total = DayOutcome()
        if self.job.end_date is None and self.job.phase != "catch_up":
            if self.job.phase != "undated":
                self._go_on(self.work.advance(self.job.id, Step(phase="undated")))
            total.merge(self._guarded(lambda: self.push.undated(self._cursor("undated", None))))
        self._go_on(self.work.advance(self.job.id, Step(phase="catch_up")))
        total.merge(self._guarded(self.push.catch_up))
        total.merge(self._looked_again())
        lasting = self._guarded(self.push.still_there)
        total.merge(lasting)
        if not lasting.proof.holds:
            self.work.fail(self.job.id, _taken_away(lasting.proof))
        elif self.unproved or not total.proof.holds:
            days = ", ".join(f"{day:%d/%m/%Y}" for day in self.unproved) or "as últimas alterações"
            self.work.fail(
                self.job.id,
                f"A conferência encontrou diferenças no Gestão Scouter em {days}. Reinicie (reset).",
            )
        else:
            self._finish()
        return total

    def _looked_again(self) -> DayOutcome:
        """Days that an earlier run did; and all where a column was away meanwhile, which is empty since then."""
        total, looked_at_all = DayOutcome(), False
        while (self._reloaded and not looked_at_all) or self.looks_again:
            looked_at_all, self.looks_again = self._reloaded, False
            newest = self.whole[0]
            oldest = self.whole[-1] if looked_at_all or not self.days else self.days[0]
            undated = self.job.end_date is None and (looked_at_all or self.job.phase == "catch_up")
            total.merge(self._guarded(partial(self.push.again, newest, oldest, undated=undated)))
        return total

    def leave(self) -> None:
        """End what is under way beyond the last day that was told of: it counts for nothing and is sent again."""
        if self._under_way is not None:
            self._under_way.close()
            self._under_way = None

    def _next(self, day: date) -> DayOutcome:
        if self._under_way is None:
            self._go_on(self.work.advance(self.job.id, Step(processing_date=day)))
            left = self.days[self.days.index(day) :]
            self._under_way = self.push.days(left, self._cursor("days", day))
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
            self._go_on(held.status if held else None)  # a person was quicker
            raise

    def _cursor(self, phase: Phase, day: date | None) -> Position | None:
        """Where an earlier run, or this one before a reload, came to in this stretch."""
        job = self.work.get(self.job.id)
        is_here = job.phase == phase and (day is None or job.processing_date == day)
        return job.cursor if is_here else None

    def _go_on(self, status: str | None) -> None:
        if status != "running":
            raise PausedError(_stopped(status), by_person=True)

    def _guarded(self, walk: Callable[[], DayOutcome]) -> DayOutcome:
        """Walk; where it cannot go on, pause the job with the reason and how to go on."""
        if refusal := read_configuration(self.work.connection).refusal():
            raise self.paused(refusal, by_person=True)
        try:
            return walk()
        except PausedError:
            raise
        except StoppedError as stop:
            raise PausedError(_stopped(stop.status), by_person=True) from None
        except SwitchedOffError as off:
            raise self.paused(off.refusal, by_person=True) from None
        except TooManyRejectedError:
            raise self.paused(
                "A maioria dos leads foi recusada pelo Gestão Scouter, ou retida antes do envio: veja os erros da"
                " exportação e corrija a causa."
            ) from None
        except SchemaChangedError as changed:
            return self._after_reload(walk, changed)
        except SyncError as error:
            raise self.paused(f"{STOPPED} {error}") from None
        except psycopg.Error as error:
            told = str(from_postgres(error, what=WHAT))
            if self.work.connection.closed:
                # What would pause the job is gone itself: it stays running without a worker, and the sensor resumes it.
                raise PausedError(told, by_person=False) from None
            raise self.paused(f"{STOPPED} {told}") from None
        except Exception as error:  # nothing ends a push and leaves its job running
            raise self.paused(f"{STOPPED} {redaction.redacted_exception(error)}") from None

    def _after_reload(self, walk: Callable[[], DayOutcome], changed: SchemaChangedError) -> DayOutcome:
        """The destination does not see a column: have its cache reloaded once, then go on or pause with the SQL."""
        told = str(changed)
        self.doubt()
        if not self._reloaded:
            self._reloaded = True
            try:
                self.reload()
            except SyncError as error:
                told = f"{told} {error}"
            else:
                return self._guarded(walk)
        with contextlib.suppress(SyncError):  # the server's own word is enough to pause
            told = f"{told} {self.look_again().refusal()}"
        raise self.paused(f"{MISMATCH} {told}")

    def paused(self, reason: str, *, by_person: bool = False) -> PausedError:
        """Pause the job; the error to raise."""
        sentence = f"{redaction.redact(reason)} {RESUME}"
        with contextlib.suppress(PermanentError):  # a person was quicker: it stands still already
            ExportActions(self.work.connection).pause(self.job.id, sentence)
        return PausedError(sentence, by_person=by_person)


def _taken_away(proof: ReadBack) -> str:
    return (
        f"{len(proof.missing)} leads que tinham sido enviados e conferidos já não estão no Gestão Scouter (como o"
        f" {proof.missing[0]}): algo de lá os apaga, por exemplo um gatilho contra telefones repetidos. Corrija a causa"
        " e reinicie (reset)."
    )


def _stopped(status: str | None) -> str:
    return {
        None: "A exportação foi excluída durante a execução; o que já tinha sido enviado fica no Gestão Scouter.",
        "paused": "A exportação foi pausada; o que estava a caminho foi concluído.",
        "pending": "A exportação foi reiniciada (reset) ou retomada durante a execução; outra execução a continua.",
    }.get(status, f"A exportação passou a {status} durante a execução.")


def pause(work: ExportWork, job: ExportJob, reason: str) -> PausedError:
    """Pause a job that could not begin; the error to raise."""
    sentence = f"{redaction.redact(reason)} {RESUME}"
    ExportActions(work.connection).pause(job.id, sentence)
    return PausedError(sentence, by_person=False)
