"""The revisions of a history, as Alembic reads them from its folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sync_pipelines.migrations.history import History

if TYPE_CHECKING:  # slow to import, and needed only where a database is migrated
    from alembic.config import Config

_ROOT = Path(__file__).parent


@cache
def newest_revision(history: History) -> str:
    """The revision that an upgrade ends at."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(config(history)).get_current_head() or ""


def config(history: History) -> Config:
    """Alembic's configuration for one history; it is in no file, because the caller brings the connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_ROOT))
    config.set_main_option("version_locations", str(_ROOT / history.name))
    config.set_main_option("path_separator", "os")
    return config
