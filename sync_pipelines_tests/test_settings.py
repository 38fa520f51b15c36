"""Settings: a wrong value is a sentence that names its variable and never repeats what it holds."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from datetime import date
from itertools import combinations
from pathlib import Path

import dagster as dg
import pytest

from sync_pipelines.lib import redaction
from sync_pipelines.settings import Settings, SettingsError, read_as
from sync_pipelines.settings.aimindset import AimindsetSettings
from sync_pipelines.settings.dagster import take_from_file
from sync_pipelines.settings.hitss import HitssSettings
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.systems import SYSTEMS, read_settings, whole_class

ROOT = Path(__file__).resolve().parents[1]
VARIABLES = {name.upper() for name in whole_class().model_fields}
#: Read by Dagster itself, and named by us in the sandbox and in the documentation.
DAGSTER_VARIABLES = {"DAGSTER_HOME", "DAGSTER_EVENT_BATCH_SIZE"}
EXPORT = "https://hitss.example/api/export/xls?filtroDeFiltro={inicio}&filtroAteFiltro={fim}&usuarioFiltro="


@pytest.fixture(autouse=True)
def _no_variable_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES | DAGSTER_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SYNC_ENV", "prodction-s3cret"),
        ("SYNC_TIMEZONE", "America/Sao_Pedro"),
        ("LANDING_URL", "gs://bucket-s3cret/landing"),
        ("LANDING_URL", "s3://user:s3cret@bucket/landing"),
        ("LANDING_URL", "s3://bucket/s3cret/../landing"),
        ("LANDING_URL", "s3:///s3cret"),
        ("LANDING_S3_ENDPOINT", "http://storage.example/s3cret"),
        ("HITSS_BASE_URL", "http://hitss.example/s3cret"),
        ("HITSS_BASE_URL", "https://[s3cret"),
        ("HITSS_AUTH_MODE", "s3cret"),
        ("OPS_DATABASE_URL", "mysql://user:s3cret@db/ops"),
        ("DAGSTER_PG_URL", "sqlite:///s3cret.db"),
        ("FABRICIO_DATABASE_URL", "user:s3cret@db/fabricio"),
        ("HITSS_DOWNLOAD_URL", "/api/export/xls?usuarioFiltro=s3cret"),
        ("HITSS_DOWNLOAD_URL", "ftp://hitss.example/export?usuarioFiltro=s3cret"),
        ("HITSS_DOWNLOAD_URL", "http://hitss.example/export?usuarioFiltro=s3cret"),
        ("HITSS_CA_BUNDLE", "/nowhere/s3cret.pem"),
        ("HITSS_FIRST_MONTH", "2016-13"),
        ("HITSS_FIRST_MONTH", "09/2016"),
        ("SCOUTER_TRUSTED_PROXIES", "10.0.0.1, s3cret.example"),
        ("SCOUTER_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("SPRINTHUB_API_TOKEN", "s3cret with a blank"),
        ("SPRINTHUB_API_TOKEN", "s3cret\nSPRINTHUB_INSTANCE=empresa"),
        ("SPRINTHUB_API_TOKEN", "s3cret-é"),
        ("AIMINDSET_SERVICE_KEY", "“s3cret”"),
        ("GESTAO_SCOUTER_SERVICE_KEY", "s3cret\x01"),
        ("SPRINTHUB_INSTANCE", "empresa&apitoken=s3cret"),
        ("SPRINTHUB_BASE_URL", "crm.example?apitoken=s3cret"),
        ("SPRINTHUB_BASE_URL", "http://crm.example/s3cret"),
        ("SPRINTHUB_CRON", "30 0 6 * * *"),  # with seconds
        ("SPRINTHUB_CRON", "0 6 * * 5L"),
        ("SPRINTHUB_CRON", "0 6 LW * *"),
        ("SPRINTHUB_CRON", "0 6 31 2 *"),
        ("SPRINTHUB_CRON", "@daily"),
    ],
)
def test_a_wrong_value_is_a_sentence_with_the_name_and_without_the_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        read_settings(None)
    sentence = str(caught.value)
    assert sentence.startswith(f"{variable} ")
    assert sentence.endswith(".")
    assert value not in sentence
    assert "s3cret" not in sentence
    assert "pydantic" not in sentence
    assert caught.value.__cause__ is None


def test_every_wrong_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in (("SYNC_TIMEZONE", "Marte"), ("LANDING_URL", "gs://a"), ("SYNC_ENV", "x")):
        monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=r"(?s)SYNC_ENV .*SYNC_TIMEZONE .*LANDING_URL "):
        read_settings(None)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:9"])
def test_production_refuses_a_sandbox_as_the_upstream(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HITSS_DOWNLOAD_URL", f"http://{host}/export?usuarioFiltro=s3cret")
    assert read_settings(None).hitss_download_url is not None
    monkeypatch.setenv("SYNC_ENV", "production")
    with pytest.raises(SettingsError, match=r"^HITSS_DOWNLOAD_URL points at this machine") as caught:
        read_settings(None)
    assert "s3cret" not in str(caught.value)


def test_production_refuses_a_sandbox_as_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITSS_BASE_URL", "http://127.0.0.1:8080/")
    monkeypatch.setenv("SYNC_ENV", "production")
    with pytest.raises(SettingsError, match=r"^HITSS_BASE_URL points at this machine"):
        read_settings(None)


def test_https_to_another_machine_is_what_production_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_ENV", "production")
    monkeypatch.setenv("HITSS_DOWNLOAD_URL", f"{EXPORT}quem")
    assert read_settings(None).require("hitss_download_url") == f"{EXPORT}quem"


def test_a_project_database_needs_a_database_of_ours_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRICIO_DATABASE_URL", "postgresql://u:s3cret@db/fabricio")
    with pytest.raises(SettingsError, match=r"^OPS_DATABASE_URL is not set") as caught:
        read_settings(None)
    assert "s3cret" not in str(caught.value)


def test_what_is_asked_for_and_not_set_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^FABRICIO_DATABASE_URL is not set; see \.env\.example"):
        read_settings(None).require("fabricio_database_url")


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "")
    assert read_settings(None) == whole_class()(_env_file=None)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "name", ["SPRINTHUB_API_TOKEN", "AIMINDSET_SERVICE_KEY", "GESTAO_SCOUTER_SERVICE_KEY"]
)
def test_the_line_break_of_a_mounted_file_is_no_part_of_a_token(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, " token-of-a-file\n")
    assert read_settings(None).require(name.lower()) == "token-of-a-file"


@pytest.mark.parametrize(
    "cron", ["0 6 * * *", "*/15 8-18 * JAN-MAR MON-FRI", "0 6 L * *", "0 6 * * 1#2", "0 6 1,15 * 0,6"]
)
def test_dagster_takes_every_cron_line_that_the_settings_take(
    monkeypatch: pytest.MonkeyPatch, cron: str
) -> None:
    monkeypatch.setenv("SPRINTHUB_CRON", cron)
    settings = read_as(SprinthubSettings, None)
    dg.ScheduleDefinition(name="daily", job_name="sync", cron_schedule=settings.sprinthub_cron)


@pytest.mark.parametrize(
    ("environment", "on"), [("demo", True), ("production", True), ("development", False)]
)
def test_schedules_run_by_themselves_in_production_and_in_the_demo(
    monkeypatch: pytest.MonkeyPatch, environment: str, on: bool
) -> None:
    monkeypatch.setenv("SYNC_ENV", environment)
    assert read_settings(None).automation_is_on is on


def test_secrets_are_known_to_the_redactor_as_soon_as_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_DATABASE_URL", "postgresql://ops:senha-muito-longa@db/ops")
    monkeypatch.setenv("HITSS_DOWNLOAD_URL", f"{EXPORT}pessoa.inventada")
    settings = read_settings(None)
    printed = f"{settings!r} {settings}"
    logged = redaction.redact("senha-muito-longa opened it for pessoa.inventada, {inicio} to 2025-08")
    for text in (printed, logged):
        assert "senha-muito-longa" not in text
        assert "pessoa.inventada" not in text
    assert logged == "*** opened it for ***, {inicio} to 2025-08"


def own_names(kind: type[Settings]) -> set[str]:
    """What a system's class defines itself: fields, properties, validators."""
    names = {name for name in (*vars(kind), *kind.__annotations__) if not name.startswith("__")}
    return names - {"_abc_impl", "model_config", "harmless_parameters"}


def clashes(one: type[Settings], other: type[Settings]) -> list[str]:
    """Names of both that are no setting which both read alike."""
    return [
        name
        for name in sorted(own_names(one) & own_names(other))
        if name not in one.model_fields or repr(one.model_fields[name]) != repr(other.model_fields.get(name))
    ]


def test_what_two_systems_call_alike_is_the_same_setting() -> None:
    """One object is every system's own class: of two properties or validators of one name only one would be left."""
    kinds = [system.settings for system in SYSTEMS]
    assert [clashes(one, other) for one, other in combinations(kinds, 2) if clashes(one, other)] == []
    everybodys = {name for kind in Settings.__mro__ for name in vars(kind)} | set(Settings.model_fields)
    assert [own_names(kind) & everybodys for kind in kinds] == [set()] * len(kinds)


def test_the_comparison_of_two_systems_sees_what_it_forbids() -> None:
    class Own(Settings):
        backups_first_day: date = date(2026, 11, 2)

        @property
        def project_url(self) -> str:
            return "https://another.example"

    assert clashes(AimindsetSettings, Own) == ["backups_first_day", "project_url"]
    assert clashes(HitssSettings, AimindsetSettings) == []


def test_the_landing_folder_may_be_a_path_or_a_file_url(monkeypatch: pytest.MonkeyPatch) -> None:
    for written in ("/data/landing", "file:///data/landing"):
        monkeypatch.setenv("LANDING_URL", written)
        assert read_settings(None).landing_root == Path("/data/landing")


def test_a_bucket_needs_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDING_URL", "s3://bucket/houses/ours/")
    with pytest.raises(
        SettingsError, match=r"^LANDING_S3_ACCESS_KEY is not set, and LANDING_URL is a bucket"
    ):
        read_settings(None)
    monkeypatch.setenv("LANDING_S3_ACCESS_KEY", "AKIAFICTICIO")
    with pytest.raises(SettingsError, match=r"^LANDING_S3_SECRET_KEY is not set"):
        read_settings(None)
    monkeypatch.setenv("LANDING_S3_SECRET_KEY", "chave-ficticia-longa")
    monkeypatch.setenv("LANDING_S3_ENDPOINT", "https://projeto.storage.example/storage/v1/s3")
    store = read_settings(None).landing_store
    assert store.describe("a/1") == "s3://bucket/houses/ours/a/1"
    assert "chave-ficticia-longa" not in f"{store!r} {read_settings(None)!r}"


def test_the_example_file_lists_exactly_what_the_code_reads() -> None:
    text = (ROOT / ".env.example").read_text()
    listed = re.findall(r"(?m)^#? ?([A-Z][A-Z0-9_]+)=", text)
    assert sorted(listed) == sorted(VARIABLES | DAGSTER_VARIABLES)


def test_the_example_file_is_a_valid_environment(tmp_path: Path) -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    whole = tmp_path / "env"
    whole.write_text("\n".join(line.removeprefix("# ").removeprefix("#") for line in lines if "=" in line))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        try:
            read_settings(str(whole))
        except SettingsError as error:  # it may name a certificate file that this machine does not have
            assert str(error).startswith("HITSS_CA_BUNDLE names a file that does not exist")


def test_a_shell_reads_every_value_of_the_example_file_as_one_word() -> None:
    """The README has its reader do so (`set -a; . ./.env`)."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [
        line for line in lines if line[:1] not in ("", "#") and len(shlex.split(line, comments=True)) != 1
    ] == []


def test_no_module_reads_a_variable_that_settings_do_not_know() -> None:
    sandbox = ROOT / "sync_pipelines" / "sandbox"
    read = {
        name
        for path in (ROOT / "sync_pipelines").rglob("*.py")
        if not path.is_relative_to(sandbox)
        for name in _variables_read(ast.parse(path.read_text()))
    }
    # The embedded Postgres is found by the machine's own search path.
    assert read <= VARIABLES | DAGSTER_VARIABLES | {"PATH"}


def _variables_read(tree: ast.AST) -> set[str]:
    """The constant names in os.environ[...], os.environ.get(...) and os.getenv(...)."""
    found = set()
    for node in ast.walk(tree):
        asked = node.slice if isinstance(node, ast.Subscript) else None
        source = node.value if isinstance(node, ast.Subscript) else None
        if isinstance(node, ast.Call) and node.args:
            asked, source = node.args[0], node.func
        if source is not None and re.match(r"os\.(environ|getenv)", ast.unparse(source)):
            found |= {str(asked.value)} if isinstance(asked, ast.Constant) else set()
    return found


def test_dagster_yaml_is_an_instance_that_works(
    monkeypatch: pytest.MonkeyPatch, new_database: Callable[[str | None], str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGSTER_PG_URL", new_database(None))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").symlink_to(ROOT / "dagster.yaml")
    with dg.DagsterInstance.get() as instance:
        storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
        assert {type(storage).__name__.removesuffix("Storage") for storage in storages} == {
            *("PostgresRun", "PostgresEventLog", "PostgresSchedule"),
        }
        assert type(instance.run_coordinator).__name__ == "QueuedRunCoordinator"
        assert instance.run_monitoring_enabled
        assert instance.get_settings("run_monitoring")["max_runtime_seconds"] == 7200
        assert instance.get_settings("run_retries")["retry_on_asset_or_op_failure"] is False
        assert not instance.telemetry_enabled
        pools = instance.get_concurrency_config().pool_config
        assert pools.default_pool_limit == 1
        assert str(pools.pool_granularity).lower().endswith("run")
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 5
        run = instance.create_run_for_job(dg.job(name="nothing")(lambda: None))
        assert instance.get_run_by_id(run.run_id) is not None


def test_dagsters_variables_are_taken_from_the_file_where_the_environment_has_none(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(
        "DAGSTER_HOME=/srv/dagster\nDAGSTER_PG_URL='postgresql://a:p$x@h/d?host=/s&port=1'\nDAGSTER_EVENT_BATCH_SIZE=\n"
        "SYNC_ENV=production\n"
    )
    environment = {"DAGSTER_HOME": "/elsewhere"}
    take_from_file(environment, str(file))
    assert environment == {
        "DAGSTER_HOME": "/elsewhere",
        "DAGSTER_PG_URL": "postgresql://a:p$x@h/d?host=/s&port=1",
    }
    untouched = {"DAGSTER_PG_URL": ""}
    take_from_file(untouched, str(tmp_path / "none"))
    take_from_file(untouched, str(file))
    assert untouched == {"DAGSTER_PG_URL": "", "DAGSTER_HOME": "/srv/dagster"}
