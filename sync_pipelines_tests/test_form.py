"""The form of calls (DESIGN, section 2, rule 6): a call of ours passes arguments beyond the third by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("sync_pipelines", "sync_pipelines_tests", "benchmarks")
TREES = {
    path: ast.parse(path.read_text()) for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))
}
MOST_POSITIONAL = 3
#: Their methods are named as functions of ours may be.
LOGGERS = {"logger", "_log"}


def _definitions() -> Iterator[tuple[str, bool]]:
    """The names of our functions, methods and classes, and whether one takes any number of arguments."""
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name, node.args.vararg is not None
            elif isinstance(node, ast.ClassDef):
                yield node.name, False


DEFINED = {name for name, _ in _definitions()}
VARIADIC = {name for name, is_variadic in _definitions() if is_variadic}


def _foreign(tree: ast.AST) -> set[str]:
    """The names in a module that are imported from elsewhere."""
    return {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and not (isinstance(node, ast.ImportFrom) and (node.module or "").startswith(FOLDERS))
        for alias in node.names
    }


def _callee(call: ast.Call, foreign: set[str]) -> str | None:
    """The name of a function, method or class of ours that is called."""
    called = call.func
    if isinstance(called, ast.Name):
        name, origin = called.id, called.id
    elif isinstance(called, ast.Attribute):
        name = called.attr
        origin = called.value.id if isinstance(called.value, ast.Name) else ""
    else:
        return None
    return name if name in DEFINED - VARIADIC and origin not in foreign | LOGGERS else None


def crowded_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Calls of ours with more than three arguments by position: their line and callee."""
    foreign = _foreign(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            positional = sum(not isinstance(argument, ast.Starred) for argument in node.args)
            callee = _callee(node, foreign)
            if positional > MOST_POSITIONAL and callee:
                yield node.lineno, callee


def splatted_literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Calls such as `f(*(a, b))`: their line and text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for argument in node.args:
                if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Tuple | ast.List):
                    yield argument.lineno, ast.unparse(argument)


def _found(rule: object) -> str:
    return "\n".join(
        f"{path.relative_to(ROOT)}:{line} {what}"
        for path, tree in TREES.items()
        for line, what in rule(tree)  # type: ignore[operator]
    )


def test_arguments_beyond_the_third_go_by_name() -> None:
    assert _found(crowded_calls) == ""


def test_no_call_is_fed_a_literal_taken_apart() -> None:
    assert _found(splatted_literals) == ""


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
def test_the_rules_see_what_they_forbid(code: str, crowded: int, splatted: int) -> None:
    tree = ast.parse(code)
    assert (len(list(crowded_calls(tree))), len(list(splatted_literals(tree)))) == (crowded, splatted)
