"""How a push differs from the default; stored with its job, so that a resumed job is pushed in the same way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sync_pipelines.lib.acceptance import known_words

#: What a person may decide about leads that a push holds.
OVERWRITE = "overwrite_local_leads"
DECISIONS = (OVERWRITE,)


@dataclass(frozen=True)
class PushOptions:
    """`send_all` sends unchanged leads too; `accepted` are the decisions that were made.

    `compare` reads unchanged leads at the destination and sends those that are not there as we left them. Only the
    hourly push does not compare: it rests on earlier readings.
    """

    send_all: bool = False
    accepted: frozenset[str] = frozenset()
    compare: bool = True

    @classmethod
    def of(cls, *, send_all: bool = False, accept: Collection[str] = (), compare: bool = True) -> PushOptions:
        """Raises PermanentError if `accept` names an unknown decision."""
        return cls(send_all, known_words(accept, DECISIONS), compare)

    @classmethod
    def from_document(cls, kept: Mapping[str, Any]) -> PushOptions:
        """Read what `document` wrote."""
        return cls(compare=False).joined(kept)

    def joined(self, kept: Mapping[str, Any]) -> PushOptions:
        """These options, and those that `document` stored for an earlier run of the job."""
        return PushOptions(
            self.send_all or bool(kept.get("send_all")),
            self.accepted | set(kept.get("accept", ())),
            self.compare or bool(kept.get("compare")),
        )

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"send_all": self.send_all, "accept": sorted(self.accepted), "compare": self.compare}
