"""The connections beside the backup's own: for a look, a log row, a secret."""

from __future__ import annotations

from contextlib import AbstractContextManager

from sync_pipelines.aimindset.backup.coverage import WHAT
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection

#: A table that somebody keeps locked must not keep an alert from leaving.
LIMITS = {"lock_timeout": "5s", "statement_timeout": "2min"}


def connect(url: str, *, read_only: bool = False) -> AbstractContextManager[Connection]:
    """A connection to the project that waits for nobody for long."""
    return postgres.connect(url, what=WHAT, read_only=read_only, session=LIMITS)
