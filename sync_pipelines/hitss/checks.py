"""Checks that look at the DRE as it stands, beside those that each load reports for itself."""

import dagster as dg

from sync_pipelines.hitss import catalogue, tables
from sync_pipelines.hitss.examination import EXPORT
from sync_pipelines.hitss.mirror import DESTINATION
from sync_pipelines.hitss.pending import contents_of, pending_months
from sync_pipelines.hitss.tables import PROJECT
from sync_pipelines.lib import postgres
from sync_pipelines.lib.ledger import open_ledger
from sync_pipelines.lib.proof import Digest
from sync_pipelines.settings import Settings

#: The requirement's alerts (section 7.3), asked of the view `monitor_health` of each project.
_HEALTH = {
    "no_execution_failed_in_two_hours": "FAILED_EXECUTIONS",
    "no_execution_runs_for_more_than_an_hour": "STUCK_EXECUTIONS",
}
HEALTH_CHECKS = tuple(dg.AssetCheckKey(catalogue.key_of("dre_hitss"), name) for name in _HEALTH)


def checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """The standing checks: what is proved is complete, and is still there."""

    @dg.asset_check(
        asset=catalogue.key_of("dre_summary"),
        name="every_month_of_the_workbook_is_proved",
        description="No month is left failed or forgotten: bounded retries go quiet, this does not.",
    )
    def every_month_of_the_workbook_is_proved() -> dg.AssetCheckResult:
        with open_ledger(settings.require("ops_database_url")) as ledger:
            landing = ledger.newest(EXPORT)
            if landing is None:
                return dg.AssetCheckResult(
                    passed=False, description="No usable workbook has been landed yet."
                )
            pending = pending_months(ledger, contents_of(ledger, landing), settings.hitss_empresa)
        missing = sorted((*pending.changed, *pending.refresh))
        return dg.AssetCheckResult(
            passed=not missing,
            description=f"{len(missing)} months are not as the newest workbook says."
            if missing
            else "All are as the newest workbook says.",
            metadata={"months": missing, "workbook": landing.path},
        )

    @dg.asset_check(
        asset=catalogue.key_of("dre_hitss"),
        name="published_rows_are_still_as_proved",
        description="Nobody changed, added or removed rows since the proof.",
    )
    def published_rows_are_still_as_proved() -> dg.AssetCheckResult:
        with open_ledger(settings.require("ops_database_url")) as ledger:
            proofs = ledger.proofs("hitss/dre_hitss")
        url = settings.require("fabricio_database_url")
        with postgres.connect(url, what=PROJECT, read_only=True) as connection:
            live = tables.live_digests(connection, tables.HITSS, list(proofs))
            row = connection.execute(
                "select count(*) from public.dre_hitss where line_hash is null"
            ).fetchone()
        foreign = row[0] if row else 0
        differing = [
            month
            for month, proof in sorted(proofs.items())
            if proof.holds and live.get(month, Digest()) != Digest.parse(proof.proof.destination["digest"])
        ]
        return dg.AssetCheckResult(
            passed=not differing and not foreign,
            description=f"{len(differing)} months differ from their proof; {foreign} rows came from elsewhere.",
            metadata={"months": differing, "foreign_rows": foreign},
        )

    return [
        every_month_of_the_workbook_is_proved,
        published_rows_are_still_as_proved,
        *(_health_check(settings, name, rule) for name, rule in _HEALTH.items()),
    ]


def _health_check(settings: Settings, name: str, rule: str) -> dg.AssetChecksDefinition:
    projects = {PROJECT: settings.fabricio_database_url, DESTINATION: settings.hitss_database_url}

    @dg.asset_check(
        asset=catalogue.key_of("dre_hitss"),
        name=name,
        description=f"{rule} of the view monitor_health is zero, in each project.",
    )
    def health() -> dg.AssetCheckResult:
        found: dict[str, int] = {}
        for what, secret in projects.items():
            if secret is not None:
                with postgres.connect(secret.get_secret_value(), what=what, read_only=True) as connection:
                    row = connection.execute(
                        "select count from public.monitor_health where type = %s", (rule,)
                    ).fetchone()
                found[what] = int(row[0]) if row else 0
        return dg.AssetCheckResult(
            passed=not any(found.values()),
            description="; ".join(f"{count} in {what}" for what, count in found.items()) + ".",
            metadata={what.replace(" ", "_"): count for what, count in found.items()},
        )

    return health
