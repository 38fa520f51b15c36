"""`sync-pipelines run hitss`: download, load what differs, prove, in this process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from sync_pipelines import runs
from sync_pipelines.hitss import catalogue, system
from sync_pipelines.hitss.chain import DreChain
from sync_pipelines.hitss.examination import EXPORT
from sync_pipelines.hitss.lines import EMPTY_MONTH, MonthContent
from sync_pipelines.hitss.pending import contents_of, pending_months
from sync_pipelines.hitss.plan import CHAIN
from sync_pipelines.lib.ledger import open_ledger
from sync_pipelines.operations import sensors
from sync_pipelines.operations.alerts import house_channels
from sync_pipelines.partitions import asked_months, contiguous, months
from sync_pipelines.runs import AssetRow, RunReport
from sync_pipelines.settings import Settings


def run(
    settings: Settings,
    *,
    first: str | None,
    last: str | None,
    accept: Collection[str],
    progress: Callable[[str], None],
    chain: DreChain | None = None,
) -> RunReport:
    """Materialize the system's assets; `first` and `last` (`2025-08`) name months to load in any case.

    Without them the months that the workbook changes are loaded. Raises SettingsError for a missing
    variable; what fails in the run is in the report.
    """
    chain = replace(chain or DreChain(settings), progress=progress)
    definitions = system.definitions(settings, chain)
    order = months(settings.first_month, settings.sync_timezone).get_partition_keys(chain.clock())
    asked = asked_months(order, first, last)
    report = RunReport()
    # Where no daemon runs there is no sweeper either: the next run closes what a dead one left open.
    sensors.sweep_all(
        system.watched(settings), sensors.teller(house_channels(settings), demo=settings.is_demo)
    )
    with runs.instance(settings, report.notes.append) as instance:

        def materialize(
            job: str, step: str, **options: object
        ) -> Mapping[str, Sequence[Mapping[str, object]]]:
            done = runs.materialize(
                definitions,
                job,
                instance,
                config={"ops": {step: {"config": {"accept": sorted(accept)}}}},
                **options,  # type: ignore[arg-type]
            )
            report.problems += done.problems
            return done.metadata

        exported = materialize("hitss_download", "hitss__dre_export").get("dre_export", [])
        report.rows.append(_export_row(exported))
        if not exported:
            return report
        found: dict[str, list[Mapping[str, object]]] = {name: [] for name in CHAIN}
        for selection, (start, end) in _ranges(settings, order, asked, exported[0]):
            loaded = materialize(
                "hitss_load",
                "hitss_dre_months",
                partitions=(start, end),
                # The whole chain is the job itself, whose selection leaves the standing checks to their own.
                selection=None if selection is CHAIN else [catalogue.key_of(name) for name in selection],
            )
            for name, rows in loaded.items():
                found[name] += rows
        if asked is None:
            report.problems += runs.materialize(definitions, "hitss_checks", instance, config={}).problems
    _add_chain_rows(report, settings, found, asked)
    return report


def _ranges(
    settings: Settings, order: Sequence[str], asked: list[str] | None, exported: Mapping[str, object]
) -> list[tuple[Sequence[str], tuple[str, str]]]:
    """What to load, as (assets, range): the months asked for, or those that differ."""
    if asked is not None:
        return [(CHAIN, ends) for ends in contiguous(asked, order)]
    blocked = exported.get("months_stopped_by_a_guard")
    stopped = set(blocked) if isinstance(blocked, list) else set()
    with open_ledger(settings.require("ops_database_url")) as ledger:
        landing = ledger.newest(EXPORT)
        if landing is None:
            return []
        pending = pending_months(ledger, contents_of(ledger, landing), settings.hitss_empresa)
    return [
        *((CHAIN, ends) for ends in contiguous(set(pending.changed) - stopped, order)),
        *((CHAIN[:1], ends) for ends in contiguous(pending.refresh, order)),
    ]


def _export_row(exported: Sequence[Mapping[str, object]]) -> AssetRow:
    row = runs.asset_row("dre_export", exported)
    return replace(row, loaded=row.read - row.rejected, proved="landed" if exported else "no")


def _add_chain_rows(
    report: RunReport,
    settings: Settings,
    found: Mapping[str, Sequence[Mapping[str, object]]],
    asked: Collection[str] | None,
) -> None:
    """One line a table over all months of the workbook, or over those asked for.

    Months that were not requested, because they are proved for this very content, count as unchanged.
    """
    with open_ledger(settings.require("ops_database_url")) as ledger:
        landing = ledger.newest(EXPORT)
        contents = contents_of(ledger, landing) if landing else {}
        rejected = int(landing.details["rejected"]) if landing else 0
        pending = pending_months(ledger, contents, settings.hitss_empresa)
    wanted = set(contents) if asked is None else set(asked)
    open_months = {name: set(pending.changed) for name in CHAIN}
    open_months["dre_lines"] |= set(pending.refresh)
    for name in CHAIN:
        rows = found[name]
        row = runs.asset_row(name, rows)
        proved = wanted - open_months[name]
        expected = sum(_rows_of(name, contents.get(month, EMPTY_MONTH)) for month in proved)
        if asked is None:
            row.rejected = rejected if name == "dre_lines" else 0
            row.unchanged = max(0, expected - row.loaded)
            row.read = row.loaded + row.unchanged + row.rejected
        row.proved = f"{len(proved)}/{len(wanted)} months"
        report.rows.append(row)


def _rows_of(asset: str, content: MonthContent) -> int:
    match asset:
        case "dre_lines":
            return content.full.rows
        case "dre_hitss":
            return content.realizado.rows
        case "dre_orcado":
            return content.orcado.rows
    return 1
