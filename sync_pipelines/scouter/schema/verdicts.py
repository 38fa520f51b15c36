"""What the comparison of the schemas says of one field, or of the table as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

#: `lossy`: most values fit, and suspect rules find the rows that do not.
Level = Literal["ok", "warning", "lossy", "error"]


@dataclass(frozen=True)
class Verdict:
    """What was found of one field (or of the table, `*`), by which rule, as a sentence."""

    field: str
    level: Level
    rule: str
    sentence: str

    def document(self) -> dict[str, str]:
        return asdict(self)


def errors(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.level == "error"]
