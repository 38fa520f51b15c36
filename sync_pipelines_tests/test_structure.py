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
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

from sync_pipelines import systems

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sync_pipelines"
SYSTEMS = tuple(system.name for system in systems.SYSTEMS)
#: Where a system, `operations` and `lib` speak Dagster.
DAGSTER_FOLDERS = {"defs", "orchestration"}
#: From the ground up: nothing imports what stands on a higher floor. The systems share one, and none imports another.
FLOORS = (
    {"lib"},
    {"settings"},
    {"migrations", "partitions"},
    {*SYSTEMS},
    {"systems"},
    {"operations", "receiver", "doctor"},
    {"definitions", "sandbox"},
    {"cli"},
)
#: The commands that start the sandbox when they are called.
SANDBOX_COMMANDS = {"cli/demo.py", "cli/sandbox.py"}
HEAVY = {
    *("alembic", "apprise", "boto3", "botocore", "cryptography", "lxml", "numpy", "openpyxl", "pandas"),
    *("pyarrow", "pyrage", "python_calamine", "zstandard"),
}
#: Alembic itself loads these, when it migrates.
LOADED_BY_ALEMBIC = {PACKAGE / "migrations" / "env.py", *(PACKAGE / "migrations").glob("*/*.py")}
LONGEST_FILE = 300
LONGEST_FUNCTION = 50
IMPORT_BUDGET = 1.6


class Import(NamedTuple):
    """An import statement: the file, the whole name of what is imported, and when it runs."""

    path: Path
    line: int
    name: str
    #: Importing the module runs it.
    at_module_level: bool
    #: It is for the type checker only, and never runs.
    is_for_types: bool = False

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.name}"

    def is_of(self, *packages: str) -> bool:
        return any(self.name == package or self.name.startswith(f"{package}.") for package in packages)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[Import]:
    yield from _imports(path, ast.parse(path.read_text()), at_module_level=True)


def _imports(
    path: Path, node: ast.AST, *, at_module_level: bool, is_for_types: bool = False
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for statement in child.body:
                module = ast.Module([statement], [])
                yield from _imports(path, module, at_module_level=False, is_for_types=True)
            continue
        for name in _names(path, child):
            yield Import(path, child.lineno, name, at_module_level=at_module_level, is_for_types=is_for_types)  # type: ignore[attr-defined]
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _imports(
            path, child, at_module_level=at_module_level and not inside, is_for_types=is_for_types
        )


def _names(path: Path, node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    package = "." * node.level + (node.module or "")
    origin = importlib.util.resolve_name(package, module_name(path.parent)) if node.level else package
    return [f"{origin}.{alias.name}" for alias in node.names]


SOURCES = sorted(PACKAGE.rglob("*.py"))
PRODUCTION = [path for path in SOURCES if not path.is_relative_to(PACKAGE / "sandbox")]


@cache
def imports() -> list[Import]:
    """All of the package. Read by the first test that asks: each worker imports this file, one runs it."""
    return [found for path in SOURCES for found in imports_of(path)]


def below(*folders: str) -> list[Import]:
    return [one for one in imports() if any(one.path.is_relative_to(PACKAGE / folder) for folder in folders)]


def is_pure(path: Path) -> bool:
    """Whether a module may not know Dagster: all but what `DESIGN.md`, section 2, rule 1 names."""
    inside = path.relative_to(PACKAGE).parts
    if inside[0] in {"definitions.py", "partitions.py", "operations"}:
        return False
    return not (DAGSTER_FOLDERS & set(inside[1:-1]) and inside[0] in {*SYSTEMS, "lib"})


def part_of(name: str) -> str:
    """The folder or module below the package that a dotted name is in."""
    return name.split(".")[1] if name.count(".") else ""


def floor_of(part: str) -> int | None:
    return next((number for number, floor in enumerate(FLOORS) if part in floor), None)


def sentences(found: list[Import]) -> str:
    """One line an import, so that a failure shows them all."""
    return "\n".join(str(one) for one in found)


def test_no_system_imports_another() -> None:
    for system in SYSTEMS:
        others = [f"sync_pipelines.{other}" for other in SYSTEMS if other != system]
        assert sentences([one for one in below(system) if one.is_of(*others)]) == ""


def test_no_import_goes_up() -> None:
    """`systems.py` names the systems' parts as text, and imports for types only."""
    wrong = []
    for one in imports():
        here, there = floor_of(part_of(module_name(one.path))), floor_of(part_of(one.name))
        if one.is_of("sync_pipelines") and not one.is_for_types and None not in (here, there):
            wrong += [one] if there > here else []  # type: ignore[operator]
    assert sentences(wrong) == ""


def test_every_part_of_the_package_stands_on_a_floor() -> None:
    parts = {part_of(module_name(path)) for path in SOURCES} - {"", "__init__"}
    assert parts <= {part for floor in FLOORS for part in floor}


def test_a_system_is_known_outside_its_own_folders_by_its_line_only() -> None:
    wrong = [
        one
        for one in imports()
        for system in SYSTEMS
        if one.is_of(f"sync_pipelines.{system}", f"sync_pipelines.settings.{system}")
        and system not in one.path.relative_to(PACKAGE).with_suffix("").parts
    ]
    assert sentences(wrong) == ""


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    names = {module_name(path) for path in SOURCES}
    graph: dict[str, set[str]] = {}
    for one in imports():
        if one.is_for_types or not one.is_of("sync_pipelines"):
            continue
        target = one.name if one.name in names else one.name.rpartition(".")[0]
        if target in names and target != module_name(one.path):
            graph.setdefault(module_name(one.path), set()).add(target)
    # A package's face hands on what its own modules define, and they import each other directly.
    faces = {module_name(path) for path in SOURCES if path.name == "__init__.py"}
    edges = {
        name: {to for to in found if to not in faces} for name, found in graph.items() if name not in faces
    }
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_lib_knows_no_settings() -> None:
    assert sentences([one for one in below("lib") if one.is_of("sync_pipelines.settings")]) == ""


def test_pure_modules_do_not_import_dagster() -> None:
    wrong = [one for one in imports() if is_pure(one.path) and one.is_of("dagster") and not one.is_for_types]
    assert sentences(wrong) == ""


def test_pure_modules_do_not_load_dagster_by_a_detour() -> None:
    modules = [module_name(path) for path in SOURCES if is_pure(path) and path not in LOADED_BY_ALEMBIC]
    code = f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)"
    assert "dagster" not in loaded_by(code)


def test_production_code_imports_the_sandbox_only_inside_commands() -> None:
    sandbox = [
        one
        for one in imports()
        if one.path in PRODUCTION and one.is_of("sync_pipelines.sandbox") and not one.is_for_types
    ]
    wrong = [one for one in sandbox if str(one.path.relative_to(PACKAGE)) not in SANDBOX_COMMANDS]
    assert sentences(wrong) == ""
    assert sandbox, "the rule looks at nothing: the command line does start the sandbox"


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    wrong = [
        one
        for one in imports()
        if one.path in PRODUCTION
        and one.path not in LOADED_BY_ALEMBIC
        and one.at_module_level
        and one.is_of(*HEAVY)
    ]
    assert sentences(wrong) == ""


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
