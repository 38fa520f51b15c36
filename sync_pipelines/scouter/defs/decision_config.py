"""What a person decides about leads that a push holds back."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sync_pipelines.lib.orchestration.accept_config import AcceptConfig
from sync_pipelines.scouter.push.options import DECISIONS


class DecisionConfig(AcceptConfig):
    """The config of a run that may overwrite leads of Gestão Scouter."""

    words: ClassVar = DECISIONS
    accept: list[str] = Field(
        default_factory=list,
        description="overwrite_local_leads: replace leads that Gestão Scouter made itself under one of our numbers.",
    )
