"""Guards against a loss: a project that became empty, or lost more than half of a content table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from sync_pipelines.aimindset.backup.answer import Answer
from sync_pipelines.aimindset.backup.failures import ImplausibleError

#: What a person may accept knowingly.
Guard = Literal["not_empty", "not_collapsed"]
GUARDS: tuple[Guard, ...] = ("not_empty", "not_collapsed")
#: Content below this share of the last proved backup is a loss until a person accepts it.
COLLAPSE = 0.5
_CONTENT = ("articles_count", "comments_count", "feedbacks_count")


def losses(answer: Answer, before: Mapping[str, int] | None) -> list[str]:
    """Content with fewer rows than in the last backup, a sentence each: no failure, but a person should know."""
    return [
        f"{key.removesuffix('_count')}: {answer.counts[key]} rows, {last} in the last backup"
        for key in _CONTENT
        if (last := (before or {}).get(key, 0)) > answer.counts[key]
    ]


def require_plausible(
    answer: Answer,
    before: Mapping[str, int] | None,
    accepted: Collection[str],
    *,
    fate: str = "was rolled back",
) -> None:
    """Raise ImplausibleError for counts that point to a loss; `fate` says what became of the backup."""
    counts = answer.counts
    if not counts["articles_count"] and "not_empty" not in accepted:
        beside = f", with {counts['comments_count']} comments" if counts["comments_count"] else ""
        raise ImplausibleError(
            f"[not_empty] There is no article to back up{beside}: the backup {fate}, because a restore would"
            " pass it over. Accept not_empty if the project is meant to be empty."
        )
    for key in _CONTENT:
        last = (before or {}).get(key, 0)
        if counts[key] < last * COLLAPSE and "not_collapsed" not in accepted:
            raise ImplausibleError(
                f"[not_collapsed] {key.removesuffix('_count')}: {counts[key]} rows, {last} in the last backup. It"
                f" {fate}. Accept not_collapsed if that many were deleted on purpose."
            )
