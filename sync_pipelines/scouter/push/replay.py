"""Refused leads once more, after their cause was mended: as they are now, each decided by the destination anew."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.scouter.client import destination_label
from sync_pipelines.scouter.export_jobs.configuration import read_configuration
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.lead import Outcome, Position, Rejected
from sync_pipelines.scouter.push.extract import PAGE, WHAT, require_sight
from sync_pipelines.scouter.push.last_synced import Exchanges
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.parts import Engine
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.push.prove import ReadBack
from sync_pipelines.scouter.push.report import Progress

NOT_HELD = "aceito, mas o Gestão Scouter não o guardou como foi enviado"


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


def replay(
    push: LeadPush, run_id: str, *, job_id: str | None = None, accepted: Collection[str] = ()
) -> Replay:
    """Send the refused leads of a job, or of all jobs, again; a job at a time, with its own mapping.

    Leads that were held back are held back again, unless `accepted` holds the decision about them.
    Raises SyncError: another push is at work, the integration is switched off, the destination is away, or what it
    accepted is not what it holds.
    """
    total, options = Replay(), PushOptions.of(send_all=True, accept=accepted)
    with ExitStack() as stack:
        ops = stack.enter_context(push.alone())
        destination = destination_label(push.settings)
        control = stack.enter_context(push.source())
        with postgres.errors_about(WHAT):
            if refusal := read_configuration(control).refusal():
                raise PermanentError(refusal)
            require_sight(control)
            for one in _jobs_with_errors(control, job_id):
                _replay_job(
                    push,
                    control,
                    Exchanges(ops, destination),
                    job_id=one,
                    run_id=run_id,
                    options=options,
                    total=total,
                )
    if not total.proof.holds:
        raise PermanentError(total.proof.sentence())
    return total


def _jobs_with_errors(control: postgres.Connection, job_id: str | None) -> list[str]:
    """The jobs that stand still: of the others the walk itself still moves counters and error rows."""
    if job_id is not None:
        job = ExportWork(control).get(job_id)
        if job.status in ("pending", "running"):
            raise TransientError(
                f"A exportação {job.id} ainda não terminou: espere, ou pause-a antes do reenvio."
            )
        job_id = job.id
    rows = control.execute(
        "select id::text from public.gestao_scouter_export_jobs as job"
        " where (%(job)s::uuid is null or id = %(job)s::uuid) and status not in ('pending', 'running')"
        " and exists (select from public.gestao_scouter_export_errors where job_id = job.id) order by created_at, id",
        {"job": job_id},
    )
    return [job for (job,) in rows]


def _replay_job(
    push: LeadPush,
    control: postgres.Connection,
    exchanges: Exchanges,
    job_id: str,
    run_id: str,
    options: PushOptions,
    total: Replay,
) -> None:
    work = ExportWork(control)
    job = work.get(job_id)
    report = push.examine(control, job)
    if not report.fits:
        raise PermanentError(report.refusal())
    with push.source() as connection, push.client(push.settings) as client:
        engine = Engine(settings=push.settings, clock=push.clock, client=client, report=report)
        reader = engine.reader(connection)
        progress = Progress(connection=control, jobs=work, job_id=job_id, run_id=run_id)
        slicer = engine.slicer(reader, exchanges, options, run_id=run_id)
        parts = engine.push(reader, [slicer], exchanges=exchanges, progress=progress)
        for ids in _refused(control, job_id):
            page = [Position(None, lead_id) for lead_id in ids]
            for piece in slicer.slices(page):
                total.gone += piece.gone
                outcome = parts.sender.send(piece)
                found = parts.comparison.read_back(outcome.accepted)
                _refuse(outcome, found)
                progress.commit([outcome], day=None, stretch="replay")
                exchanges.record(found.equal_leads, run_id=run_id)
                exchanges.forget(found.wrong_ids)
                total.accepted += len(outcome.accepted)
                total.rejected += len(outcome.rejected)
                total.proof.add(found)


def _refuse(outcome: Outcome, found: ReadBack) -> None:
    """What is not there as it was sent keeps its row: no later push comes to the lead by itself."""
    wrong = set(found.wrong_ids)
    outcome.rejected += [Rejected(lead, None, NOT_HELD) for lead in outcome.accepted if lead.id in wrong]
    outcome.accepted = [lead for lead in outcome.accepted if lead.id not in wrong]


def _refused(control: postgres.Connection, job_id: str) -> list[list[int]]:
    rows = control.execute(
        "select distinct lead_id from public.gestao_scouter_export_errors"
        " where job_id = %s and lead_id is not null order by lead_id",
        (job_id,),
    )
    ids = [lead_id for (lead_id,) in rows]
    return [ids[at : at + PAGE] for at in range(0, len(ids), PAGE)]
