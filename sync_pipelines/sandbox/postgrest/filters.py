"""Conditions of a query string as SQL (wire contract, section 4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg import sql

from sync_pipelines.sandbox.postgrest.cache import identifier
from sync_pipelines.sandbox.postgrest.refusals import RefusalError

#: Parameters that are no conditions.
RESERVED = {"select", "columns", "order", "limit", "offset", "on_conflict"}
_OPERATORS = {
    "eq": sql.SQL("="),
    "neq": sql.SQL("<>"),
    "gt": sql.SQL(">"),
    "gte": sql.SQL(">="),
    "lt": sql.SQL("<"),
    "lte": sql.SQL("<="),
    "like": sql.SQL("like"),
    "ilike": sql.SQL("ilike"),
    "match": sql.SQL("~"),
    "imatch": sql.SQL("~*"),
    "cs": sql.SQL("@>"),
    "cd": sql.SQL("<@"),
    "ov": sql.SQL("&&"),
}
_IS = {
    "null": sql.SQL("null"),
    "true": sql.SQL("true"),
    "false": sql.SQL("false"),
    "unknown": sql.SQL("unknown"),
}
_LOGIC = re.compile(r"(not\.)?(and|or)$")
_NAME = re.compile(r'"(?:[^"\\]|\\.)*"|[^.,():"]+')
NO_CONDITION: sql.Composable = sql.SQL("")
#: From this version on `is.not_null` is known.
NOT_NULL_IS_KNOWN = 13


def unreadable(what: str, details: str = "unexpected input") -> RefusalError:
    """The refusal of a query string that cannot be parsed."""
    return RefusalError(400, "PGRST100", f'"failed to parse {what}"', details=details)


@dataclass
class Conditions:
    """The conditions of a request on the columns of `qualifier`; `values` are those of its placeholders, in order."""

    qualifier: Sequence[str]
    version: int = 16
    values: list[object] = field(default_factory=list)

    def where(self, query: Sequence[tuple[str, str]]) -> sql.Composable:
        """All conditions of a query string, as a where clause or nothing."""
        parts = [self._parameter(name, value) for name, value in query if name not in RESERVED]
        return sql.SQL(" where ") + sql.SQL(" and ").join(parts) if parts else NO_CONDITION

    def _parameter(self, name: str, value: str) -> sql.Composable:
        if found := _LOGIC.fullmatch(name):
            return self._tree(bool(found[1]), found[2], value)
        return self._condition(name, value)

    def _tree(self, negated: bool, word: str, text: str) -> sql.Composable:
        if not (text.startswith("(") and text.endswith(")")):
            raise unreadable(f"logic tree ({text})")
        parts = []
        for piece in split_list(text[1:-1]):
            head, _, rest = piece.partition("(")
            if found := _LOGIC.fullmatch(head):
                parts.append(self._tree(bool(found[1]), found[2], f"({rest}"))
            else:
                column, dot, value = _named(piece)
                if not dot:
                    raise unreadable(f"logic tree ({text})")
                parts.append(self._condition(column, value, quoted=True))
        joined = sql.SQL(" and " if word == "and" else " or ").join(parts)
        return sql.SQL("not ({})" if negated else "({})").format(joined)

    def _condition(self, name: str, text: str, *, quoted: bool = False) -> sql.Composable:
        left = path(name, self.qualifier)
        negated = text.startswith("not.")
        operator, dot, value = (text[4:] if negated else text).partition(".")
        if not dot:
            raise unreadable(f"filter ({text})")
        condition = self._compared(left, operator, value, text=text, quoted=quoted)
        return sql.SQL("not {}").format(condition) if negated else condition

    def _compared(
        self, left: sql.Composable, operator: str, value: str, text: str, quoted: bool
    ) -> sql.Composable:
        if operator == "is":
            if value == "not_null" and self.version >= NOT_NULL_IS_KNOWN:
                return sql.SQL("{} is not null").format(left)
            if value not in _IS:
                raise unreadable(f"filter ({text})")
            return sql.SQL("{} is {}").format(left, _IS[value])
        if operator == "in":
            if not (value.startswith("(") and value.endswith(")")):
                raise unreadable(f"filter ({text})")
            items = [unquoted(item) for item in split_list(value[1:-1])] if value != "()" else []
            self.values.append("{" + ",".join(_element(item) for item in items) + "}")
            return sql.SQL("{} = any (%s)").format(left)
        if operator not in _OPERATORS:
            raise unreadable(f"filter ({text})", details=f"The sandbox knows no operator {operator}.")
        right = unquoted(value) if quoted else value
        self.values.append(right.replace("*", "%") if "like" in operator else right)
        return sql.SQL("{} {} %s").format(left, _OPERATORS[operator])


def split_list(text: str) -> list[str]:
    """The items of a list, split at commas outside of quotes and brackets."""
    found, depth, is_quoted, start, at = [], 0, False, 0, 0
    while at < len(text):
        sign = text[at]
        if sign == "\\" and is_quoted:
            at += 1
        elif sign == '"':
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(sign, 0)
            if sign == "," and depth == 0:
                found.append(text[start:at])
                start = at + 1
        at += 1
    return [*found, text[start:]]


def unquoted(text: str) -> str:
    """A value without the quotes that kept its commas together."""
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def is_condition(name: str, value: str) -> bool:
    """Whether a parameter of a GET of a function is a condition on its rows; others are arguments."""
    operators = ("not.", "is.", "in.", *(f"{operator}." for operator in _OPERATORS))
    return bool(_LOGIC.fullmatch(name)) or value.startswith(operators)


def path(text: str, qualifier: Sequence[str]) -> sql.Composable:
    """A column, or what lies below it in its JSON: `raw`, `raw->a->>b`."""
    name, *steps = re.split(r"(->>?)", text)
    made: sql.Composable = identifier(*qualifier, unquoted(name))
    if not steps:
        return made
    made = sql.SQL("to_jsonb({})").format(made)
    for arrow, key in zip(steps[::2], steps[1::2], strict=True):
        step: sql.Composable = sql.SQL(key) if key.isdigit() else sql.Literal(key.replace("%", "%%"))
        made = sql.SQL("{}{}{}").format(made, sql.SQL("->>" if arrow == "->>" else "->"), step)
    return sql.SQL("({})").format(made)


def _named(piece: str) -> tuple[str, str, str]:
    found = _NAME.match(piece)
    end = found.end() if found else 0
    return piece[:end], piece[end : end + 1], piece[end + 1 :]


def _element(item: str) -> str:
    return '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'
