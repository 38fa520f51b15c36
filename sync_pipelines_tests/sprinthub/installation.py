"""An installation of the segments' sync against the fake CRM: settings, and the pipeline as production builds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sync_pipelines.lib.retry import Backoff
from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.settings import read_as
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.client import SprinthubAccess
from sync_pipelines.sprinthub.pipeline import SegmentSync

#: Five attempts without a wait: what a test waits for is not time.
AT_ONCE = Backoff(attempts=5, first=0.0, longest=0.0, patience=300.0, jitter=0.0)


def settings_for(
    crm: SprinthubFake, oficialmed_url: str, ops_url: str, home: Path, **more: Any
) -> SprinthubSettings:
    given: dict[str, Any] = {
        "oficialmed_database_url": oficialmed_url,
        "ops_database_url": ops_url,
        "landing_url": str(home / "landing"),
        "SPRINTHUB_BASE_URL": crm.url,
        "SPRINTHUB_API_TOKEN": crm.token,
        "SPRINTHUB_INSTANCE": crm.instance,
        "sprinthub_rate_per_minute": 0,
        **more,
    }
    return read_as(SprinthubSettings, None, **given)


def sync_of(settings: SprinthubSettings, **access: Any) -> SegmentSync:
    """The pipeline, whose calls are repeated without a wait."""
    from dataclasses import replace

    options = {"backoff": AT_ONCE, "sleep": lambda _seconds: None, **access}
    return replace(SegmentSync.from_settings(settings), access=SprinthubAccess(settings, options))
