"""Pages that are cut into batches while earlier batches are sent: their order, and the turn of an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import pytest

from sync_pipelines.scouter.lead import Position
from sync_pipelines.scouter.push.batch import Batch, Page, Stage
from sync_pipelines.scouter.push.batcher import Batcher
from sync_pipelines.scouter.push.prefetch import Prefetch

FORWARD = Stage("forward")


@dataclass
class SingleBatcher:
    """A batch for each position; it fails at position `bad`."""

    bad: int | None = None

    def batches(
        self, positions: Sequence[Position], stage_of: Callable[[Position], Stage]
    ) -> Iterator[Batch]:
        for position in positions:
            if position.id == self.bad:
                raise ValueError(f"position {position.id}")
            yield Batch(position, stage=stage_of(position))


def pages(*sizes: int, error: Exception | None = None) -> Iterator[Page]:
    """Pages of so many positions, numbered from 0; then the error."""
    number = 0
    for size in sizes:
        yield Page([Position(None, number + one) for one in range(size)], lambda _: FORWARD)
        number += size
    if error is not None:
        raise error


def prefetch(given: Iterator[Page], bad: int | None = None) -> Prefetch:
    return Prefetch(given, [cast("Batcher", SingleBatcher(bad)) for _ in range(2)])


def drain(opened: Prefetch) -> list[int]:
    taken = []
    while (batch := opened.next(wait=True)) is not None:
        taken.append(batch.last.id)
    return taken


@pytest.mark.parametrize("sizes", [(), (1,), (3, 2, 4), (1,) * 20])
def test_batches_come_in_the_order_of_the_pages(sizes: tuple[int, ...]) -> None:
    with prefetch(pages(*sizes)) as opened:
        assert drain(opened) == [*range(sum(sizes))]
        assert opened.next(wait=True) is None


def test_an_error_of_reading_comes_after_the_pages_before_it() -> None:
    with prefetch(pages(2, 2, error=ValueError("no page"))) as opened:
        assert [opened.next(wait=True) is not None for _ in range(4)] == [True] * 4
        with pytest.raises(ValueError, match="no page"):
            opened.next(wait=True)


def test_an_error_of_cutting_comes_after_the_pages_before_it_and_waits_until_nothing_is_under_way() -> None:
    with prefetch(pages(2, 2, 2), bad=3) as opened:
        assert [opened.next(wait=True) is not None for _ in range(2)] == [True] * 2
        assert opened.next(wait=False) is None
        with pytest.raises(ValueError, match="position 3"):
            opened.next(wait=True)
        assert opened.next(wait=False) is None
