"""The documents: every link leads somewhere, every command is one, every check has an entry in the runbook."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main

from sync_pipelines.cli.app import app
from sync_pipelines.definitions import build
from sync_pipelines.settings.databases import databases_of
from sync_pipelines.systems import read_settings, whole_class

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
OURS = ".venv/bin/sync-pipelines"
#: A command is shown as `run hitss` where a table has no room for the program's name.
PATHS = re.compile(r"(?:sync_pipelines|sync_pipelines_tests|benchmarks|docs)/[\w./-]*\w")


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", page.read_text())


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith(("http://127.0.0.1", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_path_of_the_tree_that_is_named_is_there(page: Path) -> None:
    for path in set(PATHS.findall(page.read_text())) if page.name != "CHANGELOG.md" else ():
        assert (ROOT / path).exists() or (page.parent / path).exists(), f"{page.name}: {path}"


def commands(page: Path) -> Iterator[str]:
    """The lines of the shell blocks, and what is quoted in running text as a command of ours or of make."""
    text = page.read_text()
    for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL):
        yield from (line.strip() for line in block.splitlines() if line.strip() and not line.startswith("#"))
    yield from re.findall(rf"`((?:{re.escape(OURS)}|make|\.venv/bin/python -m) [^`]+)`", text)


COMMANDS = [(page, command) for page in PAGES for command in commands(page)]


@pytest.mark.parametrize(
    "command", sorted({command for _, command in COMMANDS if command.startswith(OURS)}), ids=str
)
def test_every_command_of_ours_is_understood(command: str) -> None:
    """Parsed as typed, with every option and argument checked; not run."""
    words = shlex.split(re.sub(r"\$\([^)]*\)", "2025-10-21", command), comments=True)[1:]
    parse(typer.main.get_command(app), [word for word in words if word != "&"])


def parse(command: click.Command, words: list[str]) -> None:
    """Raises click.UsageError for what the command line would refuse."""
    context = command.make_context(command.name, list(words), ignore_unknown_options=False)
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        assert rest, "a group needs a command"
        found = command.get_command(context, rest[0])
        assert found is not None, f"there is no command {rest[0]}"
        parse(found, rest[1:])


@pytest.mark.parametrize(
    "command", sorted({command for _, command in COMMANDS if command.startswith("make ")}), ids=str
)
def test_every_target_of_make_is_there(command: str) -> None:
    words = shlex.split(command, comments=True)
    done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command",
    sorted({command for _, command in COMMANDS if command.startswith(".venv/bin/python -m pytest")}),
    ids=str,
)
def test_every_test_command_finds_its_tests(command: str) -> None:
    paths = [word for word in shlex.split(command) if word.startswith("sync_pipelines_tests")]
    assert paths
    assert all((ROOT / path).exists() for path in paths)


def test_the_runbook_has_an_entry_for_every_check() -> None:
    url = "postgresql://someone:nothing@127.0.0.1:1/nothing"
    given: dict[str, object] = {one.field: url for one in databases_of(whole_class())}
    settings = read_settings(
        None, **given, gestao_scouter_url="https://gestao.example", scouter_way_back=True, scouter_outbox=True
    )
    keys = build(settings).resolve_asset_graph().asset_check_keys
    assert len(keys) > 30
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    assert sorted({key.name for key in keys if f"`{key.name}`" not in runbook}) == []
