"""What an inspection found: right or wrong, and one sentence a person can act on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sync_pipelines.lib import network


class Finding(NamedTuple):
    """A sentence about one thing; `ok` is False where a person has to act."""

    ok: bool
    sentence: str


@dataclass(frozen=True)
class Inquiry:
    """How `doctor` asks: by which names and clock, and what it tries that takes minutes or sends something."""

    #: From a host name and port to addresses.
    resolve: network.Resolver = network.addresses
    #: An aware clock.
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    #: Also request what takes minutes, such as the export of one month.
    probes_exports: bool = False
    #: Also send a mail.
    sends_mail: bool = False


class Check(NamedTuple):
    """A question of `doctor`: the setting that it is about, and what answers it."""

    setting: str
    ask: Callable[[], Iterator[Finding]]
