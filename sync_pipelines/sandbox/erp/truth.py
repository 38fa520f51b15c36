"""What the application's database must hold of an account, straight from the contract and by no code of the product.

`differences` compares column by column and says in a sentence what is not so. It is slow and plain on purpose: one
statement a rule, and arithmetic of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import psycopg

from sync_pipelines.sandbox.erp import (
    truth_analysis,
    truth_catalogue,
    truth_credits,
    truth_dre,
    truth_statements,
    truth_titles,
)
from sync_pipelines.sandbox.erp.catalogue_manners import CATALOGUES
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.nfe_dirt import HARMLESS
from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.truth_analysis import Rows, compared, rows_of

#: The application's words for the states of an invoice.
STATES = {"authorised": "autorizada", "cancelled": "cancelada", "denied": "denegada"}
#: What an API that carries a document as text may write in other bytes.
_REENCODED = frozenset({"latin1", "bom"})


@dataclass(frozen=True)
class Account:
    """An account whose sync is looked at: the company, and the connection to it.

    Notes count that were issued from `first` to `last`, both included, by the date written in them.
    """

    company: ErpCompany
    erp_type: str
    user_id: UUID
    connection_id: UUID
    first: date
    last: date
    #: Keys that are stored already: what is cancelled since stays, also where the ERP does not list it any more.
    kept_keys: frozenset[str] = frozenset()
    company_id: UUID | None = None
    #: The columns of `company_profile` before the first sync, which a silent ERP leaves alone.
    profile_before: Mapping[str, Any] = field(default_factory=dict)
    #: The lines of `company_dre` before the first sync, without `input_`, by the first day of their month.
    dre_before: Mapping[date, Mapping[str, Decimal]] = field(default_factory=dict)
    #: ERP_TRANSFER_CATEGORIES, for the vendors that mark no transfers.
    transfer_names: frozenset[str] = frozenset()

    @property
    def invoices(self) -> list[SandboxNote]:
        """The NF-e of the time, in whatever state: no NFC-e, nothing of the test environment, nothing without a key."""
        manner = CATALOGUES[self.erp_type]
        return [
            note
            for note in self.company.notes_between(self.first, self.last)
            if note.key and note.model == "55" and note.environment == "1" and note.state in STATES
            if manner.lists(note) or note.key in self.kept_keys
        ]

    @property
    def stored(self) -> list[SandboxNote]:
        """The invoices whose document can be had and trusted: they are in `xml_imports`."""
        return [note for note in self.invoices if note.has_xml and note.dirt <= HARMLESS]

    @property
    def rejected(self) -> list[SandboxNote]:
        """The invoices whose document cannot be trusted, or is missing although they count.

        A bare test document, an event in a note's place and a missing document of a void note are no rejects.
        """
        missing = [note for note in self.invoices if not note.has_xml and note.state == "authorised"]
        dirty = [note for note in self.invoices if note.has_xml and not note.dirt <= HARMLESS | {"event"}]
        return [*missing, *dirty]


def differences(
    connection: psycopg.Connection[Any],
    *accounts: Account,
    modules: Sequence[str] = ("empresa", "produtos", "nfe"),
    with_credits: bool = False,
    with_statements: bool = False,
    today: date | None = None,
    reform_by: Literal["estimate", "function"] = "estimate",
) -> list[str]:
    """What is not as it must be, one sentence each; empty: all is.

    With `with_credits` the credits of every invoice are compared, and the summary of `today` (in UTC), if given; with
    `with_statements` what `process-dre` made of the months.
    """
    found: list[str] = []
    for account in accounts:
        if "empresa" in modules:
            found += truth_catalogue.profile_differences(connection, account)
        if "produtos" in modules:
            found += truth_catalogue.product_differences(connection, account)
        if "financeiro" in modules:
            found += truth_titles.title_differences(connection, account)
    for user_id in dict.fromkeys(account.user_id for account in accounts):
        own = [account for account in accounts if account.user_id == user_id]
        if "nfe" in modules:
            found += _invoice_differences(connection, user_id, own, reform_by=reform_by)
        if "financeiro" in modules:
            found += truth_dre.dre_differences(connection, own)
        if with_statements:
            found += truth_statements.statement_differences(connection, own)
        if with_credits:
            found += truth_credits.credit_differences(connection, user_id, _counted(own))
            if today is not None:
                found += truth_credits.summary_differences(connection, user_id, today)
    return found


def _counted(accounts: Sequence[Account]) -> list[SandboxNote]:
    """Each invoice once; one that is void in any of the accounts comes as such."""
    found: dict[str, SandboxNote] = {}
    for account in accounts:
        for note in account.stored:
            if note.state != "authorised" or str(note.key) not in found:
                found[str(note.key)] = note
    return list(found.values())


def _invoice_differences(
    connection: psycopg.Connection[Any], user_id: UUID, accounts: Sequence[Account], *, reform_by: str
) -> Iterator[str]:
    """One row a key, whichever of the user's accounts it is from, and one analysis a row."""
    imports = rows_of(
        connection, "select * from public.xml_imports where nfe_key is not null and user_id = %s", user_id
    )
    by_key = {row["nfe_key"]: row for row in imports}
    analyses = rows_of(connection, "select * from public.xml_analysis where user_id = %s", user_id)
    by_import: dict[Any, Rows] = {}
    for row in analyses:
        by_import.setdefault(row["import_id"], []).append(row)
    expected: dict[str, list[tuple[Account, SandboxNote]]] = {}
    for account in accounts:
        for note in account.stored:
            expected.setdefault(str(note.key), []).append((account, note))
    for key, places in expected.items():
        if key not in by_key:
            yield f"{key} is not in xml_imports"
            continue
        yield from _import_differences(by_key[key], places)
        rows, (_, note) = by_import.get(by_key[key]["id"], []), places[0]
        if len(rows) != 1:
            yield f"{key} has {len(rows)} rows in xml_analysis"
        else:
            yield from truth_analysis.differences_of(note, rows[0], reform_by)
    yield from (
        f"{key} is in xml_imports, and no invoice of the time"
        for key, row in by_key.items()
        if key not in expected and any(one.first <= row["issue_date"] <= one.last for one in accounts)
    )


def _import_differences(
    row: Mapping[str, Any], places: Sequence[tuple[Account, SandboxNote]]
) -> Iterator[str]:
    account, note = places[0]
    xml, key = note.xml(), str(note.key)
    # A cancellation that any of the accounts knows is one.
    states = {STATES[one.state] for _, one in places}
    state = next((each for each in ("cancelada", "denegada") if each in states), "autorizada")
    meant: dict[str, Any] = {
        "file_name": f"{key}.xml",
        "file_path": f"{account.user_id}/{key}.xml",
        "status": "COMPLETED",
        "error_message": None,
        "nfe_status": state,
        "issue_date": note.issued_at.date(),
    }
    if not note.dirt & _REENCODED:
        meant |= {"file_size": len(xml), "content_sha256": sha256(xml).hexdigest()}
    yield from compared(key, row, meant)
    if row["processed_at"] is None:
        yield f"{key}: processed_at is empty"
    if row["connection_id"] not in {one.connection_id for one, _ in places}:
        yield f"{key}: connection_id is none of those that list it"
    if row["company_id"] not in {one.company_id for one, _ in places}:
        yield f"{key}: company_id is none of those of its connections"


def store_differences(folder: Path, *accounts: Account) -> Iterator[str]:
    """What a folder of documents has else than the XML of every stored invoice, at `<user id>/<key>.xml`."""
    meant = {
        f"{account.user_id}/{note.key}.xml": note.xml() for account in accounts for note in account.stored
    }
    odd = {
        f"{account.user_id}/{note.key}.xml"
        for account in accounts
        for note in account.stored
        if note.dirt & _REENCODED
    }
    for name, xml in meant.items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is not in the store"
        elif name not in odd and path.read_bytes() != xml:
            yield f"{name} in the store is another document"
    for user_id in {account.user_id for account in accounts}:
        found = {f"{user_id}/{path.name}" for path in (folder / str(user_id)).glob("*")}
        yield from (f"{name} in the store is of no invoice" for name in sorted(found - meant.keys()))


def content_of(*accounts: Account) -> Decimal:
    """The sum of all invoices that must be stored, for a quick look at whether a test has anything to compare."""
    return sum((note.totals.total for account in accounts for note in account.stored), Decimal(0))
