"""Sends rejected leads again, after their cause was corrected: as they are now, and the destination decides anew."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.scouter.export_jobs.configuration import read_configuration
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.last_synced import LastSynced
from sync_pipelines.scouter.lead import Position, Rejected
from sync_pipelines.scouter.push.batch import Outcome, Stage
from sync_pipelines.scouter.push.extract import PAGE, WHAT, require_sight
from sync_pipelines.scouter.push.load import Sender
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.parts import PushParts
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.push.prove import ReadBack
from sync_pipelines.scouter.push.report import Progress

NOT_HELD = "aceito, mas o Gestão Scouter não o guardou como foi enviado"


@dataclass
class Replay:
    """What became of the rejected leads: accepted and proved, rejected again, or no longer in TabuladorMax."""

    accepted: int = 0
    rejected: int = 0
    gone: int = 0
    proof: ReadBack = field(default_factory=ReadBack)

    def add(self, other: Replay) -> None:
        """Add another's counts."""
        self.accepted += other.accepted
        self.rejected += other.rejected
        self.gone += other.gone
        self.proof.add(other.proof)

    def sentence(self) -> str:
        counts = f"{self.accepted} leads were accepted, {self.rejected} rejected again, {self.gone} are gone."
        return f"{counts} {self.proof.sentence()}" if self.accepted else counts


def replay(
    push: LeadPush, run_id: str, *, job_id: str | None = None, accepted: Collection[str] = ()
) -> Replay:
    """Send the rejected leads of a job, or of all jobs, again; a job at a time, with its own mapping.

    Held leads are held again, unless `accepted` holds the decision about them. Raises SyncError if another push is
    running, the integration is switched off, the destination is away, or it does not hold what it accepted.
    """
    total, options = Replay(), PushOptions.of(send_all=True, accept=accepted)
    with ExitStack() as stack:
        ops = stack.enter_context(push.alone())
        last_synced = LastSynced(ops, push.destination.label)
        control = stack.enter_context(push.source())
        with postgres.errors_about(WHAT):
            if refusal := read_configuration(control).refusal():
                raise PermanentError(refusal)
            require_sight(control)
            for one in _jobs_with_errors(control, job_id):
                total.add(_replay_job(push, control, last_synced, job_id=one, run_id=run_id, options=options))
    if not total.proof.holds:
        raise PermanentError(total.proof.sentence())
    return total


def _jobs_with_errors(control: postgres.Connection, job_id: str | None) -> list[str]:
    """Jobs that are neither pending nor running: a run moves the counters and error rows of its job itself."""
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
    last_synced: LastSynced,
    *,
    job_id: str,
    run_id: str,
    options: PushOptions,
) -> Replay:
    work, done = ExportWork(control), Replay()
    report = push.examine(control, work.get(job_id))
    if not report.fits:
        raise PermanentError(report.refusal())
    with ExitStack() as stack:
        client = stack.enter_context(push.destination.client())
        parts = PushParts(push, stack, report, client=client, ops=last_synced.connection, run_id=run_id)
        parts.settle(control)
        reader = parts.reader(control)
        batcher, prover = parts.batcher(reader, options), parts.prover(last_synced)
        sender = Sender(client, report.mapping.columns)
        progress = Progress(connection=control, jobs=work, job_id=job_id, run_id=run_id)
        for positions in _rejected_pages(control, job_id):
            for batch in batcher.batches(positions, lambda _: Stage("replay")):
                outcome = sender.send(batch)
                found = prover.prove(outcome.accepted)
                prover.drop(outcome.rejected)
                _reject_wrong(outcome, found)
                progress.commit([outcome])
                done.add(Replay(len(outcome.accepted), len(outcome.rejected), batch.gone, proof=found))
    return done


def _reject_wrong(outcome: Outcome, found: ReadBack) -> None:
    """A lead that is not there as it was sent keeps its error row: no later push would send it by itself."""
    wrong = set(found.wrong_ids)
    outcome.rejected += [Rejected(lead, None, NOT_HELD) for lead in outcome.accepted if lead.id in wrong]
    outcome.accepted = [lead for lead in outcome.accepted if lead.id not in wrong]


def _rejected_pages(control: postgres.Connection, job_id: str) -> list[list[Position]]:
    """Positions of the leads with an error row in the job."""
    rows = control.execute(
        "select distinct lead_id from public.gestao_scouter_export_errors"
        " where job_id = %s and lead_id is not null order by lead_id",
        (job_id,),
    )
    positions = [Position(None, lead_id) for (lead_id,) in rows]
    return [positions[at : at + PAGE] for at in range(0, len(positions), PAGE)]
