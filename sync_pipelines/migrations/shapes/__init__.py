"""What each database that we may change looks like once it is migrated.

The migrations make it so; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping

from sync_pipelines.migrations.shape import Shape
from sync_pipelines.migrations.shapes.dre import FABRICIO, HITSS
from sync_pipelines.migrations.shapes.leads import LEADS_EXPORT
from sync_pipelines.migrations.shapes.ops import OPS

SHAPES: Mapping[str, Shape] = {
    "fabricio": FABRICIO,
    "hitss": HITSS,
    # Nothing there is ours but the CHECK that an owner lets us widen (contract of the backup, section 2).
    "aimindset": Shape("sync_private", {}, allowed={("public.backup_logs", "action_type"): "auto_backup"}),
    "tabuladormax": Shape("sync_private", LEADS_EXPORT),
    "ops": Shape("ops", OPS),
}
