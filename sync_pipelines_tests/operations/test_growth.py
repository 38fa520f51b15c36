"""Sizes of databases and landing store, as an asset with two checks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.operations.defs import growth
from sync_pipelines.operations.growth import configured_databases, measure_databases, verdict
from sync_pipelines.settings import Settings
from sync_pipelines.systems import read_settings, whole_class


@pytest.mark.parametrize(("megabytes", "found"), [(79.9, None), (80, "warn"), (99.9, "warn"), (100, "error")])
def test_a_person_is_warned_at_four_fifths(megabytes: float, found: str | None) -> None:
    assert verdict(megabytes, 100) == found


@pytest.fixture
def settings(new_database: Callable[[str | None], str], tmp_path: Path) -> Settings:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "file").write_bytes(b"x" * (3 << 20))
    return read_settings(
        None,
        ops_database_url=new_database("ops"),
        fabricio_database_url=new_database("fabricio"),
        landing_url=str(tmp_path / "landing"),
    )


def run(settings: Settings) -> tuple[dict[str, Any], dict[str, dg.AssetCheckEvaluation]]:
    job = growth.definitions(settings).resolve_job_def("growth")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)
    (made,) = result.asset_materializations_for_node("operations__growth")
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    return {name: value.value for name, value in made.metadata.items()}, checks


def test_sizes_are_plotted_and_below_their_limits(settings: Settings) -> None:
    found, checks = run(settings)
    assert found["landing_store_mb"] == 3.0
    assert found["fabricio_mb"] > 5
    assert "public.dre_hitss" in found["largest_tables"]
    assert all(check.passed for check in checks.values())


def test_every_database_that_a_setting_names_is_measured(
    settings: Settings, new_database: Callable[[str | None], str]
) -> None:
    named = {name for name in whole_class().model_fields if name.endswith("_database_url")}
    assert len(named) > 4
    whole = dict.fromkeys(named - {"scratch_database_url"}, new_database(None))
    found = configured_databases(whole_class().model_validate(settings.model_dump() | whole))
    # The scratch database is made and dropped by each drill.
    assert {f"{name}_database_url" for name in found} == named - {"scratch_database_url"}


def test_too_large_a_store_and_too_large_a_database_are_red(settings: Settings) -> None:
    _, checks = run(settings.model_copy(update={"database_limit_mb": 2, "landing_limit_mb": 2}))
    assert [check.passed for check in checks.values()] == [False, False]
    assert {check.severity for check in checks.values()} == {dg.AssetCheckSeverity.ERROR}


def test_nearly_too_large_is_a_warning(settings: Settings) -> None:
    _, checks = run(settings.model_copy(update={"landing_limit_mb": 3.5}))
    check = checks[growth.STORE]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_database_that_cannot_be_measured_is_not_small(settings: Settings) -> None:
    gone = {"fabricio_database_url": "postgresql://x:uma-senha-longa@127.0.0.1:1/gone"}
    found, checks = run(whole_class().model_validate(settings.model_dump() | gone))
    assert "fabricio_mb" not in found
    assert not checks[growth.DATABASES].passed
    assert "fabricio database" in str(checks[growth.DATABASES].description)
    assert "uma-senha-longa" not in str(checks[growth.DATABASES].description)
    assert measure_databases({"x": "postgresql://127.0.0.1:1/x"})[0].problem is not None
