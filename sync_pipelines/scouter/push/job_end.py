"""How a push of a job ends before its time, and the sentences about it that the old screen shows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg

from sync_pipelines.lib import redaction
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.scouter.export_jobs.actions import ExportActions
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.push.prove import ReadBack

STOPPED = "O envio não pôde continuar."
MISMATCH = "Os campos do envio e os do Gestão Scouter não combinam."
RESUME = "Depois retome a exportação (resume): ela continua de onde parou."
TOO_MANY_REJECTED = (
    "A maioria dos leads foi recusada pelo Gestão Scouter, ou retida antes do envio: veja os erros da exportação e"
    " corrija a causa."
)


class PausedError(Exception):
    """The job is paused: `by_person` if somebody asked for it, otherwise by a failure."""

    def __init__(self, sentence: str, *, by_person: bool) -> None:
        super().__init__(redaction.redact(sentence))
        self.by_person = by_person


def pause(work: ExportWork, job_id: str, reason: str, *, by_person: bool = False) -> PausedError:
    """Pause a job with the reason and how to go on; returns the error to raise."""
    sentence = f"{redaction.redact(reason)} {RESUME}"
    with contextlib.suppress(PermanentError):  # a person was quicker: the job is not running any more
        ExportActions(work.connection).pause(job_id, sentence)
    return PausedError(sentence, by_person=by_person)


def stopped_by_person(status: str | None) -> PausedError:
    """The error to raise for a job that a person moved to `status`, or deleted (None)."""
    sentence = {
        None: "A exportação foi excluída durante a execução; o que já tinha sido enviado fica no Gestão Scouter.",
        "paused": "A exportação foi pausada; o que estava a caminho foi concluído.",
        "pending": "A exportação foi reiniciada (reset) ou retomada durante a execução; outra execução a continua.",
    }.get(status, f"A exportação passou a {status} durante a execução.")
    return PausedError(sentence, by_person=True)


def lost_after_proof(proof: ReadBack) -> str:
    """Why a job fails whose proved leads are gone at its end."""
    return (
        f"{len(proof.missing)} leads que tinham sido enviados e conferidos já não estão no Gestão Scouter (como o"
        f" {proof.missing[0]}): algo de lá os apaga, por exemplo um gatilho contra telefones repetidos. Corrija a causa"
        " e reinicie (reset)."
    )


@contextlib.contextmanager
def pausing_on_error(work: ExportWork, job_id: str) -> Iterator[None]:
    """Pause a job whose push ends by an unexpected error: no worker is left, and the screen must show that.

    If the database itself is away the job stays `running`, and the sensor resumes it.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        reason = str(error) if isinstance(error, SyncError) else redaction.redacted_exception(error)
        with contextlib.suppress(SyncError, psycopg.Error):
            if work.get(job_id).status == "running":
                pause(work, job_id, f"{STOPPED} {reason}")
        raise


def release(work: ExportWork, job_id: str) -> None:
    """Release the lock on a job, unless the connection that holds it is lost."""
    if not work.connection.closed and not work.connection.broken:
        work.release(job_id)
