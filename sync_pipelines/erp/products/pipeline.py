"""erp/produtos: the catalogue of products of a connection, in a table of its own and in the NCM analysis.

Grain: one row a product of an ERP account. Done means: the catalogue is what the vendor said, product by product, and
each active product has its row in `company_ncm_analysis`. A vendor that lists changes is asked for them alone; every
seven days, and where a stored row was altered, the whole catalogue is read, because only that shows what vanished. Of a
vendor that does not, the whole list is read, and the details alone that are not in hand (`known`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.erp.outcome import ModuleOutcome
from sync_pipelines.erp.products.known import oldest_detail, read_known
from sync_pipelines.erp.products.load import LastPass, Loaded, is_as_left, last_pass, load
from sync_pipelines.erp.products.ncm_rows import incomplete
from sync_pipelines.erp.products.validate import Catalogue, catalogue_of
from sync_pipelines.erp.raw_pages import RawList, read_list
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.vendor import Product
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.records.proofs import RecordableProof

#: The check that warns of products without a code.
NCM_KNOWN = "every_product_has_an_ncm"
ASSET = "erp/produtos"
#: After so long the whole catalogue is read again, whatever the vendor lists as changed.
FULL_EVERY = timedelta(days=7)
#: Changes are asked for from so long before the last pass: a vendor's clock, or its zone, may differ from ours.
OVERLAP = timedelta(hours=1)


def sync_products(session: SyncSession, *, full: bool) -> ModuleOutcome:
    """Bring the catalogue up to date and prove it. Raises SyncError; then nothing was changed."""
    with postgres.errors_about(ERP):
        return _sync(session, full=full)


def _sync(session: SyncSession, *, full: bool) -> ModuleOutcome:
    began = session.clock()
    before = last_pass(session.database, session.connection.id)
    since = None if full else _changed_since(session, before)
    known = None if full else read_known(session)
    read = read_list(session, ASSET, session.vendor.products(since, known), stage="products")
    stored = {number: one.content_hash for number, one in known.products.items()} if known else {}
    catalogue = catalogue_of(read.items, session.key, read_at=began, stored=stored)
    session.records.rejects.record(ASSET, catalogue.rejects, run_id=session.run_id, landed_id=read.landed_id)
    loaded = load(session, catalogue, began=began, changed=before.digest if since is not None else None)
    _record(session, read, loaded)
    outcome = _outcome(session, read, catalogue, loaded=loaded)
    outcome.counts.oldest_reading = _oldest_reading(session, began if since is None else before.full_at)
    if number := incomplete(session.database, session.connection.id):
        outcome.warnings[NCM_KNOWN] = (
            f"{number} produto(s) ativo(s) sem NCM de oito dígitos no cadastro do ERP."
        )
    outcome.seconds = (session.clock() - began).total_seconds()
    return outcome


def _oldest_reading(session: SyncSession, listed_at: datetime | None) -> datetime | None:
    """When the oldest of what the catalogue rests on was read: the whole list, or a detail."""
    moments = [listed_at, oldest_detail(session.database, session.connection.id)]
    return min((one for one in moments if one is not None), default=None)


def _changed_since(session: SyncSession, before: LastPass) -> datetime | None:
    """From when on changes are asked for; None for the whole catalogue."""
    if not session.vendor.lists_product_changes or before.full_at is None or before.changes_at is None:
        return None
    # A pass that is still to come is none: nobody would hear of a change until then.
    if max(before.full_at, before.changes_at) > session.clock():
        return None
    if session.started - before.full_at >= FULL_EVERY:
        return None
    if not is_as_left(session.database, session.connection.id, before.digest):
        return None
    return before.changes_at - OVERLAP


def _record(session: SyncSession, read: RawList[Product], loaded: Loaded) -> None:
    version, proof = session.started.isoformat(), loaded.proof
    session.records.proofs.record(
        session.run_id, [RecordableProof(ASSET, session.key, source_version=version, proof=proof)]
    )
    if not proof.holds:
        raise TransientError(
            f"The catalogue is not what {session.vendor.name} listed: {'; '.join(proof.differences())}. Nothing was"
            " changed."
        )
    session.records.landings.mark_usable(
        read.landed_id,
        content_digest=proof.source["digest"],
        sheet_digest="",
        details={},
        contents={session.key: {"products": len(read.items)}},
    )


def _outcome(
    session: SyncSession, read: RawList[Product], catalogue: Catalogue, loaded: Loaded
) -> ModuleOutcome:
    outcome = ModuleOutcome(raw_path=session.landing.describe(read.file.path), bytes=read.file.bytes)
    counts = outcome.counts
    counts.read = len(read.items)
    counts.inserted, counts.changed, counts.unchanged = loaded.inserted, loaded.changed, loaded.unchanged
    counts.vanished, counts.rejected = loaded.vanished, len(catalogue.rejects)
    counts.skipped = catalogue.repeated
    if catalogue.repeated:
        counts.skipped_because["repeated in the list"] = catalogue.repeated
    counts.digest = loaded.proof.destination["digest"]
    outcome.message = (
        f"{counts.read} produtos lidos: {counts.inserted} novos, {counts.changed} alterados,"
        f" {counts.unchanged} sem alteração, {counts.vanished} fora do catálogo."
    )
    if loaded.ncm.inserted:
        outcome.message += f" {loaded.ncm.inserted} linhas gravadas na análise de NCM."
    return outcome
