"""The AIMindset database, in the states in which it may be found (contract of the backup, trap 11)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import psycopg

#: `live` is like the dump of 2025-10-30; `head` has HEAD's broken restore; `consolidated` is what the
#: consolidated migrations build from zero, where every backup fails; in the last two nobody can call the function.
Lineage = Literal["live", "head", "consolidated", "without_function", "without_execute"]
LINEAGES: tuple[Lineage, ...] = ("live", "head", "consolidated", "without_function", "without_execute")
_FOLDER = Path(__file__).parent
_LATER = {
    "live": "",
    "consolidated": "drop table public.backend_logs_backup, public.app_logs_backup, public.system_logs_backup;"
    " alter table public.system_logs alter column type type varchar(50)",
    "without_function": "drop function public.backup_all_data()",
    "without_execute": "revoke execute on function public.backup_all_data() from public, anon, authenticated,"
    " service_role",
}


def build(
    connection: psycopg.Connection[Any], lineage: Lineage = "live", *, articles: int = 40, seed: int = 7
) -> None:
    """Create tables and functions in an empty database and fill them with synthetic content and a history."""
    connection.execute((_FOLDER / "tables.sql").read_bytes())
    connection.execute((_FOLDER / "functions.sql").read_bytes())
    _fill(connection, articles, random.Random(seed))
    if articles:
        for _ in range(3):
            connection.execute("select public.backup_all_data()")
    later = (_FOLDER / "head.sql").read_text() if lineage == "head" else _LATER[lineage]
    if later:
        connection.execute(later.encode())


def _fill(connection: psycopg.Connection[Any], articles: int, chance: random.Random) -> None:
    now = datetime(2025, 10, 30, 12, tzinfo=UTC)
    ids = [_number(chance) for _ in range(articles)]
    words = ("inteligência", "dados", "modelo", "ética", "ação", "código", "aprendizado", "função")
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into articles (id, title, excerpt, content, published, slug, tags, created_at, scheduled_for,"
            " total_views) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    *(article, f"Artigo {index} — {chance.choice(words)}", 'Resumo com "aspas" e acentuação'),
                    *(
                        "\n".join(
                            " ".join(chance.choices(words, k=12)) for _ in range(chance.randint(2, 12))
                        ),
                    ),
                    *(index % 5 > 0, f"artigo-{index}", "ia,dados" if index % 3 else None),
                    *(now - timedelta(days=index), now if index % 7 == 0 else None, chance.randint(0, 9000)),
                )
                for index, article in enumerate(ids)
            ],
        )
        for article in ids:
            _discuss(cursor, article, chance, now)
        cursor.executemany(
            "insert into feedbacks (article_id, type, user_id, content) values (%s, %s, %s, %s)",
            [
                (chance.choice(ids), chance.choice(("positive", "negative")), "user", None)
                for _ in range(articles)
            ],
        )
        cursor.execute(
            "insert into app_logs (level, source, action, details, created_at)"
            " select (array['info', 'warn'])[1 + n %% 2], 'web', 'view', jsonb_build_object('n', n),"
            " now() - n * interval '12 hours' from generate_series(1, %s) as n",
            (articles * 2,),
        )
        cursor.execute(
            "insert into alert_subscriptions (email, is_active) values ('admin@example.com', true)"
        )
        cursor.execute(
            "insert into alert_subscribers (email) select 'outro' || n || '@example.com' from generate_series(1, 3) n"
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
                *(comment, article, f"Pessoa {chance.randint(1, 99)}", "Um comentário com texto de exemplo."),
                *(parent, chance.randint(0, 12), now - timedelta(hours=chance.randint(1, 900))),
            ),
        )
        parent = chance.choice([None, comment])


def _number(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)
