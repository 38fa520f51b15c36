"""The months that are not what the newest export says: its content against what the tables hold now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_pipelines.hitss.dre.lines import EMPTY_MONTH, MonthContent
from sync_pipelines.hitss.dre.live_tables import LiveTables
from sync_pipelines.hitss.dre.tables import CHAIN
from sync_pipelines.hitss.dre.window import Window


@dataclass(frozen=True)
class Pending:
    """Months that are not what the workbook says, sorted: `changed` differ in money, `refresh` only in people.

    `problems` says of each month what is wrong, by table. `outside` are months of which a table holds rows although
    they are no partition: no run loads or removes them.
    """

    changed: tuple[str, ...]
    refresh: tuple[str, ...]
    problems: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    outside: tuple[str, ...] = ()

    def months(self, asset: str) -> list[str]:
        """The months in which a table is not what it should be, also those that are no partition."""
        return [month for month, found in self.problems.items() if asset in found]

    def sentences(self) -> list[str]:
        """What is wrong, a sentence a month."""
        return [
            f"{month[:7] if month not in self.outside else month}: "
            + "; ".join(f"{asset} {sentence}" for asset, sentence in found.items())
            for month, found in self.problems.items()
        ]


def find_pending(live: LiveTables, contents: Mapping[str, MonthContent], window: Window) -> Pending:
    """Compare what the workbook holds with what the tables hold, table by table."""
    changed: list[str] = []
    refresh: list[str] = []
    outside: list[str] = []
    problems: dict[str, dict[str, str]] = {}
    for month in sorted(contents.keys() | live.months()):
        if month not in window:
            if month in live.months():
                outside.append(month)
                problems[month] = _outside(live, month)
            continue
        content = contents.get(month, EMPTY_MONTH)
        found = live.problems(month, content)
        if not found:
            continue
        problems[month] = found
        (refresh if _is_about_people(found, live, month, content=content) else changed).append(month)
    return Pending(changed=tuple(changed), refresh=tuple(refresh), problems=problems, outside=tuple(outside))


def _is_about_people(
    problems: Mapping[str, str], live: LiveTables, month: str, content: MonthContent
) -> bool:
    """Whether the lines alone differ, and only in columns from which no other table is derived."""
    found = live.lines.get(month)
    return (
        list(problems) == ["dre_lines"]
        and found is not None
        and not found.misnumbered
        and (found.content.realizado, found.content.orcado) == (content.realizado, content.orcado)
        and found.content.totals == content.totals
    )


def _outside(live: LiveTables, month: str) -> dict[str, str]:
    counts = {asset: live.rows(asset, month) for asset in CHAIN}
    return {
        asset: f"holds {rows} rows of a month that is no partition: look at them and remove them by hand"
        for asset, rows in counts.items()
        if rows
    }
