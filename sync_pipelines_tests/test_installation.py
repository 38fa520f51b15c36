"""The locked dependencies can be installed by uv and by pip, and name no package index."""

from __future__ import annotations

import re
from importlib.metadata import distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-uv.lock")
PINNED = re.compile(r"^(?P<name>[\w.-]+)(\[(?P<extras>[\w,.-]+)\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)


def pinned() -> dict[str, set[str]]:
    """The extras of each package of the lock."""
    found = PINNED.finditer((ROOT / "requirements.lock").read_text())
    return {
        canonicalize_name(one["name"]): {*filter(None, (one["extras"] or "").split(","))} for one in found
    }


def test_every_extra_that_a_locked_package_asks_for_is_locked() -> None:
    """With hashes pip takes `gql[requests]` only from a line that says so."""
    extras = pinned()
    missing = set()
    for one in distributions():
        name = canonicalize_name(one.metadata["Name"])
        if name not in extras and name != "sync-pipelines":
            continue
        for text in one.requires or ():
            wanted = Requirement(text)
            asked = [{"extra": extra} for extra in ("", *extras.get(name, ()))]
            if wanted.extras and any(wanted.marker is None or wanted.marker.evaluate(env) for env in asked):
                missing |= {
                    f"{wanted.name}[{extra}] for {name}"
                    for extra in wanted.extras - extras.get(canonicalize_name(wanted.name), set())
                }
    assert extras["gql"] == {"requests"}
    assert missing == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    assert len(lines) > 2
    assert [
        line for line in lines if "://" in line or line.lstrip().startswith(("--index", "-i ", "--extra"))
    ] == []


def test_ci_installs_by_pip_alone_too() -> None:
    assert "INSTALLER=pip" in (ROOT / ".ci" / "run").read_text()


def test_the_version_is_the_package_s() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{version("sync_pipelines")}"' in text
