"""A sixth system, added as CONTRIBUTING says: its own folders and one line of `systems.py` (DESIGN, section 2, rule 2).

| what is added | from |
|---|---|
| `toy/`, `settings/toy.py`, `sandbox/toy/`, `migrations/toy/` | `toy_system/files` |
| `System("toy", has_run_logs=True, …)` | the last line of `SYSTEMS` |

It is added to a copy of the package, in which the same commands are typed that a person types.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest

from sync_pipelines.systems import whole_class

ROOT = Path(__file__).resolve().parents[1]
FILES = Path(__file__).with_name("toy_system") / "files"
LINE = '    System("toy", has_run_logs=True, has_endpoints=True, has_commands=True),\n)\n'
#: The rules of imports. Of lengths and of what is loaded the toy says nothing new.
RULES = "another or goes_up or floor or circle or known_outside or pure"
SANDBOX = """
from pathlib import Path
from sync_pipelines.sandbox.world import Sandbox
from sync_pipelines.systems import SYSTEMS
box = Sandbox(Path("world"), [system.sandbox for system in SYSTEMS if system.name == "toy"])
"""
START = """
import json
box.start(detached=True)
environment = box.environment({})
box.migrate(environment)
print(json.dumps(environment))
"""


@dataclass
class Installation:
    """A copy of the package with the toy system, and the sandbox's variables."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def python(self, *arguments: str) -> str:
        """What a fresh interpreter prints; it must end well."""
        ours = {*(name.upper() for name in whole_class().model_fields), "DAGSTER_HOME"}
        given = {name: value for name, value in os.environ.items() if name not in ours}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.home,
            env={**given, **self.environment, "PYTHONPATH": str(self.home), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def typed(self, *command: str) -> str:
        return " ".join(self.python("-m", "sync_pipelines.cli.app", *command).split())


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("toy")
    package = home / "sync_pipelines"
    shutil.copytree(ROOT / "sync_pipelines", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(FILES, package, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dagster.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, home)
    systems = package / "systems.py"
    before, after = systems.read_text().split("SYSTEMS = (", 1)
    systems.write_text(f"{before}SYSTEMS = ({after.replace(chr(10) + ')' + chr(10), chr(10) + LINE, 1)}")
    made = Installation(home)
    made.python("-m", "sync_pipelines.migrations.generation", "toy")
    try:
        made.environment = json.loads(made.python("-c", SANDBOX + START).splitlines()[-1])
        made.environment["TOY_FIRST_DAY"] = "2026-11-01"
        yield made
    finally:
        made.python("-c", f"{SANDBOX}box.stop()")


@pytest.fixture(scope="module")
def loaded(installation: Installation) -> str:
    """What `run toy` prints, whose meter throttles once."""
    faults = installation.environment["SANDBOX_METER_FAULTS"]
    assert httpx.post(faults, json={"name": "throttled", "times": 1}).status_code == 201
    printed = installation.typed("run", "toy", "--to", "2026-11-02")
    assert httpx.get(faults).json()["on"] == {}
    return printed


def test_the_sandbox_has_its_database_and_its_meter(installation: Installation) -> None:
    own = installation.environment
    with psycopg.connect(own["TOY_DATABASE_URL"]) as connection:
        assert connection.execute("select count(*) from public.reading_runs").fetchone() == (1,)
    url = f"{own['TOY_METER_URL']}/readings?day=2026-11-02"
    assert httpx.get(url).status_code == 401
    answer = httpx.get(url, headers={"Authorization": f"Bearer {own['TOY_METER_KEY']}"})
    assert answer.json() == [{"id": 3, "celsius": "-3"}]


def test_its_asset_and_job_are_in_the_definitions(installation: Installation) -> None:
    printed = installation.python(
        "-c",
        "import sync_pipelines.definitions as made\n"
        "print([key.to_user_string() for key in made.defs.resolve_asset_graph().get_all_asset_keys()])\n"
        "print([job.name for job in made.defs.jobs])",
    )
    assert "toy/readings" in printed
    assert "toy_load" in printed


def test_without_its_upstream_the_definitions_load_all_the_same(installation: Installation) -> None:
    own = dict(installation.environment)
    for name in ("TOY_METER_URL", "TOY_METER_KEY"):
        del own[name]
    half = Installation(installation.home, own)
    assert "toy_load" in half.python(
        "-c", "import sync_pipelines.definitions as made\nprint([job.name for job in made.defs.jobs])"
    )


def test_a_plan_of_its_migrations_is_shown(installation: Installation) -> None:
    assert "the toy database:" in installation.typed("migrate", "--plan")


def test_its_run_ends_proved_with_a_reject_though_the_meter_throttles(
    installation: Installation, loaded: str
) -> None:
    assert "Everything is proved." in loaded
    with psycopg.connect(installation.environment["TOY_DATABASE_URL"]) as connection:
        rows = connection.execute("select day::text, id, celsius::text from public.readings order by id")
        assert rows.fetchall() == [("2026-11-01", 1, "21.5"), ("2026-11-02", 3, "-3")]
    with psycopg.connect(installation.environment["OPS_DATABASE_URL"]) as connection:
        rejects = connection.execute("select locator, rule from ops.rejects where asset = 'toy/readings'")
        assert rejects.fetchall() == [({"id": 2}, "celsius_is_a_number")]


def test_a_run_closes_the_row_of_a_dead_one_in_the_run_log_and_leaves_its_own(
    installation: Installation,
) -> None:
    with psycopg.connect(installation.environment["TOY_DATABASE_URL"]) as connection:
        rows = connection.execute("select status, details ->> 'day', rejected from public.reading_runs")
        found = set(rows.fetchall())
    assert found >= {("failed", None, None), ("completed", "2026-11-01", 1)}
    assert "running" not in {status for status, _, _ in found}


def test_the_reaper_watches_its_run_log(installation: Installation) -> None:
    printed = installation.python(
        "-c",
        "from sync_pipelines.systems import configured, read_settings\nsettings = read_settings(None)\n"
        "print([log.run_log.table for system in configured(settings) for log in system.run_logs(settings)])",
    )
    assert "public.reading_runs" in printed


@pytest.mark.usefixtures("loaded")
def test_its_endpoint_answers_whoever_knows_its_secret(installation: Installation) -> None:
    command = [sys.executable, "-m", "sync_pipelines.cli.app", "webhook", "--port", "0"]
    process = subprocess.Popen(
        command,
        cwd=installation.home,
        env={**os.environ, **installation.environment, "PYTHONPATH": str(installation.home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        try:
            lines = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in process.stderr)
            path = f"{next(found[0] for found in lines if found)}/functions/v1/count-readings"
            secret = {"X-Webhook-Secret": installation.environment["TOY_SHARED_SECRET"]}
            assert httpx.post(path, json={"day": "2026-11-01"}).status_code == 401
            answer = httpx.post(path, json={"day": "2026-11-01"}, headers=secret)
            wrong = httpx.post(path, json={"day": "ontem"}, headers=secret)
        finally:
            process.terminate()
    assert (answer.status_code, answer.json(), wrong.status_code) == (200, {"readings": 1}, 400)


@pytest.mark.usefixtures("loaded")
def test_its_own_command_is_listed_and_works(installation: Installation) -> None:
    assert "Print the coldest reading" in installation.typed("--help")
    assert "The coldest reading is -3." in installation.typed("coldest")


def test_the_rules_of_the_structure_hold_with_it(installation: Installation) -> None:
    """The test of the rules itself, over the copy: no list in it has to be touched."""
    tests = installation.home / "sync_pipelines_tests"
    tests.mkdir()
    shutil.copy(ROOT / "sync_pipelines_tests" / "test_structure.py", tests)
    printed = installation.python(
        "-m", "pytest", "-p", "no:cacheprovider", "-k", RULES, str(tests / "test_structure.py")
    )
    assert printed.count(".") >= 6


def test_doctor_asks_for_its_database_and_its_own_question(installation: Installation) -> None:
    printed = installation.python(
        "-c",
        "from sync_pipelines.doctor import diagnose\nfrom sync_pipelines.systems import read_settings\n"
        "print([found.sentence for found in diagnose(read_settings(None)) if 'TOY' in found.sentence])",
    )
    assert "TOY_METER_URL: the meter answers and takes our key" in printed
    assert "TOY_DATABASE_URL: the server answers and lets us in" in printed


def test_the_size_of_its_database_is_measured(installation: Installation) -> None:
    printed = installation.python(
        "-c",
        "from sync_pipelines.operations import growth\nfrom sync_pipelines.systems import read_settings\n"
        "print(sorted(growth.configured_databases(read_settings(None))))",
    )
    assert "'toy'" in printed


def test_the_sizes_of_its_sandbox_are_options_of_the_command_line(installation: Installation) -> None:
    for command in ("demo", "sandbox up"):
        printed = installation.typed(*command.split(), "--help")
        assert "--meter-delay" in printed
        assert "--scale" in printed


def test_it_is_listed_among_what_can_be_run(installation: Installation) -> None:
    assert "toy" in installation.typed("run", "--help")


def test_the_copy_differs_by_one_line_outside_its_own_folders(installation: Installation) -> None:
    own = {path.relative_to(FILES) for path in FILES.rglob("*.*")} | {Path("migrations/toy/shape.json")}
    package = installation.home / "sync_pipelines"
    changed = [
        path.relative_to(package)
        for path in package.rglob("*.*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.relative_to(package) not in own
        and path.read_bytes() != (ROOT / "sync_pipelines" / path.relative_to(package)).read_bytes()
    ]
    assert changed == [Path("systems.py")]
    assert len((package / "systems.py").read_text().splitlines()) == 1 + len(
        (ROOT / "sync_pipelines" / "systems.py").read_text().splitlines()
    )
