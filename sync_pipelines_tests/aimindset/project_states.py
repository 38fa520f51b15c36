"""States into which tests bring a project.

| state | how |
|---|---|
| `replace_function` | another function in the place of `backup_all_data()` |
| `rename_function` | the project's function, with statements before and after it in the same transaction |
| `killed_at` | a day whose process ended before or after the COMMIT |
| `half_an_archive`, `files_of_an_archive` | an archive without a manifest, in the catalog or not |
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive import stored
from sync_pipelines.aimindset.backup.load import Moment
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.records.backups import Backup
from sync_pipelines_tests.aimindset.conftest import NOW, TODAY, Project

MakeProject = Callable[..., Project]


def problem(project: Project, **options: Any) -> str:
    return str(project.day(**options).problems[assets.BACKUP])


def replace_function(project: Project, body: str, returns: str = "json") -> None:
    """Put another function in the place of the project's."""
    project.database.execute("drop function backup_all_data()")
    project.database.execute(
        f"create function public.backup_all_data() returns {returns} language plpgsql security definer"
        f" as $body$ {body} $body$".encode()
    )


def rename_function(project: Project, after: str, before: str = "") -> None:
    """Keep the project's function and let something happen around it, in the same transaction."""
    project.database.execute("alter function backup_all_data() rename to original_backup")
    project.database.execute(
        "create function public.backup_all_data() returns json language plpgsql as $body$ declare answer json;"
        f" begin {before} answer := original_backup(); {after} return answer; end $body$".encode()
    )


class KilledError(BaseException):
    """What ends a process at once: nobody catches it."""


TOMORROW = "2026-11-25"


def killed_at(project: Project, moment: Moment) -> None:
    """A day whose process ended at a moment."""

    def kill(reached: Moment, connection: Connection) -> None:
        if reached == moment:
            raise KilledError

    with pytest.raises(KilledError):
        project.with_probe(kill).day(wanted=[assets.BACKUP])


def tomorrow(project: Project) -> Project:
    return project.with_clock(lambda: NOW + timedelta(days=1))


def half_an_archive(project: Project, archive_id: str) -> list[Any]:
    """What an archive of ours that is being written looks like."""
    project.catalog.record(
        Backup(
            asset=assets.ARCHIVE,
            partition_key=TODAY,
            name=archive_id,
            made_at=NOW,
            proved=False,
            rows=0,
            bytes=None,
            details={"begun": True},
            run_id="other",
        )
    )
    return files_of_an_archive(project, archive_id)


def files_of_an_archive(project: Project, archive_id: str) -> list[Any]:
    store = project.archives.store
    with store.incoming(stored.PREFIX, ".zst") as path:
        path.write_bytes(b"half")
        store.put(path, f"{stored.PREFIX}/{archive_id}/public.articles.copy.zst")
    return store.names(f"{stored.PREFIX}/{archive_id}")
