"""Refused leads once more, after their cause was mended: as they are now, each decided by the destination anew."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.client import destination_label
from sync_pipelines.scouter.exports.work import ExportWork
from sync_pipelines.scouter.push.exchanges import Exchanges
from sync_pipelines.scouter.push.leads import Lead, Position, Slice
from sync_pipelines.scouter.push.progress import Progress
from sync_pipelines.scouter.push.readback import ReadBack
from sync_pipelines.scouter.push.reading import PAGE, WHAT
from sync_pipelines.scouter.pushing import LeadPush, PushOptions

#: Leads in one slice of a replay: it is committed as a whole.
AT_ONCE = 50


@dataclass
class Replay:
    """What became of the refused leads: accepted and proved, refused again, or no longer in TabuladorMax."""

    accepted: int = 0
    rejected: int = 0
    gone: int = 0
    proof: ReadBack = field(default_factory=ReadBack)

    def sentence(self) -> str:
        told = f"{self.accepted} leads were accepted, {self.rejected} refused again, {self.gone} are gone."
        return f"{told} {self.proof.sentence()}" if self.accepted else told


def replay(push: LeadPush, run_id: str, *, job_id: str | None = None) -> Replay:
    """Send the refused leads of a job, or of all jobs, again; a job at a time, with its own mapping.

    Raises SyncError: another push is at work, the destination is away, or what it accepted is not what it holds.
    """
    total = Replay()
    with ExitStack() as stack:
        ops = stack.enter_context(push.alone())
        control = stack.enter_context(push.source())
        with postgres.errors_about(WHAT):
            for one in _jobs_with_errors(control, job_id):
                _replay_job(push, control, ops, one, run_id, total)
    if not total.proof.holds:
        raise PermanentError(total.proof.sentence())
    return total


def _jobs_with_errors(control: postgres.Connection, job_id: str | None) -> list[str]:
    if job_id is not None:
        job_id = ExportWork(control).get(job_id).id
    rows = control.execute(
        "select distinct job_id::text from public.gestao_scouter_export_errors"
        " where %(job)s::uuid is null or job_id = %(job)s::uuid order by 1",
        {"job": job_id},
    )
    return [job for (job,) in rows]


def _replay_job(
    push: LeadPush,
    control: postgres.Connection,
    ops: postgres.Connection,
    job_id: str,
    run_id: str,
    total: Replay,
) -> None:
    work = ExportWork(control)
    job = work.get(job_id)
    report = push.examine(control, job)
    if not report.fits:
        raise PermanentError(report.refusal())
    exchanges = Exchanges(ops, destination_label(push.settings))
    with push.source() as connection, push.client(push.settings) as client:
        reader = push.reader(connection, report)
        progress = Progress(control, work, job_id, run_id)
        engine = push.engine(reader, exchanges, client, exchanges, report, progress, PushOptions())
        for ids in _refused(control, job_id):
            leads = reader.changed(ids, [], send_all=True)
            total.gone += len(ids) - len(leads)
            for piece in _slices(list(leads.values())):
                outcome = engine.sender.send(piece)
                progress.commit([outcome], day=None, stretch="replay")
                found = engine.comparison.read_back(outcome.accepted)
                exchanges.record(found.equal_leads, run_id=run_id)
                exchanges.forget(found.wrong_ids)
                total.accepted += len(outcome.accepted)
                total.rejected += len(outcome.rejected)
                total.proof.add(found)


def _refused(control: postgres.Connection, job_id: str) -> list[list[int]]:
    rows = control.execute(
        "select distinct lead_id from public.gestao_scouter_export_errors"
        " where job_id = %s and lead_id is not null order by lead_id",
        (job_id,),
    )
    ids = [lead_id for (lead_id,) in rows]
    return [ids[at : at + PAGE] for at in range(0, len(ids), PAGE)]


def _slices(leads: list[Lead]) -> list[Slice]:
    pieces = (leads[at : at + AT_ONCE] for at in range(0, len(leads), AT_ONCE))
    return [
        Slice(
            Position(None, piece[-1].id),
            clean=[lead for lead in piece if not lead.is_suspect],
            suspects=[lead for lead in piece if lead.is_suspect],
        )
        for piece in pieces
    ]
