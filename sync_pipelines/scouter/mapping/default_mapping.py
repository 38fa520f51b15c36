"""The mapping of a push for which nobody chose one."""

from __future__ import annotations

from collections.abc import Collection

from sync_pipelines.scouter.mapping import transforms
from sync_pipelines.scouter.mapping.contract_columns import OWNED, RENAMED, SAME_NAME, STAMPS, TELEPHONES
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping


def default_mapping(source_columns: Collection[str], destination_columns: Collection[str]) -> FieldMapping:
    """The contract's pairs, and every further name that both sides have by now.

    A pair that one side lacks stays in the mapping: the schema doctor then refuses the push and shows the SQL.
    Without the pair the push would lose data silently.
    """
    fields = {name: Field(name, (name,)) for name in SAME_NAME}
    fields |= {name: Field(name, sources) for name, sources in RENAMED.items()}
    fields["telefone"] = Field("telefone", TELEPHONES, transforms.FIRST_NON_EMPTY)
    further = set(source_columns) & set(destination_columns) - OWNED - set(STAMPS) - set(fields)
    return FieldMapping((*fields.values(), *(Field(name, (name,)) for name in further)))
