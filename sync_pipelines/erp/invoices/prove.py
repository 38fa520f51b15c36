"""A month as it lies in the database and in the store, beside what the ERP listed and what its documents said.

The live rows are hashed again, of every invoice of the month: what was changed or lost since an invoice was stored is
found, also by a trigger, also of an invoice that this sync did not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sync_pipelines.erp.invoices.content import read_live_contents
from sync_pipelines.erp.invoices.documents import Documents
from sync_pipelines.erp.invoices.known import parameters
from sync_pipelines.erp.invoices.statements import IMPORTS_OF_MONTH
from sync_pipelines.erp.invoices.validate import Entry
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib.postgres.digest import Proof, digest_of, row_hash

_LISTED = (
    "select vendor_id, nfe_key, state, decision, reason, issue_date::text from sync_private.invoices"
    " where connection_id = %(connection)s and month = %(month)s and vanished_at is null"
)
_STORED = """
select v.nfe_key, i.nfe_status, i.content_sha256, i.file_size::text, v.content_hash::text, c.hash::text,
    case when v.read_at between '0002-01-01' and '9998-12-31' then v.read_at end
from sync_private.invoices as v
left join public.xml_imports as i on i.id = v.import_id and i.user_id = %(user)s and i.status = 'COMPLETED'
left join pg_temp.live_contents as c on c.import_id = i.id
where v.connection_id = %(connection)s and v.month = %(month)s and v.vanished_at is null and v.decision = 'stored'
"""


class Stored(NamedTuple):
    """What an import has to be: the state of the invoice, the SHA-256 and the size in bytes of its document."""

    state: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class MonthProof:
    """The comparison, and when the oldest document was judged that it rests on."""

    proof: Proof
    oldest_reading: datetime | None

    def sentence(self) -> str:
        """What differs, without a value."""
        names = {
            "list": "the rows of sync_private.invoices are not the ERP's list",
            "invoices": "the imports are not those that were meant",
            "content": "rows are not as they were stored, somebody changed them meanwhile",
            "documents": "XML objects are missing or have another size",
        }
        source, destination = self.proof.source, self.proof.destination
        return "; ".join(said for name, said in names.items() if source[name] != destination[name])


def prove(
    session: SyncSession,
    month: date,
    entries: Iterable[Entry],
    *,
    stored: Mapping[str, Stored],
    documents: Documents,
) -> MonthProof:
    """Compare a month, after the end of its writes; `stored` are the imports that it has to have, by access key."""
    database, given = session.database, {**parameters(session), "month": month}
    listed = database.execute(_LISTED, given).fetchall()
    read_live_contents(database, IMPORTS_OF_MONTH, given)
    rows = database.execute(_STORED, given).fetchall()
    meant = [(key, one.state, one.sha256, str(one.bytes)) for key, one in stored.items()]
    present = sum(documents.size(key) == one.bytes for key, one in stored.items())
    proof = Proof(
        source={
            "list": _digest(_listed(entry) for entry in entries),
            "invoices": _digest(meant),
            "content": _digest((row[0], row[4]) for row in rows),
            "documents": str(len(stored)),
        },
        destination={
            "list": _digest(listed),
            "invoices": _digest(row[:4] for row in rows),
            "content": _digest((row[0], row[5]) for row in rows),
            "documents": str(present),
        },
    )
    return MonthProof(proof, min((row[6] for row in rows if row[6] is not None), default=None))


def _listed(entry: Entry) -> tuple[str | None, ...]:
    issued_on = entry.invoice.issued_on.isoformat()
    return (entry.vendor_id, entry.key, entry.state.value, entry.decision, entry.reason, issued_on)


def _digest(rows: Iterable[Iterable[str | None]]) -> str:
    return str(digest_of(row_hash(row) for row in rows))
