"""A batch: consecutive leads of one stage, which are sent in one request; and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

from sync_pipelines.scouter.lead import Conditional, Lead, Position, Rejected
from sync_pipelines.scouter.push.unchanged_check import UnchangedCheck

#: How a stage counts its leads. `forward` counts them and moves the job's checkpoint. `again` reads leads that the job
#: has counted already, so only a change of their outcome moves the counters. `catch_up` counts what is still missing
#: of the job's total, since most of its leads were counted in their day. `replay` sends rejected leads again.
StageKind = Literal["forward", "again", "catch_up", "replay"]


class Stage(NamedTuple):
    """A part of a job: the leads of one day, or (None) those of no day."""

    kind: StageKind
    day: date | None = None


class Page(NamedTuple):
    """Consecutive positions, each of which `stage_of` assigns to a stage."""

    positions: Sequence[Position]
    stage_of: Callable[[Position], Stage]


@dataclass(frozen=True)
class Batch:
    """Consecutive leads: those to send, how many need nothing, and the position of the last one."""

    last: Position
    stage: Stage = Stage("forward")  # noqa: RUF009 - a tuple of constants
    clean: Sequence[Lead] = ()
    suspects: Sequence[Lead] = ()
    held: Sequence[Rejected] = ()
    #: Merged just now, so written only if nobody changes them meanwhile.
    conditional: Sequence[Conditional] = ()
    unchanged: int = 0
    gone: int = 0
    unchanged_check: UnchangedCheck = field(default_factory=UnchangedCheck)


@dataclass
class Outcome:
    """What became of a batch: each of its leads is accepted, rejected, unchanged or gone."""

    batch: Batch
    accepted: list[Lead] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    #: Changed there since they were merged: the next push looks at them again.
    left: list[Lead] = field(default_factory=list)
    requests: int = 0
    seconds: float = 0.0
