"""The rules of the house (DESIGN, section 2), read from the tree itself."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sync_pipelines"
SYSTEMS = ("hitss", "erp", "sprinthub", "scouter", "aimindset")
#: Where a system, `operations` and `lib` speak Dagster.
DAGSTER_FOLDERS = {"defs", "orchestration"}
HEAVY = {
    *("alembic", "apprise", "boto3", "botocore", "cryptography", "lxml", "numpy", "openpyxl", "pandas"),
    *("pyarrow", "pyrage", "python_calamine", "zstandard"),
}
#: Alembic itself loads these, when it migrates.
LOADED_BY_ALEMBIC = {PACKAGE / "migrations" / "env.py", *(PACKAGE / "migrations").glob("*/*.py")}
LONGEST_FILE = 300
LONGEST_FUNCTION = 60
IMPORT_BUDGET = 1.6


class Import(NamedTuple):
    """An import statement: the file, the whole name of what is imported, and whether importing runs it."""

    path: Path
    line: int
    name: str
    at_module_level: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.name}"

    def is_of(self, *packages: str) -> bool:
        return any(self.name == package or self.name.startswith(f"{package}.") for package in packages)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[Import]:
    yield from _imports(path, ast.parse(path.read_text()), at_module_level=True)


def _imports(path: Path, node: ast.AST, *, at_module_level: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for statement in child.body:
                yield from _imports(path, ast.Module([statement], []), at_module_level=False)
            continue
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(path=path, line=child.lineno, name=alias.name, at_module_level=at_module_level)
        if isinstance(child, ast.ImportFrom):
            package = "." * child.level + (child.module or "")
            origin = (
                importlib.util.resolve_name(package, module_name(path.parent)) if child.level else package
            )
            for alias in child.names:
                yield Import(
                    path=path,
                    line=child.lineno,
                    name=f"{origin}.{alias.name}",
                    at_module_level=at_module_level,
                )
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _imports(path, child, at_module_level=at_module_level and not inside)


SOURCES = sorted(PACKAGE.rglob("*.py"))
PRODUCTION = [path for path in SOURCES if not path.is_relative_to(PACKAGE / "sandbox")]
IMPORTS = [found for path in SOURCES for found in imports_of(path)]


def below(*folders: str) -> list[Import]:
    return [one for one in IMPORTS if any(one.path.is_relative_to(PACKAGE / folder) for folder in folders)]


def is_pure(path: Path) -> bool:
    inside = path.relative_to(PACKAGE).parts
    return inside[0] in {*SYSTEMS, "lib"} and not DAGSTER_FOLDERS & set(inside[1:-1])


def sentences(found: list[Import]) -> list[str]:
    return [str(one) for one in found]


def test_no_system_imports_another() -> None:
    for system in SYSTEMS:
        others = [f"sync_pipelines.{other}" for other in SYSTEMS if other != system]
        assert sentences([one for one in below(system) if one.is_of(*others)]) == []


def test_lib_knows_no_system_no_settings_and_no_sandbox() -> None:
    names = [f"sync_pipelines.{name}" for name in (*SYSTEMS, "settings", "sandbox", "operations", "runs")]
    assert sentences([one for one in below("lib") if one.is_of(*names)]) == []


def test_pure_modules_do_not_import_dagster() -> None:
    assert sentences([one for one in IMPORTS if is_pure(one.path) and one.is_of("dagster")]) == []


def test_pure_modules_do_not_load_dagster_by_a_detour() -> None:
    modules = [module_name(path) for path in SOURCES if is_pure(path)]
    code = f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)"
    assert "dagster" not in loaded_by(code)


def test_production_code_imports_the_sandbox_only_inside_commands() -> None:
    sandbox = [one for one in IMPORTS if one.path in PRODUCTION and one.is_of("sync_pipelines.sandbox")]
    allowed = {"app.py", "commands.py"}
    wrong = [one for one in sandbox if one.path.name not in allowed or one.at_module_level]
    assert sentences(wrong) == []
    assert sandbox, "the rule looks at nothing: the command line does start the sandbox"


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    wrong = [
        one
        for one in IMPORTS
        if one.path in PRODUCTION
        and one.path not in LOADED_BY_ALEMBIC
        and one.at_module_level
        and one.is_of(*HEAVY)
    ]
    assert sentences(wrong) == []


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in SOURCES}
    assert {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    }
    assert long == {}


def environment(**variables: str) -> dict[str, str]:
    """Ours, without a sandbox's variables, and with compiled bytecode as an installation has it."""
    ours = ("SYNC_", "HITSS_", "DAGSTER", "PYTHONDONTWRITEBYTECODE", "LANDING_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {name: value for name, value in kept.items() if not name.endswith("_DATABASE_URL")} | variables


def loaded_by(code: str, **variables: str) -> set[str]:
    """The modules that a fresh interpreter holds after running `code`."""
    script = f"{code}\nimport json, sys\nprint()\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(**variables),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port on which nobody answers, but which remembers that somebody called."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        opened.settimeout(0)
        yield opened


def configured(listener: socket.socket) -> dict[str, str]:
    port = listener.getsockname()[1]
    return {
        "FABRICIO_DATABASE_URL": f"postgresql://nobody:nothing@127.0.0.1:{port}/fabricio",
        "OPS_DATABASE_URL": f"postgresql://nobody:nothing@127.0.0.1:{port}/ops",
        "DAGSTER_PG_URL": f"postgresql://nobody:nothing@127.0.0.1:{port}/dagster",
        "HITSS_DOWNLOAD_URL": f"http://127.0.0.1:{port}/export?filtroDeFiltro={{inicio}}&filtroAteFiltro={{fim}}",
    }


def test_importing_the_definitions_calls_nobody_and_loads_no_heavy_library(listener: socket.socket) -> None:
    loaded = loaded_by("import sync_pipelines.definitions", **configured(listener))
    assert loaded & HEAVY <= loaded_by("import dagster, dagster_postgres")
    with pytest.raises(BlockingIOError):
        listener.accept()


def cpu_seconds(code: str, variables: dict[str, str]) -> float:
    """CPU time of a fresh interpreter that runs `code`, the best of three."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], env=environment(**variables), cwd="/", check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def test_the_definitions_load_in_little_more_than_dagster_itself(listener: socket.socket) -> None:
    variables = configured(listener)
    dagster = cpu_seconds("import dagster, dagster_postgres", variables)
    assert cpu_seconds("import sync_pipelines.definitions", variables) <= IMPORT_BUDGET * dagster


def test_help_answers_without_dagster_or_pandas() -> None:
    code = "from sync_pipelines.cli.app import app\ntry: app(['--help'])\nexcept SystemExit: pass"
    assert not loaded_by(code) & {"dagster", "pandas", "psycopg", "httpx"}
