"""What `backup_all_data()` copies, and what it does not (contract of the backup, sections 3.1 and 4).

Its column lists are fixed, so a column that is added later is in no copy while every answer says success.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync_pipelines.aimindset.database import WHAT
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import TableColumn, columns_of


@dataclass(frozen=True)
class Covered:
    """A source table, its copy, the copied columns, and the key under which the answer counts its rows.

    Content is appended under a backup id, with the row's id as `original_id`. Logs (`is_log`) are replaced by those
    of the last 30 days.
    """

    source: str
    copy: str
    columns: tuple[str, ...]
    count_key: str
    is_log: bool = False

    @property
    def copied_columns(self) -> tuple[str, ...]:
        """The names of the columns in the copy."""
        return self.columns if self.is_log else ("original_id", *self.columns[1:])


COVERED = (
    Covered(
        source="public.articles",
        copy="public.backup_articles",
        columns=(
            "id",
            "title",
            "excerpt",
            "content",
            "image_url",
            "category_id",
            "author_id",
            "published",
            "created_at",
            "updated_at",
            "slug",
            "tags",
            "approval_rate",
            "positive_feedback",
            "negative_feedback",
            "total_views",
            "total_likes",
            "positive_feedbacks",
            "negative_feedbacks",
            "comments_count",
            "likes_count",
            "is_featured",
            "is_featured_manual",
        ),
        count_key="articles_count",
    ),
    Covered(
        source="public.comments",
        copy="public.backup_comments",
        columns=("id", "article_id", "user_name", "content", "created_at"),
        count_key="comments_count",
    ),
    Covered(
        source="public.feedbacks",
        copy="public.backup_feedbacks",
        columns=("id", "article_id", "type", "user_id", "content", "created_at"),
        count_key="feedbacks_count",
    ),
    Covered(
        source="public.backend_logs",
        copy="public.backend_logs_backup",
        columns=(
            "id",
            "table_name",
            "action",
            "record_id",
            "old_data",
            "new_data",
            "performed_by",
            "created_at",
        ),
        count_key="backend_logs_count",
        is_log=True,
    ),
    Covered(
        source="public.app_logs",
        copy="public.app_logs_backup",
        columns=("id", "level", "source", "action", "details", "user_id", "created_at"),
        count_key="app_logs_count",
        is_log=True,
    ),
    Covered(
        source="public.system_logs",
        copy="public.system_logs_backup",
        columns=("id", "type", "message", "context", "created_at"),
        count_key="system_logs_count",
        is_log=True,
    ),
)


def live_columns(connection: Connection, tables: Sequence[str]) -> dict[str, tuple[TableColumn, ...]]:
    """The columns of each table that exists."""
    found = {}
    with postgres.errors_about(WHAT):
        for table in tables:
            try:
                found[table] = columns_of(connection, table)
            except PermanentError:
                continue
    return found


def uncovered(live: Mapping[str, Sequence[TableColumn]]) -> dict[str, list[str]]:
    """The columns of each source table that no copy has, by table."""
    gaps = {
        table.source: [
            column.name for column in live.get(table.source, ()) if column.name not in table.columns
        ]
        for table in COVERED
    }
    return {table: names for table, names in gaps.items() if names}


def missing(live: Mapping[str, Sequence[TableColumn]]) -> list[str]:
    """Tables and columns that the function names and that do not exist: it will fail on each."""
    sentences = []
    for table in COVERED:
        for name, columns in ((table.source, table.columns), (table.copy, table.copied_columns)):
            if name not in live:
                sentences.append(f"there is no table {name}")
            elif gone := sorted(set(columns) - {column.name for column in live[name]}):
                sentences.append(f"{name} has no {', '.join(gone)}")
    return sentences
