"""Tokens that rotate, with real processes: several that refresh at once, and one that is killed in the middle."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from time import time
from typing import NamedTuple

import pytest

from sync_pipelines_tests.erp.vendors.bling_account import BlingWorld
from sync_pipelines_tests.erp.vendors.contaazul_account import ContaAzulWorld
from sync_pipelines_tests.erp.vendors.token_account import KEY
from sync_pipelines_tests.sandbox.erp.vendors.clients import company

pytestmark = pytest.mark.slow
World = BlingWorld | ContaAzulWorld
Start = Callable[[], subprocess.Popen[str]]


class Rotation(NamedTuple):
    """An account of a vendor, and whether a refresh token that was used stays valid."""

    world: type[World]
    keeps_used: bool = False


@pytest.fixture(params=[Rotation(BlingWorld), Rotation(ContaAzulWorld)], ids=lambda one: one.world.erp_type)
def world(erp_url: str, ops_url: str, request: pytest.FixtureRequest) -> Iterator[World]:
    """An account whose access token has ended. Its time is the real one: processes share it."""
    rotation = request.param
    options = {"clock": time, "keeps_used_refresh_tokens": rotation.keeps_used}
    world: World = rotation.world(erp_url, ops_url, company(), **options)
    with world.fake:
        world.connect()
        world.expire()
        yield world


@pytest.fixture
def start(world: World) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        module = "sync_pipelines_tests.erp.vendors.token_process"
        arguments = [f"{world.erp_type.upper()}_URL", world.fake.url, world.erp_url, world.ops_url, KEY]
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_two_processes_refresh_a_token_once(world: World, start: Start) -> None:
    processes = [start() for _ in range(3)]
    assert [process.communicate(timeout=120)[0] for process in processes] == ["EMPRESA TESTE LTDA"] * 3
    assert world.fake.calls.count("token") == 1
    assert world.stored["refresh_token"] == world.fake.account.refresh_token


def test_a_process_that_is_killed_before_it_stores_the_pair_is_named_as_the_cause(
    world: World, start: Start
) -> None:
    """The vendor rotates after the kill: nobody has the new pair."""
    killed = start()
    world.fake.before("token", 1, killed.kill)
    killed.communicate(timeout=120)
    assert killed.returncode == -9
    output, error = (second := start()).communicate(timeout=120)
    assert (second.returncode, output) == (1, "")
    name = "Bling" if world.erp_type == "bling" else "Conta Azul"
    assert (
        f"InvalidGrantError: {name} ({world.erp_type}_00000001): a refresh of the token began at 20" in error
    )
    assert "Connect the account again in the application." in error
    assert KEY not in error


@pytest.mark.parametrize("world", [Rotation(BlingWorld, keeps_used=True)], indirect=True)
def test_a_process_that_is_killed_leaves_no_lock_and_a_vendor_that_keeps_the_old_token_serves_the_next(
    world: World, start: Start
) -> None:
    killed = start()
    world.fake.before("token", 1, killed.kill)
    killed.communicate(timeout=120)
    assert start().communicate(timeout=120)[0] == "EMPRESA TESTE LTDA"
    assert world.stored["refresh_token"] == world.fake.account.refresh_token
