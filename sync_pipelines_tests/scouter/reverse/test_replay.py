"""A rejected change that waits again beside what a person wrote since."""

from __future__ import annotations

import pytest

from sync_pipelines_tests.scouter.pair import LEAD, Pair


@pytest.mark.parametrize("is_pushed", [False, True])
def test_a_refused_value_that_waits_again_hides_no_later_one(pair: Pair, is_pushed: bool) -> None:
    pair.edit(ficha_confirmada=False)
    pair.push(LEAD)
    pair.receive(pair.edit_there(ficha_confirmada="talvez"))
    pair.drain()
    if is_pushed:
        pair.push(LEAD)
    pair.receive(pair.edit_there(ficha_confirmada="true"))
    assert pair.reverse_sync().replay() == 1
    pair.drain()
    assert pair.here()["ficha_confirmada"] is True
    pair.push(LEAD)
    assert pair.there()["ficha_confirmada"] == "true"
