"""`sync-pipelines run hitss`: download, load what differs, prove, in this process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import dagster as dg

from sync_pipelines.hitss.defs import definitions as system
from sync_pipelines.hitss.defs import descriptions
from sync_pipelines.hitss.dre.lines import EMPTY_MONTH, MonthContent
from sync_pipelines.hitss.dre.pending import Pending
from sync_pipelines.hitss.dre.pipeline import Comparison, DrePipeline
from sync_pipelines.hitss.dre.tables import CHAIN, EXPORT
from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.lib.orchestration.key_ranges import contiguous
from sync_pipelines.lib.records import open_records
from sync_pipelines.lib.records.landing_index import Landing
from sync_pipelines.lib.runs import AssetRow, RunReport
from sync_pipelines.partitions import asked_months, months
from sync_pipelines.settings.hitss import HitssSettings


def run(
    settings: HitssSettings,
    *,
    first: str | None,
    last: str | None,
    accept: Collection[str],
    progress: Callable[[str], None],
    dre: DrePipeline | None = None,
) -> RunReport:
    """Materialize the system's assets; `first` and `last` (`2025-08`) name months to load in any case.

    Without them a workbook is downloaded and the months that differ from it are loaded. With them the newest
    landed workbook is read. Raises SettingsError for a missing variable; what fails in the run is in the report.
    """
    dre = replace(dre or DrePipeline.from_settings(settings), progress=progress)
    order = months(settings.first_month, settings.sync_timezone).get_partition_keys(dre.clock())
    asked = asked_months(order, first, last)
    report = RunReport()
    with in_process.instance(settings.installation, report.notes.append) as instance:
        ran = _Run(settings=settings, dre=dre, instance=instance, accept=sorted(accept), report=report)
        exported = ran.export(asked)
        if exported is None:
            return report
        found: dict[str, list[Mapping[str, object]]] = {name: [] for name in CHAIN}
        for selection, ends in ran.ranges(order, asked, exported):
            for name, rows in ran.load(selection, ends).items():
                found[name] += rows
        if asked is None:
            report.problems += in_process.materialize(
                ran.definitions, "hitss_checks", instance, config={}
            ).problems
    ran.add_chain_rows(found, asked)
    return report


@dataclass
class _Run:
    """One call of the command: the instance it runs in, and the report that it fills."""

    settings: HitssSettings
    dre: DrePipeline
    instance: dg.DagsterInstance
    accept: list[str]
    report: RunReport

    @cached_property
    def definitions(self) -> dg.Definitions:
        return system.definitions(self.settings, self.dre)

    def export(self, asked: Collection[str] | None) -> Mapping[str, object] | None:
        """Download, or with months asked for take the newest landed workbook; None when there is none to load."""
        if asked is not None and (landing := self._landing()):
            self.report.notes.append(
                f"Read the workbook that landed {landing.landed_at.astimezone(self.settings.zone):%Y-%m-%d %H:%M}"
                f" ({landing.path}); without --from and --to a new one is downloaded."
            )
            rows, rejected = int(landing.details["rows"]), int(landing.details["rejected"])
            row = AssetRow(
                "dre_export", read=rows, loaded=rows - rejected, rejected=rejected, proved="landed"
            )
            self.report.rows.append(row)
            return {}
        self.dre.progress("asking HITSS for the export.")  # it may answer only after minutes
        done = self._materialize("hitss_download", "hitss__dre_export")
        exported = done.get("dre_export", [])
        row = in_process.asset_row("dre_export", exported)
        proved = "landed" if exported else "no"
        self.report.rows.append(replace(row, loaded=row.read - row.rejected, proved=proved))
        if not exported:
            return None
        restated = exported[0].get("restated")
        self.report.notes += restated if isinstance(restated, list) else []
        return exported[0]

    def ranges(
        self, order: Sequence[str], asked: list[str] | None, exported: Mapping[str, object]
    ) -> list[tuple[Sequence[str], tuple[str, str]]]:
        """What to load, as (assets, range): the months asked for, or those that differ."""
        found = self._compare()
        if found is None:
            return []
        pending = found.pending
        if asked is not None:
            held = found.contents.keys() | found.live.months()
            void = [month for month in asked if month not in held]
            if void:
                self.report.notes.append(
                    f"The workbook holds no rows of {', '.join(month[:7] for month in void)}, and the tables hold"
                    " none: not loaded, and nothing is proved of them."
                )
            return [(CHAIN, ends) for ends in contiguous(set(asked) - set(void), order)]
        blocked = exported.get("months_stopped_by_a_guard")
        stopped = set(blocked) if isinstance(blocked, list) else set()
        return [
            *((CHAIN, ends) for ends in contiguous(set(pending.changed) - stopped, order)),
            *((CHAIN[:1], ends) for ends in contiguous(pending.refresh, order)),
        ]

    def load(
        self, selection: Sequence[str], ends: tuple[str, str]
    ) -> Mapping[str, Sequence[Mapping[str, object]]]:
        return self._materialize(
            "hitss_load",
            "hitss_dre_months",
            partitions=ends,
            # The whole chain is the job's own selection, which leaves the checks of the tables to another job.
            selection=None if selection is CHAIN else [descriptions.key_of(name) for name in selection],
        )

    def add_chain_rows(
        self, found: Mapping[str, Sequence[Mapping[str, object]]], asked: Collection[str] | None
    ) -> None:
        """One line a table over all months of the workbook, or over those asked for.

        Every table is read once more, so that what is printed as proved is true now. Months that were not requested,
        because nothing in them differs, count as unchanged.
        """
        compared = self._compare()
        contents = compared.contents if compared else {}
        pending = compared.pending if compared else Pending((), ())
        rejected = int(compared.landing.details["rejected"]) if compared else 0
        held = contents.keys() | (compared.live.months() if compared else set())
        wanted = contents.keys() | pending.problems.keys() if asked is None else set(asked) & held
        for name in CHAIN:
            row = in_process.asset_row(name, found[name])
            proved = wanted - set(pending.months(name))
            expected = sum(_rows_of(name, contents.get(month, EMPTY_MONTH)) for month in proved)
            if asked is None:
                row.rejected = rejected if name == "dre_lines" else 0
                row.unchanged = max(0, expected - row.loaded)
                row.read = row.loaded + row.unchanged + row.rejected
            row.proved = f"{len(proved)}/{len(wanted)} months"
            self.report.rows.append(row)
        wrong = {month: sentences for month, sentences in pending.problems.items() if month in wanted}
        if wrong and not self.report.problems:
            self.report.problems += Pending(
                changed=(), refresh=(), problems=wrong, outside=pending.outside
            ).sentences()[:5]

    def _landing(self) -> Landing | None:
        with open_records(self.dre.ops_url) as records:
            return records.landings.newest(EXPORT)

    def _compare(self) -> Comparison | None:
        with open_records(self.dre.ops_url) as records:
            return self.dre.compare(records)

    def _materialize(
        self, job: str, step: str, **options: object
    ) -> Mapping[str, Sequence[Mapping[str, object]]]:
        done = in_process.materialize(
            self.definitions,
            job,
            self.instance,
            config={"ops": {step: {"config": {"accept": self.accept}}}},
            **options,  # type: ignore[arg-type]
        )
        self.report.problems += done.problems
        return done.metadata


def _rows_of(asset: str, content: MonthContent) -> int:
    match asset:
        case "dre_lines":
            return content.full.rows
        case "dre_hitss":
            return content.realizado.rows
        case "dre_orcado":
            return content.orcado.rows
    return 1
