"""Columns that were last exchanged under another transform or type, by one export's own mapping for example.

A hash of then says nothing of a value now. But where the row there, hashed as it was then, is as it was then, nobody
has changed the column since: what stands there is the base, hashed as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.mapping.column_types import is_built_in
from sync_pipelines.scouter.mapping.field_hashes import (
    FieldList,
    Labels,
    column_of,
    record_sql,
    there_hashes_sql,
)
from sync_pipelines.scouter.reverse.sql_files import statement
from sync_pipelines.scouter.stored_lead import Stored


@dataclass(frozen=True)
class FormerFields:
    """Reads former columns off rows, over a connection to TabuladorMax, whose types those of the labels are."""

    leads: postgres.Connection

    def translated(
        self, stored: Mapping[int, Stored], rows: Mapping[int, bytes], now: Mapping[int, Mapping[str, str]]
    ) -> dict[int, Stored]:
        """What is kept of these leads, with the columns that are as they were; `now` are the hashes of the rows."""
        found = dict(stored)
        groups: dict[frozenset[str], list[int]] = {}
        for lead_id in stored.keys() & now.keys():
            if labels := labels_of(stored[lead_id]):
                groups.setdefault(labels, []).append(lead_id)
        for labels, ids in groups.items():
            then = self._hashes(labels, {lead_id: rows[lead_id] for lead_id in ids})
            for lead_id in ids:
                found[lead_id] = _with_same(stored[lead_id], then[lead_id], now[lead_id])
        return found

    def _hashes(self, labels: frozenset[str], rows: Mapping[int, bytes]) -> dict[int, dict[str, str]]:
        fields = FieldList.of_labels(Labels(tuple(sorted(labels))))
        found = self.leads.execute(
            statement("hash_former").format(hashes=there_hashes_sql(fields), record=record_sql(fields)),
            {"ids": postgres.array(rows), "rows": [row.decode() for row in rows.values()]},
        ).fetchall()
        return {lead_id: fields.labels.read(text) for lead_id, text in found}


def labels_of(one: Stored) -> frozenset[str]:
    """The former labels of a lead by which its row can be hashed: a type of somebody's own may be gone."""
    former = one.former.keys() | (one.write.former.keys() if one.write else ())
    return frozenset(label for label in former if is_built_in(label.split(":", 2)[2]))


def _with_same(one: Stored, then: Mapping[str, str], now: Mapping[str, str]) -> Stored:
    def same(former: Mapping[str, str]) -> dict[str, str]:
        columns = [column_of(label) for label, value in former.items() if then.get(label) == value]
        return {name: now[name] for name in columns if name in now}

    base = replace(one.base, fields={**one.base.fields, **same(one.former)})
    write = one.write and one.write._replace(hashes={**one.write.hashes, **same(one.write.former)})
    return replace(one, base=base, write=write)
