"""erp/empresa: what the ERP says of its company, in the application's `company_profile`.

Grain: one row a company of a user. Done means: the live row says what the ERP said, read again after every trigger.
"""

from __future__ import annotations

from sync_pipelines.erp.company.choice import own_company
from sync_pipelines.erp.company.load import MismatchError, Written, load
from sync_pipelines.erp.company.validate import profile_of
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.erp.outcome import Counts, ModuleOutcome
from sync_pipelines.erp.raw_pages import read_list
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.records.proofs import RecordableProof

ASSET = "erp/empresa"
BRANCH = "the_profile_is_of_the_same_branch"
KNOWN = "the_erp_says_whose_it_is"


def sync_company(session: SyncSession) -> ModuleOutcome:
    """Bring the profile of the connection's company up to date. Raises SyncError.

    An ERP account of another company is an outcome with status error: its sentence tells the user what to correct.
    """
    with postgres.errors_about(ERP):
        return _sync(session)


class ForeignCompanyError(PermanentError):
    """The account is not that of the connection's company: nothing of it may be stored under that company."""


def _sync(session: SyncSession) -> ModuleOutcome:
    began = session.clock()
    read = read_list(session, ASSET, iter([session.vendor.company()]), stage="company")
    outcome = ModuleOutcome(raw_path=session.landing.describe(read.file.path), bytes=read.file.bytes)
    outcome.counts.read = 1
    try:
        written = load(session, profile_of(own_company(session, read.items)))
    except MismatchError as error:
        outcome.status, outcome.message = "error", str(error)
        outcome.error = ForeignCompanyError(str(error))
        outcome.counts.rejected = 1
        session.records.landings.mark_refused(read.landed_id, str(error))
    else:
        _report(session, outcome, written, landed_id=read.landed_id)
    outcome.counts.oldest_reading = began
    outcome.seconds = (session.clock() - began).total_seconds()
    return outcome


def _report(session: SyncSession, outcome: ModuleOutcome, written: Written | None, *, landed_id: int) -> None:
    counts = outcome.counts
    if written is None:
        sentence = "O ERP não informa o CNPJ e a conexão não está ligada a uma empresa: nada foi gravado."
        outcome.status, outcome.message, outcome.warnings[KNOWN] = "skipped", sentence, sentence
        counts.skipped = 1
        counts.skipped_because["no CNPJ and no company of the connection"] = 1
        return
    version = session.started.isoformat()
    proof = RecordableProof(ASSET, session.key, source_version=version, proof=written.proof)
    session.records.proofs.record(session.run_id, [proof])
    if not written.proof.holds:
        raise TransientError(
            "The profile of the company is not what the ERP says, although it was just written: a trigger of the"
            " application changed it. Nothing was changed."
        )
    setattr(counts, written.status, 1)
    counts.digest = written.proof.destination["digest"]
    if written.warning:
        outcome.warnings[BRANCH] = written.warning
    outcome.message = _MESSAGES[written.status]
    session.records.landings.mark_usable(
        landed_id,
        content_digest=counts.digest,
        sheet_digest="",
        details={},
        contents={session.key: _figures(counts)},
    )


def _figures(counts: Counts) -> dict[str, int]:
    return {"read": counts.read, "inserted": counts.inserted, "changed": counts.changed}


_MESSAGES = {
    "inserted": "Perfil da empresa criado.",
    "changed": "Perfil da empresa atualizado.",
    "unchanged": "Perfil da empresa sem alterações.",
}
