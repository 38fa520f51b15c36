"""What the DRE's definitions promise whoever opens them in the UI."""

from typing import Any

import dagster as dg
import pytest

from sync_pipelines.definitions import build
from sync_pipelines.hitss.defs.descriptions import key_of
from sync_pipelines.hitss.dre.tables import CHAIN
from sync_pipelines.systems import read_settings
from sync_pipelines_tests.conftest import House

LINEAGE = {
    "dre_export": {"painel_projetos"},
    "dre_lines": {"dre_export"},
    "dre_hitss": {"dre_lines"},
    "dre_orcado": {"dre_lines"},
    "dre_summary": {"dre_hitss", "dre_orcado"},
}


@pytest.fixture(scope="module")
def graph() -> Any:
    settings = read_settings(
        None, fabricio_database_url="postgresql://db/fabricio", ops_database_url="postgresql://db/ops"
    )
    return build(settings).resolve_asset_graph()


def test_the_lineage_begins_at_the_vendor_and_ends_at_the_summary(graph: Any) -> None:
    for asset, upstream in LINEAGE.items():
        assert graph.get(key_of(asset)).parent_keys == {key_of(name) for name in upstream}
    assert not graph.get(key_of("painel_projetos")).is_materializable


@pytest.mark.parametrize("asset", ["dre_export", *CHAIN])
def test_every_asset_says_what_it_is(graph: Any, asset: str) -> None:
    node = graph.get(key_of(asset))
    assert node.freshness_policy is not None
    assert node.group_name == "hitss"
    assert node.owners
    assert node.kinds
    assert len(node.description or "") > 100
    assert node.pools == {"hitss"}
    assert node.check_keys


@pytest.mark.parametrize("asset", CHAIN)
def test_every_table_describes_its_columns_and_where_they_come_from(
    graph: Any, short: House, asset: str
) -> None:
    metadata = graph.get(key_of(asset)).metadata
    schema, lineage = metadata["dagster/column_schema"], metadata["dagster/column_lineage"]
    described = {column.name for column in schema.columns}
    table = metadata["dagster/table_name"]
    assert described <= {
        name
        for (name,) in short.rows(f"select attname from pg_attribute where attrelid = '{table}'::regclass")
    }
    assert set(lineage.deps_by_column) <= described
    known = {name: graph.get(key_of(name)).metadata.get("dagster/column_schema") for name in CHAIN}
    for sources in lineage.deps_by_column.values():
        for source in sources:
            upstream = known.get(source.asset_key.path[-1])
            assert upstream is None or source.column_name in {column.name for column in upstream.columns}


def test_the_schedule_names_the_cron_job_that_it_replaces() -> None:
    settings = read_settings(
        None, fabricio_database_url="postgresql://db/fabricio", ops_database_url="postgresql://db/ops"
    )
    schedule = build(settings).resolve_schedule_def("hitss_download_weekdays")
    assert schedule.cron_schedule == "0 8 * * 1-5"
    assert schedule.execution_timezone == "UTC"
    assert "`hitss-automation-daily`" in (schedule.description or "")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"fabricio_database_url": "postgresql://db/fabricio", "ops_database_url": "postgresql://db/ops"},
        {"sync_env": "demo", "ops_database_url": "postgresql://db/ops"},
    ],
)
def test_the_definitions_load_with_and_without_an_environment(variables: dict[str, str]) -> None:
    definitions = build(read_settings(None, **variables))
    dg.Definitions.validate_loadable(definitions)
    assets = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert ("hitss/dre_summary" in assets) is ("fabricio_database_url" in variables)
    assert {sensor.name for sensor in definitions.sensors or ()} >= {"dead_run_sweeper", "failed_run_alert"}
