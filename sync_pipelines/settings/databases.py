"""The databases that settings name: each is a field marked with `Database`, and everything else is derived from it.

`migrate`, `doctor`, the sizes and the sandbox loop over `databases_of(type(settings))`, so that none can be forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import SecretStr
    from pydantic_settings import BaseSettings

_SUFFIX = "_DATABASE_URL"


@dataclass(frozen=True)
class Database:
    """What we do with a database that a setting names; the mark of the setting's field."""

    #: What follows where it is not set, as a part of a sentence; None where that is wrong.
    absent: str | None = None
    #: Whether `migrations` has a history of its own for it.
    migrated: bool = True
    #: A setting that must be true before it is migrated.
    migrated_if: str | None = None
    #: Settings that each choose a further change of it, which has a history of the setting's name.
    choices: tuple[str, ...] = ()
    #: False where tables in the schema public are not ours to make.
    makes_tables: bool = True
    #: Whether a system that has no other database is absent without this one.
    is_a_projects: bool = True


@dataclass(frozen=True)
class NamedDatabase:
    """A database with the setting that names it."""

    #: The field of the settings, such as `fabricio_database_url`.
    field: str
    database: Database

    @property
    def variable(self) -> str:
        return self.field.upper()

    @property
    def name(self) -> str:
        """Such as `fabricio`: also the name of its migration history."""
        return self.variable.removesuffix(_SUFFIX).removesuffix("_PG_URL").lower()

    def url(self, settings: BaseSettings) -> str | None:
        value: SecretStr | None = getattr(settings, self.field)
        return value.get_secret_value() if value is not None else None

    def is_migrated(self, settings: BaseSettings) -> bool:
        """Whether its history is run: it has one, and its owner wants it."""
        wanted = self.database.migrated_if
        return self.database.migrated and (wanted is None or bool(getattr(settings, wanted)))

    def chosen(self, settings: BaseSettings) -> list[str]:
        """The further changes of it that its owner chose: each is the name of a history over it."""
        return [name for name in self.database.choices if getattr(settings, name)]


def databases_of(kind: type[BaseSettings]) -> tuple[NamedDatabase, ...]:
    """The databases that a class of settings names, in the order of its fields: our own first, then the projects'."""
    found = (
        NamedDatabase(name, mark)
        for name, field in kind.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Database)
    )
    return tuple(sorted(found, key=lambda one: one.database.is_a_projects))
