"""A lead of the CRM as a document: columns of `api.leads` with what the API said of them, or rejects, never a guess.

A field that cannot be used is left out, and its column stays as it is; the rest of the lead is loaded. A field that
the API did not send is not in the document. The document is what `lib/postgres` `KeyMerge` takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import md5
from typing import Any, NamedTuple
from uuid import UUID

from sync_pipelines.lib import exact_json
from sync_pipelines.lib.records.rejects import RejectedRow
from sync_pipelines.sprinthub.leads.columns import LeadColumns
from sync_pipelines.sprinthub.leads.contract_columns import EXTRA, LIST_FIELDS, SEGMENT
from sync_pipelines.sprinthub.leads.lead_number import lead_number
from sync_pipelines.sprinthub.leads.unusable import UnusableError
from sync_pipelines.sprinthub.leads.values import json_value, key_name

Document = dict[str, Any]


class ValidLead(NamedTuple):
    """A lead that can be loaded: its document by column, and its unusable fields."""

    lead_id: int
    document: Document
    rejects: tuple[RejectedRow, ...]

    @property
    def json(self) -> str:
        """The document as Postgres reads it."""
        return exact_json.dumps(self.document)


def validate(
    detail: Mapping[str, Any], columns: LeadColumns, *, partition_key: str | None = None
) -> ValidLead:
    """Validate the detail of a lead. Raises UnusableError if it has no number.

    Fields without a column are kept in `extra`, which is null where there are none.
    """
    lead_id = _lead_number(detail)
    document: Document = {}
    extra: Document = {}
    rejects = []
    fields, ignored = columns.fields, columns.ignored
    for name, value in detail.items():
        field = fields.get(name)
        try:
            if field is not None:
                document[field.column] = field.read(value)
            elif name not in ignored:
                extra[key_name(name)] = json_value(value)
        except UnusableError as problem:
            rejects.append(rejected_value(problem, lead_id, name, value=value, partition_key=partition_key))
    for name, other in _used_synonyms(detail, columns):
        field, value = fields[name], detail[other]
        try:
            document[field.column] = field.read(value)
        except UnusableError as problem:
            document.pop(field.column, None)
            rejects.append(rejected_value(problem, lead_id, other, value=value, partition_key=partition_key))
    document[EXTRA] = extra or None
    return ValidLead(lead_id, document, rejects=tuple(rejects))


def list_document(item: Mapping[str, Any], segment_id: int, columns: LeadColumns) -> ValidLead:
    """What an item of a segment's list says of a lead, for a row that no detail has filled.

    A name that is null says nothing, because the list knows no first name. Raises UnusableError for an item without
    a number.
    """
    lead_id = _lead_number(item)
    first, _, rest = _text(item.get("fullname")).partition(" ")
    said = {name: item[name] for name in LIST_FIELDS if name in item}
    said |= {name: text for name, text in (("firstname", first), ("lastname", rest.strip())) if text}
    document: Document = {}
    rejects = []
    for name, value in said.items():
        if field := columns.fields.get(name):
            try:
                document[field.column] = field.read(value)
            except UnusableError as problem:
                rejects.append(
                    rejected_value(problem, lead_id, name, value=value, partition_key=str(segment_id))
                )
    document[SEGMENT] = segment_id
    return ValidLead(lead_id, document, rejects=tuple(rejects))


def list_hash(item: Mapping[str, Any]) -> UUID:
    """The md5 of what a list item says, whatever the order of its fields."""
    text = json.dumps(item, sort_keys=True, separators=(",", ":"), default=str)
    return UUID(bytes=md5(text.encode(), usedforsecurity=False).digest())


def _lead_number(lead: Mapping[str, Any]) -> int:
    number = lead_number(lead)
    if number is None:
        raise UnusableError("lead_number", "the lead has no number that is a key")
    return number


def _used_synonyms(detail: Mapping[str, Any], columns: LeadColumns) -> Iterator[tuple[str, str]]:
    """The fields that say nothing themselves, with the second spelling that does."""
    for name, other in columns.synonyms.items():
        if detail.get(name) is None and detail.get(other) is not None:
            yield name, other


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def rejected_value(
    problem: UnusableError, lead_id: int, name: str, *, value: Any, partition_key: str | None
) -> RejectedRow:
    """The reject of a field that cannot be used, with its value as it came."""
    return RejectedRow(
        partition_key=partition_key,
        locator={"lead": lead_id, "field": name},
        value=_as_text(value),
        rule=problem.rule,
        reason=problem.reason,
        raw={name: value},
    )


def _as_text(value: Any) -> str:
    """The value for a person to read."""
    if not isinstance(value, dict | list):
        return str(value)
    try:
        return json.dumps(value, default=str, ensure_ascii=False)
    except RecursionError:
        return "(nested too deep to be written)"
