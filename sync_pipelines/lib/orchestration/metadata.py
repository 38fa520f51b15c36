"""The metadata keys that every asset reports under, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

ROWS_READ = "rows_read"  # rows of the source
ROWS_LOADED = "rows_loaded"  # inserted or changed
ROWS_UNCHANGED = "rows_unchanged"  # already there, not rewritten
ROWS_DELETED = "rows_deleted"  # gone from the source
ROWS_REJECTED = "rows_rejected"  # kept in ops.rejects
ROW_COUNT = "dagster/partition_row_count"
RANGE = "range"  # what was asked of the source
BYTES = "bytes"
CALLS = "calls"  # requests made, retries included
WAIT_SECONDS = "wait_seconds"  # until the first byte
DIGEST = "digest"
DURATION = "duration_seconds"
PROVED = "proved"


def table_definition(
    name: str,
    columns: Mapping[str, tuple[str, str]],
    lineage: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> dict[str, object]:
    """Definition metadata of a table: its name, its columns as {name: (type, description)}, its lineage.

    `lineage` maps a column to (asset key, column) pairs. Dagster stores column lineage, but its open-source UI does
    not draw it, so a Markdown table repeats it.
    """
    metadata: dict[str, object] = {
        "dagster/table_name": name,
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(column, kind, description) for column, (kind, description) in columns.items()]
        ),
    }
    if lineage:
        metadata["dagster/column_lineage"] = dg.TableColumnLineage(
            {
                column: [dg.TableColumnDep(dg.AssetKey(key.split("/")), source) for key, source in sources]
                for column, sources in lineage.items()
            }
        )
        rows = [
            f"| {column} | {', '.join(f'{key}.{source}' for key, source in sources)} |"
            for column, sources in lineage.items()
        ]
        metadata["column_lineage"] = dg.MetadataValue.md(
            "\n".join(["| column | comes from |", "|---|---|", *rows])
        )
    return metadata
