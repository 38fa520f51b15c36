"""The name of a database's Alembic history, and what follows from it. Imports nothing: settings may name one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class History(NamedTuple):
    """The revisions of one database. `History("fabricio")` is the folder `migrations/fabricio`.

    A change that an installation chooses is a history of its own over the same `database`, named after the setting that
    chooses it: `History("erp_dre_by_company", database="erp")`.
    """

    name: str
    database: str | None = None

    @property
    def schema(self) -> str:
        """The schema that is ours alone, in which Alembic's version table lies.

        The ops database holds nothing else than ours, so its schema bears its name.
        """
        return "ops" if self.name == "ops" else "sync_private"

    @property
    def setting(self) -> str:
        """The setting that holds the database's URL."""
        return f"{(self.database or self.name).upper()}_DATABASE_URL"

    @property
    def what(self) -> str:
        """The database's name in messages."""
        if self.database is None:
            return f"the {self.name} database"
        return f"the {self.database} database with {self.name.upper()}"

    @property
    def version_table(self) -> str:
        """The table, in `schema`, in which Alembic keeps where a database is."""
        return "alembic_version" if self.database is None else f"alembic_version_{self.name}"


def histories(database: str, chosen: Iterable[str]) -> list[History]:
    """A database's own history, and those of the changes that its owner chose, in the order in which they are run."""
    return [History(database), *(History(name, database=database) for name in chosen)]


#: The database of the product itself.
OPS = History("ops")
