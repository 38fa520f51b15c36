"""How a push differs from the usual one; kept with its job, so that a resumed one is pushed alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sync_pipelines.lib.acceptance import known_words

#: What a person may decide about leads that a push holds back.
OVERWRITE = "overwrite_local_leads"
DECISIONS = (OVERWRITE,)


@dataclass(frozen=True)
class PushOptions:
    """`send_all` sends unchanged leads too; `accepted` are the decisions that were made.

    `compare` reads unchanged leads at the destination and sends those that are not there as they were left. Only what
    runs every hour goes without it, and rests on earlier readings.
    """

    send_all: bool = False
    accepted: frozenset[str] = frozenset()
    compare: bool = True

    @classmethod
    def of(cls, *, send_all: bool = False, accept: Collection[str] = (), compare: bool = True) -> PushOptions:
        """PermanentError where `accept` names what cannot be decided."""
        return cls(send_all, known_words(accept, DECISIONS), compare)

    @classmethod
    def from_document(cls, kept: Mapping[str, Any]) -> PushOptions:
        """Read what `document` wrote."""
        return cls(compare=False).joined(kept)

    def joined(self, kept: Mapping[str, Any]) -> PushOptions:
        """These and what `document` kept of an earlier run of the job."""
        return PushOptions(
            self.send_all or bool(kept.get("send_all")),
            self.accepted | set(kept.get("accept", ())),
            self.compare or bool(kept.get("compare")),
        )

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"send_all": self.send_all, "accept": sorted(self.accepted), "compare": self.compare}
