"""What the application's Edge Functions answer, as far as it is compared with what they left (contract, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sync_pipelines.lib.failures import TransientError


class CreditAnswer(NamedTuple):
    """What `analyze-credits` said of one import."""

    credits: int


class NcmAnswer(NamedTuple):
    """What `analyze-ncm-from-xmls` said: invoices that it read, and codes, each a row that it inserted."""

    invoices: int
    created: int
    ok: int
    critical: int


class ScoreAnswer(NamedTuple):
    """What `calculate-tax-score` said: points in all, by dimension as far as it says so, and codes of actions."""

    score: int
    grade: str
    dimensions: Mapping[str, int]
    actions: frozenset[str]


class OpportunitiesAnswer(NamedTuple):
    """What `match-opportunities` said; savings are reais a year."""

    total: int
    quick_wins: int
    high_impact: int
    saves_least: float
    saves_most: float


def ncm_answer(body: Mapping[str, Any], name: str) -> NcmAnswer:
    """Raises TransientError if a figure is missing. Without an invoice the function says no figures of codes."""
    stats = body.get("stats")
    if not isinstance(stats, Mapping):
        raise TransientError(f"{name} did not say what it did.")
    figures = ("xmls_processed", "ncms_created", "ncms_ok", "ncms_critical")
    invoices, created, ok, critical = (_whole(stats, figure, name) for figure in figures)
    return NcmAnswer(invoices, created, ok=ok, critical=critical)


def score_answer(body: Mapping[str, Any], name: str) -> ScoreAnswer:
    """Raises TransientError if the score or its grade is missing."""
    dimensions, actions, grade = body.get("dimensions"), body.get("actions"), body.get("grade")
    if not isinstance(grade, str):
        raise TransientError(f"{name} did not say the grade of its score.")
    points = dimensions.items() if isinstance(dimensions, Mapping) else ()
    listed = actions if isinstance(actions, list) else []
    codes = (one.get("code") for one in listed if isinstance(one, Mapping))
    return ScoreAnswer(
        _whole(body, "score", name),
        grade,
        dimensions={str(one): int(value) for one, value in points if _is_whole(value)},
        actions=frozenset(code for code in codes if isinstance(code, str)),
    )


def opportunities_answer(body: Mapping[str, Any], name: str) -> OpportunitiesAnswer:
    """Raises TransientError if the number of opportunities is missing."""
    return OpportunitiesAnswer(
        _whole(body, "total_opportunities", name),
        quick_wins=_whole(body, "quick_wins", name),
        high_impact=_whole(body, "high_impact", name),
        saves_least=_amount(body, "economia_anual_min"),
        saves_most=_amount(body, "economia_anual_max"),
    )


def _whole(body: Mapping[str, Any], figure: str, name: str) -> int:
    """A whole number, which JavaScript may write as a double. Raises TransientError."""
    value: Any = body.get(figure)
    if not _is_whole(value):
        raise TransientError(f"{name} did not say {figure}.")
    return int(value)


def _is_whole(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and value == int(value)


def _amount(body: Mapping[str, Any], figure: str) -> float:
    value = body.get(figure)
    return 0.0 if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
