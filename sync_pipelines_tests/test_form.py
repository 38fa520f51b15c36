"""The form of calls (DESIGN, section 2, rule 6): a call of ours passes arguments beyond the third by name."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("sync_pipelines", "sync_pipelines_tests", "benchmarks")
MOST_POSITIONAL = 3
#: Their methods are named as functions of ours may be.
LOGGERS = {"logger", "_log"}


@dataclass
class Module:
    """What the rules look at in one module."""

    calls: list[ast.Call] = field(default_factory=list)
    #: The names that are imported from elsewhere.
    foreign: set[str] = field(default_factory=set)
    #: The names of functions, methods and classes that are defined here.
    defined: set[str] = field(default_factory=set)
    #: Those that take any number of arguments.
    variadic: set[str] = field(default_factory=set)

    def look_at(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call):
            self.calls.append(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.defined.add(node.name)
            if node.args.vararg is not None:
                self.variadic.add(node.name)
        elif isinstance(node, ast.ClassDef):
            self.defined.add(node.name)
        elif isinstance(node, ast.Import) or (
            isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(FOLDERS)
        ):
            self.foreign |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}


def read(code: str) -> Module:
    module = Module()
    for node in ast.walk(ast.parse(code)):
        module.look_at(node)
    return module


# Read when a test asks, in one walk, and let go at the end: every worker imports this file, and 1,500 syntax trees
# that stay in its memory slow each later garbage collection down.
@pytest.fixture(scope="module")
def modules() -> dict[Path, Module]:
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path: read(path.read_text()) for path in paths}


@pytest.fixture(scope="module")
def ours(modules: dict[Path, Module]) -> set[str]:
    """The names of our functions, methods and classes, but for those that take any number of arguments."""
    defined = set[str]().union(*(module.defined for module in modules.values()))
    return defined.difference(*(module.variadic for module in modules.values()))


def _callee(call: ast.Call, foreign: set[str], ours: set[str]) -> str | None:
    """The name of a function, method or class of ours that is called."""
    called = call.func
    if isinstance(called, ast.Name):
        name, origin = called.id, called.id
    elif isinstance(called, ast.Attribute):
        name = called.attr
        origin = called.value.id if isinstance(called.value, ast.Name) else ""
    else:
        return None
    return name if name in ours and origin not in foreign | LOGGERS else None


def crowded_calls(module: Module, ours: set[str]) -> Iterator[tuple[int, str]]:
    """Calls of ours with more than three arguments by position: their line and callee."""
    for call in module.calls:
        positional = sum(not isinstance(argument, ast.Starred) for argument in call.args)
        if positional > MOST_POSITIONAL and (callee := _callee(call, module.foreign, ours)):
            yield call.lineno, callee


def splatted_literals(module: Module) -> Iterator[tuple[int, str]]:
    """Calls such as `f(*(a, b))`: their line and text."""
    for call in module.calls:
        for argument in call.args:
            if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Tuple | ast.List):
                yield argument.lineno, ast.unparse(argument)


def _found(modules: dict[Path, Module], rule: Callable[[Module], Iterator[tuple[int, str]]]) -> str:
    return "\n".join(
        f"{path.relative_to(ROOT)}:{line} {what}"
        for path, module in modules.items()
        for line, what in rule(module)
    )


def test_arguments_beyond_the_third_go_by_name(modules: dict[Path, Module], ours: set[str]) -> None:
    assert _found(modules, lambda module: crowded_calls(module, ours)) == ""


def test_no_call_is_fed_a_literal_taken_apart(modules: dict[Path, Module]) -> None:
    assert _found(modules, splatted_literals) == ""


@pytest.mark.parametrize(
    ("code", "crowded", "splatted"),
    [
        ("crowded_calls(1, 2, 3)", 0, 0),
        ("crowded_calls(1, 2, 3, 4)", 1, 0),
        ("here.crowded_calls(1, 2, 3, 4)", 1, 0),
        ("crowded_calls(1, 2, 3, tree=4)", 0, 0),
        ("from datetime import datetime\ndatetime(2026, 1, 2, 3)", 0, 0),
        ("crowded_calls(*(1, 2))", 0, 1),
        ("crowded_calls(*row)", 0, 0),
    ],
)
def test_the_rules_see_what_they_forbid(code: str, crowded: int, splatted: int, ours: set[str]) -> None:
    module = read(code)
    assert (len(list(crowded_calls(module, ours))), len(list(splatted_literals(module)))) == (
        crowded,
        splatted,
    )
