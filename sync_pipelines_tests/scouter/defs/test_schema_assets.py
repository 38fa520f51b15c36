"""The doctor in Dagster: its asset, the check that stops a push, and the launchpad's jobs, both ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.sandbox.scouter.database import drop_column
from sync_pipelines.scouter.defs import descriptions
from sync_pipelines.scouter.defs.schema_assets import scouter_schema
from sync_pipelines.scouter.defs.schema_jobs import schema_jobs
from sync_pipelines.scouter.schema.reload import Patience, reload_schema
from sync_pipelines_tests.scouter.installation import Installation

WHOLE = {"id": "id", "nome": "name", "updated_at": "updated_at"}
JOBS = {job.name: job for job in schema_jobs()}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def run(
    installation: Installation, instance: dg.DagsterInstance, job_name: str, **config: str
) -> dg.ExecuteInProcessResult:
    """A launchpad job; nothing that it wrote shows the key or the address."""
    job = JOBS[job_name]
    (op,) = [node.name for node in job.nodes]
    result = job.execute_in_process(
        run_config={"ops": {op: {"config": config}}} if config else None,
        resources={"push": installation.push},
        instance=instance,
        raise_on_error=False,
    )
    keeps_secrets(installation, instance, result)
    return result


def keeps_secrets(
    installation: Installation, instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult
) -> None:
    everything = "\n".join(str(entry) for entry in instance.all_logs(result.run_id))
    assert "STEP_START" in everything
    for hidden in (installation.postgrest.service_key, installation.postgrest.url):
        assert hidden not in everything


def failure(result: dg.ExecuteInProcessResult) -> str:
    """What the one failed step says."""
    assert not result.success
    (event,) = [event for event in result.all_events if event.is_step_failure]
    data = event.step_failure_data
    told = data.user_failure_data.description if data.user_failure_data else ""
    assert told
    return told


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    found = {}
    for event in result.all_events:
        if event.is_successful_output:
            found |= {name: value.value for name, value in event.step_output_data.metadata.items()}
    return found


def materialized(
    installation: Installation, instance: dg.DagsterInstance
) -> tuple[dg.ExecuteInProcessResult, dict[str, Any], dg.AssetCheckEvaluation]:
    @dg.asset(deps=[scouter_schema])
    def sent_afterwards() -> None:
        """What stands behind the check."""

    result = dg.materialize(
        [scouter_schema, sent_afterwards],
        resources={"push": installation.push},
        instance=instance,
        raise_on_error=False,
    )
    keeps_secrets(installation, instance, result)
    (event,) = result.asset_materializations_for_node("scouter__schema")
    check, travels = result.get_asset_check_evaluations()
    assert (travels.check_name, travels.severity) == (descriptions.TRAVELS, dg.AssetCheckSeverity.WARN)
    return result, {name: value.value for name, value in event.metadata.items()}, check


def test_where_both_sides_fit_what_stands_behind_goes_on(
    fitting: Installation, instance: dg.DagsterInstance
) -> None:
    result, told, check = materialized(fitting, instance)
    assert result.success
    assert (check.check_name, check.passed, check.description) == (
        descriptions.SCHEMAS_FIT,
        True,
        "Both sides fit through the mapping.",
    )
    assert len(result.asset_materializations_for_node("sent_afterwards")) == 1
    assert (told["fields_mapped"], told["columns_error"], told["columns_warning"]) == (34, 0, 2)
    assert told["suggested_sql"] == "Nothing to do."
    assert "| ficha_confirmada | warning | to_text |" in told["verdicts"]
    assert "address" in told["only_in_tabuladormax"]
    assert "email" in told["only_in_gestao_scouter"]


def test_where_they_do_not_fit_nothing_goes_on_and_the_sql_is_shown(
    alterable: Installation, instance: dg.DagsterInstance
) -> None:
    drop_column(alterable.gestao, "valor_ficha")
    alterable.gestao.execute("notify pgrst, 'reload schema'")
    result, told, check = materialized(alterable, instance)
    assert not result.success
    assert not check.passed
    assert check.blocking
    assert "has no column valor_ficha" in str(check.description)
    assert result.asset_materializations_for_node("sent_afterwards") == []
    assert told["missing_in_gestao_scouter"] == ["valor_ficha"]
    lines = told["suggested_sql"].splitlines()
    assert (lines[0], lines[-1]) == ("```sql", "```")
    for line in lines[1:-1]:
        alterable.gestao.execute(line.encode())
    result, _, check = materialized(alterable, instance)
    assert (result.success, check.passed) == (True, True)


def test_a_new_column_of_the_source_is_named_until_it_travels(
    alterable: Installation, instance: dg.DagsterInstance
) -> None:
    def verdict() -> tuple[bool, str]:
        result = dg.materialize([scouter_schema], resources={"push": alterable.push}, instance=instance)
        (found,) = (
            one for one in result.get_asset_check_evaluations() if one.check_name == descriptions.TRAVELS
        )
        return found.passed, str(found.description)

    passed, told = verdict()
    assert passed
    assert "Known to stay: address, bitrix_telemarketing_id" in told
    alterable.tab.execute("alter table public.leads add column instagram text")
    passed, told = verdict()
    assert not passed
    assert told.startswith("1 columns of TabuladorMax do not travel: instagram.")
    alterable.gestao.execute(
        "alter table public.leads add column instagram text; notify pgrst, 'reload schema'"
    )
    assert verdict()[0]


def test_a_destination_that_is_away_fails_the_asset_in_a_sentence(
    fitting: Installation, instance: dg.DagsterInstance
) -> None:
    fitting.postgrest.fail("gateway_401")
    result = dg.materialize(
        [scouter_schema], resources={"push": fitting.push}, instance=instance, raise_on_error=False
    )
    assert "Check GESTAO_SCOUTER_URL and GESTAO_SCOUTER_SERVICE_KEY" in failure(result)
    keeps_secrets(fitting, instance, result)


def test_validating_says_what_does_not_fit(alterable: Installation, instance: dg.DagsterInstance) -> None:
    result = run(alterable, instance, "scouter_validate_schema")
    assert result.success
    assert metadata(result)["columns_error"] == 0
    drop_column(alterable.gestao, "raw")
    alterable.gestao.execute("notify pgrst, 'reload schema'")
    told = failure(run(alterable, instance, "scouter_validate_schema"))
    assert "has no column raw" in told
    assert 'alter table public.leads add column if not exists "raw" jsonb;' in told


def test_reloading_waits_for_every_mapped_column(
    alterable: Installation, instance: dg.DagsterInstance
) -> None:
    drop_column(alterable.gestao, "fonte")
    alterable.gestao.execute("notify pgrst, 'reload schema'")
    patience = Patience(deadline=1.0, first=0.01, longest=0.01)
    alterable.push = replace(
        alterable.push,
        reload=lambda client, columns: reload_schema(
            client, columns, patience=patience, sleep=lambda _s: None
        ),
    )
    alterable.gestao.execute("alter table public.leads add column fonte text")
    alterable.postgrest.reload_polls = 3
    assert run(alterable, instance, "scouter_reload_schema_cache").success
    kept = alterable.ops.execute(
        "select count(*) from ops.schema_reports where checked_at > to_timestamp(0)"
    ).fetchone()
    assert kept == (0,)
    alterable.postgrest.fail("reload_missing")
    told = failure(run(alterable, instance, "scouter_reload_schema_cache"))
    assert "create or replace function public.notify_pgrst_reload()" in told


def test_testing_the_connection_shows_every_check(
    fitting: Installation, instance: dg.DagsterInstance
) -> None:
    result = run(fitting, instance, "scouter_test_connection")
    assert result.success
    report = metadata(result)["report"]
    assert report["valid"] is True
    assert {"credentials", "connection", "tableAccess", "tableStructure"} <= set(report["checks"])
    fitting.postgrest.fail("forbidden")
    told = failure(run(fitting, instance, "scouter_test_connection"))
    assert "A tabela leads não pode ser lida: a chave não tem permissão (42501)" in told


@pytest.mark.parametrize("missing", ["gestao_scouter_url", "gestao_scouter_service_key"])
def test_testing_the_connection_without_a_setting_says_which(
    fitting: Installation, instance: dg.DagsterInstance, missing: str
) -> None:
    fitting.use(**{missing: None})
    assert f"Falta configurar {missing.upper()}." in failure(
        run(fitting, instance, "scouter_test_connection")
    )


def test_mappings_go_out_to_a_file_and_come_back(
    fitting: Installation, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    insert = (
        "insert into public.gestao_scouter_field_mappings (name, mappings, is_default) values (%s, %s, true)"
    )
    fitting.tab.execute(insert, ["Básico", Jsonb(WHOLE)])
    file = str(tmp_path / "mappings.json")
    assert run(fitting, instance, "scouter_export_mapping", path=file).success
    fitting.tab.execute("truncate public.gestao_scouter_field_mappings")
    assert run(fitting, instance, "scouter_import_mapping", path=file).success
    rows = fitting.tab.execute(
        "select name, mappings, is_default from public.gestao_scouter_field_mappings"
    ).fetchall()
    assert rows == [("Básico", WHOLE, True)]
    told = failure(run(fitting, instance, "scouter_export_mapping", path=file))
    assert f"{file} is there already" in told


@pytest.mark.parametrize(
    ("content", "config", "told"),
    [
        (WHOLE | {"phone": "celular"}, {"name": "Novo"}, "Gestão Scouter has no column phone"),
        (WHOLE | {"fonte": "origem"}, {"name": "Novo"}, "TabuladorMax has no column origem"),
        (WHOLE, {}, "mine.json: The file holds one mapping without a name"),
        ({"nome": None}, {"name": "Novo"}, "Preset 'Novo': The field mapping cannot be read"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_not_imported(
    fitting: Installation,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    content: dict[str, Any],
    config: dict[str, str],
    told: str,
) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(content))
    assert told in failure(run(fitting, instance, "scouter_import_mapping", path=str(file), **config))
    rows = fitting.tab.execute("select count(*) from public.gestao_scouter_field_mappings").fetchone()
    assert rows == (0,)


def test_a_mapping_is_imported_where_the_document_is_hidden_by_what_the_probe_finds(
    fitting: Installation, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    fitting.postgrest.fail("openapi_forbidden")
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(WHOLE | {"nome_modelo": "gestao_scouter"}))
    assert run(fitting, instance, "scouter_import_mapping", path=str(file), name="Novo").success
    file.write_text(json.dumps(WHOLE | {"phone": "celular"}))
    told = failure(run(fitting, instance, "scouter_import_mapping", path=str(file), name="Outro"))
    assert "Gestão Scouter has no column phone" in told


def test_a_file_that_is_not_there_is_named(
    fitting: Installation, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    path = str(tmp_path / "nowhere.json")
    told = failure(run(fitting, instance, "scouter_import_mapping", path=path))
    assert told == f"{path} could not be read: No such file or directory."
