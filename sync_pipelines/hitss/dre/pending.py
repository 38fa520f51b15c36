"""Which months are not as the workbook says: what the tables hold now against what the newest export holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sync_pipelines.hitss.dre.lines import EMPTY_MONTH, MonthContent
from sync_pipelines.hitss.dre.prove import Live, read_live
from sync_pipelines.hitss.dre.workbook import Window
from sync_pipelines.lib.records import Records
from sync_pipelines.lib.records.landing_index import Landing
from sync_pipelines.settings.hitss import HitssSettings


@dataclass(frozen=True)
class Pending:
    """Months that are not as the workbook says, sorted: `changed` in money, `refresh` only in people.

    `problems` says of each of them what is wrong, by table. `outside` are months of which a table holds rows
    although no partition has them: no run loads or removes those.
    """

    changed: tuple[str, ...]
    refresh: tuple[str, ...]
    problems: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    outside: tuple[str, ...] = ()

    def months(self, asset: str) -> list[str]:
        """The months in which a table is not what it should be, also those that no partition has."""
        return [month for month, found in self.problems.items() if asset in found]

    def sentences(self) -> list[str]:
        """What is wrong, a sentence a month."""
        return [
            f"{month[:7] if month not in self.outside else month}: "
            + "; ".join(f"{asset} {sentence}" for asset, sentence in found.items())
            for month, found in self.problems.items()
        ]


def contents_of(records: Records, landing: Landing) -> dict[str, MonthContent]:
    """What a usable workbook holds by month, from the index."""
    return {
        month: MonthContent.from_json(content)
        for month, content in records.landings.contents(landing.id).items()
    }


def months_of(settings: HitssSettings, today: date) -> Window:
    """The months that are partitions: from the configured first one to the current one."""
    return Window(settings.hitss_first_month + "-01", today.replace(day=1).isoformat())


def pending_months(live: Live, contents: Mapping[str, MonthContent], window: Window) -> Pending:
    """Compare what the workbook holds with what the tables hold, table by table."""
    changed: list[str] = []
    refresh: list[str] = []
    outside: list[str] = []
    problems: dict[str, dict[str, str]] = {}
    for month in sorted(contents.keys() | live.months()):
        inside = month.endswith("-01") and window.first <= month <= window.last
        if not inside:
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


def look(records: Records, settings: HitssSettings, today: date) -> tuple[Landing, Pending] | None:
    """The newest usable workbook beside the tables as they are now; None before the first workbook."""
    landing = records.landings.newest("hitss/dre_export")
    if landing is None:
        return None
    live = read_live(settings.fabricio_url, settings.hitss_empresa)
    return landing, pending_months(live, contents_of(records, landing), months_of(settings, today))


def _is_about_people(problems: Mapping[str, str], live: Live, month: str, content: MonthContent) -> bool:
    """Whether the lines alone differ, and only in columns from which no other table is derived."""
    found = live.lines.get(month)
    return (
        list(problems) == ["dre_lines"]
        and found is not None
        and not found.misnumbered
        and (found.content.realizado, found.content.orcado) == (content.realizado, content.orcado)
        and found.content.totals == content.totals
    )


def _outside(live: Live, month: str) -> dict[str, str]:
    counts = {
        asset: live.rows(asset, month) for asset in ("dre_lines", "dre_hitss", "dre_orcado", "dre_summary")
    }
    return {
        asset: f"holds {rows} rows of a month that is no partition: look at them and remove them by hand"
        for asset, rows in counts.items()
        if rows
    }
