"""Titles of a vendor as rows of `sync_private.titles`, or as rejects with the field and the rule.

A title without a usable amount or a date is a reject: its amount is never guessed. Parts that differ from the amount
by at most a cent each are rounded percentages: the largest bears the difference.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from sync_pipelines.erp.financials.mapping import told_by
from sync_pipelines.erp.vendors.vendor import Split, Title
from sync_pipelines.erp.window import month_of
from sync_pipelines.lib.postgres.digest import Column, canonical, row_hash
from sync_pipelines.lib.records.rejects import storable

#: What the vendor says, in the order of the digest.
COLUMNS: Final = (
    Column("side"),
    Column("vendor_id"),
    Column("listed_on", "date"),
    Column("issued_on", "date"),
    Column("due_on", "date"),
    Column("competence", "date"),
    Column("competence_month", "date"),
    Column("amount", "number"),
    Column("state"),
    Column("number"),
    Column("nfe_key"),
    Column("splits", "other"),
    Column("told_line"),
)
#: The first and last day of a title that is no slip of the pen: a statement of another year is of no use to anybody.
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2099, 12, 31)
#: Beyond it no column of the statement holds it (numeric(15,2)); below a millionth it is no amount of money.
_LARGEST = Decimal(10) ** 13
_SMALLEST_DIGIT = -6
_CENT = Decimal("0.01")
#: Fields that are dates, and the rule that they keep.
_DATES = ("listed_on", "issued_on", "due_on", "competence")


class Key(NamedTuple):
    """A title within a connection: vendors number receivables and payables apart."""

    side: str
    vendor_id: str


class TitleRow(NamedTuple):
    """A row of the table; the fields are `COLUMNS`."""

    side: str
    vendor_id: str
    listed_on: date
    issued_on: date | None
    due_on: date | None
    competence: date | None
    competence_month: date
    amount: Decimal
    state: str
    number: str | None
    nfe_key: str | None
    #: JSON, as Postgres writes it.
    splits: str
    told_line: str | None

    @property
    def key(self) -> Key:
        return Key(self.side, self.vendor_id)

    def content_hash(self) -> UUID:
        """The md5 of the row, as `digest.row_hash_sql` computes it of the stored row."""
        return UUID(bytes=row_hash(map(canonical, self)))


class Problem(NamedTuple):
    """Why a title cannot be used: the field, the rule and a sentence."""

    field: str
    rule: str
    reason: str


def key_of(title: Title) -> Key:
    return Key(title.side.value, text_of(title.vendor_id) or "")


def list_hash(title: Title) -> UUID:
    """The md5 of what the list says of a title, its description included."""
    parts = [str(one) for split in title.splits for one in split]
    said = (
        *(
            title.vendor_id,
            title.side.value,
            title.state.value,
            title.listed_on,
            title.amount,
            title.issued_on,
        ),
        *(
            title.due_on,
            title.competence,
            title.description,
            title.number,
            title.nfe_key,
            title.has_detail,
            *parts,
        ),
    )
    return UUID(bytes=row_hash(None if one is None else storable(str(one)) for one in said))


def row_of(title: Title) -> TitleRow | Problem:
    """A title as a row, or what is wrong with it."""
    problem = _problem(title)
    if problem is not None:
        return problem
    assert title.listed_on is not None and title.amount is not None  # or there is a problem
    splits = _tied(title.splits, title.amount)
    if splits is None:
        return Problem(
            "splits", "splits_add_up", "the parts of a title by category do not add up to its amount"
        )
    return TitleRow(
        side=title.side.value,
        vendor_id=text_of(title.vendor_id) or "",
        listed_on=title.listed_on,
        issued_on=title.issued_on,
        due_on=title.due_on,
        competence=title.competence,
        competence_month=month_of(title.competence or title.issued_on or title.due_on or title.listed_on),
        amount=title.amount,
        state=title.state.value,
        number=text_of(title.number),
        nfe_key=text_of(title.nfe_key),
        splits=_json(splits),
        told_line=told_by(title.side, title.description),
    )


def text_of(value: str | None) -> str | None:
    """A text that Postgres holds, in the normal form of the digests, without blanks around it; None if it is empty."""
    return unicodedata.normalize("NFC", str(storable(value or ""))).strip() or None


def _problem(title: Title) -> Problem | None:
    if text_of(title.vendor_id) is None:
        return Problem("vendor_id", "title_has_a_number", "a title has no number")
    if title.amount is None or not title.amount.is_finite():
        return Problem("amount", "amount_is_a_number", "a title has no amount, or one that is no number")
    if title.amount < 0 or any(one.amount < 0 for one in title.splits):
        return Problem("amount", "amount_is_not_negative", "an amount of a title is negative")
    if not all(_is_money(one) for one in (title.amount, *(split.amount for split in title.splits))):
        return Problem(
            "amount", "amount_is_money", "an amount of a title is no sum of money that a statement holds"
        )
    if title.listed_on is None:
        return Problem(
            "listed_on",
            "title_has_a_date",
            "a title has no date by which the ERP lists it, or no readable one",
        )
    if title.unread:
        return Problem(
            title.unread[0], "date_is_readable", "a date of a title is filled with what is no date"
        )
    for name in _DATES:
        day = getattr(title, name)
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            return Problem(
                name,
                "date_is_plausible",
                f"the date of a title is before {FIRST_DAY.year} or after {LAST_DAY.year}",
            )
    return None


def _is_money(amount: Decimal) -> bool:
    exponent = amount.normalize().as_tuple().exponent if amount.is_finite() else None
    return isinstance(exponent, int) and exponent >= _SMALLEST_DIGIT and amount < _LARGEST


def _tied(splits: Sequence[Split], amount: Decimal) -> list[Split] | None:
    """The parts with the amount as their sum; None if they are not its parts."""
    parts = [one._replace(category=text_of(one.category) or "") for one in splits]
    rest = amount - sum((one.amount for one in parts), Decimal())
    if not parts or not rest:
        return parts
    if abs(rest) > _CENT * len(parts):
        return None
    largest = max(range(len(parts)), key=lambda place: parts[place].amount)
    borne = parts[largest].amount + rest
    if borne < 0:
        return None
    parts[largest] = parts[largest]._replace(amount=borne)
    return parts


def _json(splits: Sequence[Split]) -> str:
    """As Postgres writes a jsonb: the shorter name first, a blank after each mark; amounts as exact text."""
    return json.dumps(
        [{"amount": format(one.amount, "f"), "category": one.category} for one in splits], ensure_ascii=False
    )
