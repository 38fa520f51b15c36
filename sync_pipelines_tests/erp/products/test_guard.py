"""When a catalogue lost too many products to be believed."""

import pytest

from sync_pipelines.erp.products.guard import refuse_mass_vanishing
from sync_pipelines.erp.session import MASS_VANISHING
from sync_pipelines.lib.failures import PermanentError


@pytest.mark.parametrize(
    ("vanished", "before", "is_stopped"),
    [
        (0, 0, False),
        (4, 4, False),
        (5, 5, True),
        (10, 20, False),
        (11, 55, False),
        (11, 54, True),
        (200, 1000, False),
        (201, 1000, True),
    ],
)
def test_a_large_share_or_all_is_a_question(vanished: int, before: int, is_stopped: bool) -> None:
    refuse_mass_vanishing(vanished, before, [MASS_VANISHING], vendor="Omie")
    if not is_stopped:
        refuse_mass_vanishing(vanished, before, [], vendor="Omie")
        return
    with pytest.raises(PermanentError, match=f"{vanished} of {before} products"):
        refuse_mass_vanishing(vanished, before, [], vendor="Omie")
