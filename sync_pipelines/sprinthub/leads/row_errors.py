"""Errors of the database that one row of a batch brings: the others may pass without it."""

from __future__ import annotations

import psycopg

#: SQLSTATE classes: data, integrity, limits, what a trigger raises.
_OF_A_ROW = ("22", "23", "54", "P0")


def is_of_a_row(error: psycopg.Error) -> bool:
    """Whether a value of one row is at fault, or a constraint of the application that it breaks."""
    return (error.sqlstate or "")[:2] in _OF_A_ROW or isinstance(error, psycopg.DataError)
