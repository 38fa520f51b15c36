"""The columns of TabuladorMax's leads, as they are now."""

from __future__ import annotations

from sync_pipelines.lib import postgres


def source_types(connection: postgres.Connection) -> dict[str, str]:
    """The columns of TabuladorMax's leads with their types and precision."""
    rows = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'public.leads'::regclass and attnum > 0 and not attisdropped order by attnum"
    ).fetchall()
    return dict(rows)


def fixed_columns(connection: postgres.Connection) -> frozenset[str]:
    """The columns of TabuladorMax's leads that nobody writes: it makes their values itself."""
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = 'public.leads'::regclass and attnum > 0"
        " and (attgenerated <> '' or attidentity = 'a')"
    ).fetchall()
    return frozenset(name for (name,) in rows)
