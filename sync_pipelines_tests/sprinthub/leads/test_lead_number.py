from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sync_pipelines.sprinthub.leads.lead_number import LARGEST_ID, lead_number


@pytest.mark.parametrize("said", [7, "7", Decimal("7.0"), Decimal("7E0")])
def test_a_number_is_the_same_however_it_is_written(said: Any) -> None:
    assert lead_number({"id": said}) == 7


@pytest.mark.parametrize(
    "said",
    [
        *(None, True, 0, -7, LARGEST_ID + 1, "", "07", "+7", " 7", "7.0", "sete", "9" * 19, "1" * 30),
        *(Decimal("7.5"), Decimal("1E400000"), Decimal("NaN"), float("inf"), [7], {"id": 7}),
    ],
)
def test_what_is_no_key_is_no_number(said: Any) -> None:
    assert lead_number({"id": said}) is None


def test_the_largest_key_is_a_number_and_something_else_has_none() -> None:
    assert lead_number({"id": str(LARGEST_ID)}) == LARGEST_ID
    assert (lead_number({}), lead_number([7]), lead_number(None)) == (None, None, None)
