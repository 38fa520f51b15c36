"""Lists that say how many pages they have: every row once, or an error; a list that moved is read once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sync_pipelines.erp.vendors.paged import PagedList
from sync_pipelines.erp.vendors.paging import MovedListError

LIST = PagedList("Notas", "notas", "nota", page="pagina", pages="paginas")


def page(number: object, pages: object, *ids: object) -> dict[str, Any]:
    return {"pagina": number, "paginas": pages, "notas": [{"nota": {"id": one}} for one in ids]}


class Answers:
    """Gives these bodies in turn, the last ones again from the first when a list is read once more."""

    def __init__(self, *bodies: object, again: Sequence[object] = ()) -> None:
        self._bodies, self.asked = [*bodies, *(again or bodies)], list[int]()

    def __call__(self, number: int) -> tuple[bytes, object]:
        self.asked.append(number)
        return b"", self._bodies.pop(0)


def ids(ask: Callable[[int], tuple[bytes, object]]) -> list[object]:
    return [row["id"] for one in LIST.read(ask) for row in one.items]


@pytest.mark.parametrize(
    ("bodies", "found"),
    [
        ([None], []),
        ([page("1", "0")], []),
        ([page("1", "1")], []),
        ([page("1", "1", "a")], ["a"]),
        ([page(1, 2, 1, 2), page("2", "2", "3")], [1, 2, "3"]),
        ([page(1, 2, 1, 2), page(2, 2, 3, 4)], [1, 2, 3, 4]),
        # It grew while it was read: at its beginning, so that a row moved to the next page, or at its end.
        ([page(1, 2, 1, 2), page(2, 2, 2, 3)], [1, 2, 3]),
        ([page(1, 2, 1, 2), page(2, 3, 2, 3), page(3, 3, 4)], [1, 2, 3, 4]),
        ([page(1, 1, 1, 2) | {"paginas": 2}, page(2, 3, 3, 4), page(3, 3, 5)], [1, 2, 3, 4, 5]),
        ([{"pagina": 1, "paginas": 1, "notas": [{"id": 7}]}], [7]),
    ],
)
def test_every_row_comes_once(bodies: list[object], found: list[object]) -> None:
    answers = Answers(*bodies)
    assert ids(answers) == found
    assert answers.asked == list(range(1, len(bodies) + 1))


@pytest.mark.parametrize(
    "bodies",
    [
        [page(1, 3, 1, 2), page(2, 3, 3)],
        [page(1, 3, 1, 2), page(2, 3)],
        [page(1, 2, 1, 2), page(2, 2)],
        [page(1, 2, 1, 2), page(2, 2, 2, 1)],
        [page(1, 2, 1, 2), page(2, 2, 3, 4, 5)],
        [page(1, 2, 1, 2), page(1, 2, 1, 2)],
        [page(1, 3, 1, 2), page(2, 2, 3, 4)],
        [page(1, 2, 1, 2), None],
        [page(1, 2)],
        [page(1, 1, 1, 1)],
        [page(1, 1, None)],
        [page("", 1, 1)],
        [page(1, "muitas", 1)],
        [page(1, -1, 1)],
        [{"pagina": 1, "paginas": 1}],
        [{"pagina": 1, "paginas": 1, "notas": None}],
        [{"pagina": 1, "paginas": 1, "notas": {"nota": {"id": 1}}}],
        [{"pagina": 1, "paginas": 1, "notas": ["1"]}],
        [[]],
    ],
)
def test_what_is_missing_or_comes_twice_is_an_error_the_second_time(bodies: list[object]) -> None:
    answers = Answers(*bodies)
    with pytest.raises(MovedListError, match="Notas"):
        ids(answers)
    assert len(answers.asked) == 2 * len(bodies)
    healthy = [page(1, 2, 1, 2), page(2, 2, 3)]
    assert ids(Answers(*bodies, again=healthy))[-3:] == [1, 2, 3]
