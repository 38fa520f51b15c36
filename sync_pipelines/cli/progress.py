"""What a person sees of a run that goes on: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console

#: Seconds between two lines of counts about the same thing; a log is read, and not watched.
LINE_SECONDS = 5.0


class RunProgress:
    """A `lib.runs.Progress` over a block. Sentences without counts, and the last count, are always shown."""

    def __init__(self, name: str, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._console, self._clock = name, console, clock
        self._guard = threading.Lock()
        self._shown: dict[str, float] = {}
        self._bar = _Bar(console, name) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, sentence: str, *, done: int | None = None, total: int | None = None) -> None:
        with self._guard:
            if self._bar is not None:
                self._bar.show(f"{self._name}: {sentence}", done=done, total=total)
            elif self._is_worth_a_line(sentence, done, total):
                self._console.print(f"{self._name}: {sentence}", soft_wrap=True)

    def _is_worth_a_line(self, sentence: str, done: int | None, total: int | None) -> bool:
        if done is None or done == total:
            return True
        subject, now = sentence.partition(":")[0], self._clock()
        if now - self._shown.get(subject, -LINE_SECONDS) < LINE_SECONDS:
            return False
        self._shown[subject] = now
        return True


class _Bar:
    """A spinner with a sentence, and a bar once there are counts."""

    def __init__(self, console: Console, name: str) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

        # Sentences hold brackets, which are no markup.
        sentence = TextColumn("{task.description}", markup=False)
        self._with_counts = (SpinnerColumn(), BarColumn(bar_width=24), TaskProgressColumn(), sentence)
        self._progress = Progress(SpinnerColumn(), sentence, console=console, transient=True)
        self._task = self._progress.add_task(f"{name} …", total=None)

    def start(self) -> None:
        self._progress.start()

    def stop(self) -> None:
        self._progress.stop()

    def show(self, sentence: str, *, done: int | None, total: int | None) -> None:
        if total is not None:
            self._progress.columns = self._with_counts
        self._progress.update(self._task, description=sentence, completed=done, total=total)
