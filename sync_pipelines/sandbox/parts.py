"""The parts of the sandbox, one a system, in the order in which the demo runs them."""

from __future__ import annotations

from sync_pipelines.sandbox.aimindset.part import PART as AIMINDSET
from sync_pipelines.sandbox.hitss.part import PART as HITSS
from sync_pipelines.sandbox.part import Part
from sync_pipelines.sandbox.scouter.part import PART as SCOUTER

PARTS: tuple[Part, ...] = (HITSS, AIMINDSET, SCOUTER)
