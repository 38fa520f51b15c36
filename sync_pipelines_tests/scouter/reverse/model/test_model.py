"""After everything has arrived both sides are equal, nothing valid is lost, and every conflict is listed.

Here the same thousand steps each time, so that a change that breaks them is seen as its own. `make model` runs ten
thousand new ones; `make model SEED=…` repeats what it printed.
"""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from sync_pipelines_tests.scouter.installation import Installation
from sync_pipelines_tests.scouter.reverse.model.machine import TwoWaySync
from sync_pipelines_tests.scouter.reverse.model.world import open_world

pytestmark = pytest.mark.slow
#: Steps of one example: a failure is found again in a shorter one.
LENGTH = 50
STEPS = int(os.environ.get("MODEL_STEPS", "1000"))
#: A failure in as few steps as possible takes minutes to find.
SHRINKS = os.environ.get("MODEL_SHRINKS", "1") == "1"
SEED = int(os.environ.get("MODEL_SEED") or 4242)


@pytest.mark.parametrize("way", ["webhooks", "outbox"])
def test_both_sides_are_equal_at_rest(installation: Installation, way: str) -> None:
    sys.stderr.write(f"{STEPS} steps, by {way}: make model SEED={SEED}\n")
    with open_world(installation, uses_outbox=way == "outbox") as opened:

        class Machine(TwoWaySync):
            world = opened

        seed(SEED)(Machine)
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=max(1, STEPS // 2 // LENGTH),
                stateful_step_count=LENGTH,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate, *([Phase.shrink] if SHRINKS else [])],
                print_blob=False,
                verbosity=Verbosity.normal,
            ),
        )
