"""The fields of the CRM without a column, as the leads of a segment have them in `extra`.

Looked at are the stored rows and not what a run read: a run that reads no detail would find no drift.
"""

from __future__ import annotations

from collections import Counter

from sync_pipelines.lib import postgres
from sync_pipelines.sprinthub.leads.columns import LeadColumns
from sync_pipelines.sprinthub.leads.contract_columns import is_local

_FIELDS = """
select field, count(*)
from sync_private.segment_leads as s
join api.leads as t on t.id = s.lead_id
cross join lateral jsonb_object_keys(case when jsonb_typeof(t.extra) = 'object' then t.extra else '{}' end) as field
where s.segment_id = %s
group by field
"""


def read_drift(connection: postgres.Connection, segment_id: int, columns: LeadColumns) -> Counter[str]:
    """How many leads of the segment have each field that has no column."""
    rows = connection.execute(_FIELDS, (segment_id,)).fetchall()
    return Counter({name: count for name, count in rows if name not in columns.fields and not is_local(name)})
