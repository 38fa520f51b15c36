"""The AIMindset database, in the states in which it may be found (contract of the backup, sections 3, 4 and 7)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args
from uuid import UUID

import psycopg

#: `live` is like the dump of 2025-10-30, with the older restore; `head` has HEAD's functions over the live tables,
#: hence the restore that cannot succeed; `consolidated` is what the consolidated migrations build from zero, where
#: every backup fails; in the last two, otherwise live, nobody can call the function.
Lineage = Literal["live", "head", "consolidated", "without_function", "without_execute"]
LINEAGES: tuple[Lineage, ...] = get_args(Lineage)
GENERATIONS = 3
_FOLDER = Path(__file__).parent
_WORDS = ("inteligência", "dados", "modelo", "ética", "ação", "código", "aprendizado", "função")


def build(
    connection: psycopg.Connection[Any], lineage: Lineage = "live", *, articles: int = 40, seed: int = 7
) -> None:
    """Create tables and functions in an empty database and fill them with synthetic content and a history.

    The roles anon, authenticated and service_role must be there. Without articles there is no content at all.
    """
    for name in ("tables", "functions", "safeupdate"):
        _run(connection, name)
    _fill(connection, articles, random.Random(seed))
    if articles and lineage != "consolidated":
        for _ in range(GENERATIONS):
            connection.execute("select public.backup_all_data()")
        _run(connection, "history")
    _change_to(connection, lineage)


def _change_to(connection: psycopg.Connection[Any], lineage: Lineage) -> None:
    if lineage in ("head", "consolidated"):
        _run(connection, "head")
    if lineage == "consolidated":
        _run(connection, "consolidated")
    if lineage == "without_function":
        connection.execute("drop function public.backup_all_data()")
    if lineage == "without_execute":
        connection.execute(
            "revoke execute on function public.backup_all_data() from public, anon, authenticated, service_role"
        )


def _run(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute((_FOLDER / f"{name}.sql").read_bytes())


def _fill(connection: psycopg.Connection[Any], articles: int, chance: random.Random) -> None:
    now = datetime(2025, 10, 30, 12, tzinfo=UTC)
    ids = [_number(chance) for _ in range(articles)]
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into articles (id, title, excerpt, content, published, slug, tags, created_at, scheduled_for,"
            " total_views) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [_article(index, article, chance, now=now) for index, article in enumerate(ids)],
        )
        for article in ids:
            _discuss(cursor, article, chance, now=now)
        cursor.executemany(
            "insert into feedbacks (article_id, type, user_id, content) values (%s, %s, %s, %s)",
            [(chance.choice(ids), chance.choice(("positive", "negative")), "user", None) for _ in ids],
        )
        cursor.execute(
            "insert into app_logs (level, source, action, details, created_at)"
            " select (array['info', 'warn'])[1 + n %% 2], 'web', 'view', jsonb_build_object('n', n),"
            " now() - n * interval '12 hours' from generate_series(1, %s) as n",
            (articles * 2,),
        )
        cursor.execute("insert into alert_subscriptions (email) values ('admin@example.com')")
        cursor.execute(
            "insert into alert_subscribers (email) select 'outro' || n || '@example.com' from generate_series(1, 3) n"
        )


def _article(index: int, article: UUID, chance: random.Random, now: datetime) -> tuple[object, ...]:
    paragraphs = (" ".join(chance.choices(_WORDS, k=12)) for _ in range(chance.randint(2, 12)))
    return (
        article,
        f"Artigo {index} — {chance.choice(_WORDS)}",
        'Resumo com "aspas" e acentuação',
        "\n".join(paragraphs),
        index % 5 > 0,
        f"artigo-{index}",
        "ia,dados" if index % 3 else None,
        now - timedelta(days=index),
        now if index % 7 == 0 else None,
        chance.randint(0, 9000),
    )


def _discuss(cursor: psycopg.Cursor[Any], article: UUID, chance: random.Random, now: datetime) -> None:
    """A few comments on an article, some of them answers."""
    parent = None
    for _ in range(chance.randint(0, 4)):
        comment = _number(chance)
        cursor.execute(
            "insert into comments (id, article_id, user_name, content, parent_id, likes, created_at)"
            " values (%s, %s, %s, %s, %s, %s, %s)",
            (
                comment,
                article,
                f"Pessoa {chance.randint(1, 99)}",
                "Um comentário com texto de exemplo.",
                parent,
                chance.randint(0, 12),
                now - timedelta(hours=chance.randint(1, 900)),
            ),
        )
        parent = chance.choice([None, comment])


def _number(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)
