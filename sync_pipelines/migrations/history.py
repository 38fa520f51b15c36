"""The name of a database's Alembic history, and what follows from it. Imports nothing: settings may name one."""

from __future__ import annotations

from typing import NamedTuple


class History(NamedTuple):
    """The revisions of one database. `History("fabricio")` is the folder `migrations/fabricio`."""

    name: str

    @property
    def schema(self) -> str:
        """The schema that is ours alone, in which Alembic's version table lies.

        The ops database holds nothing else than ours, so its schema bears its name.
        """
        return "ops" if self.name == "ops" else "sync_private"

    @property
    def setting(self) -> str:
        """The setting that holds the database's URL."""
        return f"{self.name.upper()}_DATABASE_URL"

    @property
    def what(self) -> str:
        """The database's name in messages."""
        return f"the {self.name} database"


#: The database of the product itself.
OPS = History("ops")
