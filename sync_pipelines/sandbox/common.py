"""What every sandbox has, whatever systems are in it: the ops database, a mail server, the look at the sizes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sync_pipelines.migrations.history import OPS
from sync_pipelines.sandbox.part import Database, Observation, Part, Upstream


def _variables(_home: Path, _given: Mapping[str, str]) -> Mapping[str, str]:
    return {"ALERT_EMAIL_TO": "plantao@example.com", "ALERT_EMAIL_FROM": "sync@example.com"}


def _sizes(metadata: Mapping[str, Any]) -> str:
    sizes = [
        f"{name.removesuffix('_mb')} {size} MB" for name, size in metadata.items() if name.endswith("_mb")
    ]
    return f"{', '.join(sizes)}."


PART = Part(
    name="common",
    databases=(Database("ops", setting="OPS_DATABASE_URL", history=OPS),),
    upstreams=(Upstream("mail", module="sync_pipelines.sandbox.mail", variables=("SMTP_URL",)),),
    variables=_variables,
    observations=(Observation("operations/growth", _sizes),),
)
