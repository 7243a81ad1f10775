"""Magento's search criteria as readable rows, such as `status eq processing or status eq pending`.

All rows must match; within a row, one of the conditions joined by `or` is enough. Each row becomes a filter group.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from ..errors import InvalidValue
from ..misspelling import SIMILAR, most_similar

CONDITION_TYPES = (
    *("eq", "neq", "like", "nlike", "in", "nin", "notnull", "null", "gt", "lt", "gteq", "lteq", "finset", "nfinset"),
    *("regexp", "from", "to", "seq", "sneq", "ntoa", "fulltext"),
)
"""Magento's condition types (Magento\\Framework\\DB\\Adapter\\Pdo\\Mysql); it silently reads any other one as "eq".

Without `is`: for `field is Doe` it writes `IS 'Doe'`, which MySQL refuses, so that the store responds with 500.
"""

WITHOUT_VALUE = ("null", "notnull")
LIST_CONDITIONS = ("in", "nin", "finset", "nfinset")
"""Conditions whose value may be a list, sent as text with commas."""
_TEXT_CONDITIONS = ("like", "nlike", "regexp")
"""Conditions that compare a number with a pattern, too."""
COMMON_FIELDS = (
    *("status", "state", "sku", "name", "type_id", "price", "created_at", "updated_at", "increment_id", "email"),
    *("customer_email", "grand_total", "store_id"),
)
"""What lists are filtered and sorted by most; a schema names fields in any order."""
_NUMBERS = (
    *("entity_id", "price", "special_price", "cost", "weight", "qty", "quantity", "grand_total", "base_grand_total"),
    *("subtotal", "base_subtotal", "total_due", "total_paid", "total_qty_ordered", "store_id", "website_id"),
)
"""Fields of Magento's lists that are numbers: a text compares with them as 0."""
_NUMBER = re.compile(r"\s*[+-]?\d*\.?\d+\s*")
_NEARLY = 0.75
"""The similarity above which a word of a value is a misspelt condition: the words of a text are less similar."""
_WRONG_CONDITIONS = {
    **dict.fromkeys(("=", "==", "equal", "equals", "is_equal", "is"), "eq"),
    **dict.fromkeys(("!=", "<>", "ne", "not_eq", "noteq", "not", "is_not"), "neq"),
    **dict.fromkeys((">=", "ge", "gte", "moreq", "min"), "gteq"),
    **dict.fromkeys(("<=", "le", "lte", "lesseq", "max"), "lteq"),
    **dict.fromkeys((">", "more", "after"), "gt"),
    **dict.fromkeys(("<", "less", "before"), "lt"),
    **dict.fromkeys(("not_in", "notin", "!in"), "nin"),
    **dict.fromkeys(("not_like", "notlike"), "nlike"),
    **dict.fromkeys(("contains", "match", "ilike"), "like"),
    **dict.fromkeys(("not_null", "isnotnull", "is_not_null"), "notnull"),
    **dict.fromkeys(("isnull", "is_null"), "null"),
}
_SIGNS = {
    "=": "eq",
    "==": "eq",
    "!=": "neq",
    "<>": "neq",
    "≠": "neq",
    ">": "gt",
    ">=": "gteq",
    "≥": "gteq",
    "<": "lt",
    "<=": "lteq",
    "≤": "lteq",
}
_SIGN_OF = {"eq": "=", "neq": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<="}
SIGN = re.compile(r"\s*(?P<sign>>=|<=|!=|<>|==|[=<>≥≤≠])|\s+is\s+(?P<negated>not\s+)?null(?!\S)", re.IGNORECASE)
"""A condition as a sign, or `is null`."""
_SOME_VALUE = "1"
"""Magento needs a value for `null` and `notnull`, and ignores it."""
_FIELD = re.compile(r"[A-Za-z0-9_.-]+")
_WORD = re.compile(r"\S+")
_OR = re.compile(r"\s+(?P<word>or)(?:\s+|$)", re.IGNORECASE)
_JOIN = re.compile(r"\s+(?P<word>or|and)(?:\s+|$)", re.IGNORECASE)
_AND_CONDITION = re.compile(
    rf"\s+and\s+[\w.-]+(?:\s*(?:>=|<=|!=|<>|==|[=<>≥≤≠])|\s+(?:{'|'.join(CONDITION_TYPES)})(?!\S))", re.IGNORECASE
)
"""What follows a value in a row, where a row of its own was meant."""
_LEFT_OVER = re.compile(r"[\s,;]+(?:and|or)$", re.IGNORECASE)
"""What is left at the end of a line of which more was deleted, or is to come."""
_BEGINS_WITH_WHERE = re.compile(r"\s*where\s+(?=\S)", re.IGNORECASE)
_ENDS_WITH_AND = re.compile(r"\s+and$", re.IGNORECASE)
_AND_WORDS = re.compile(r"\s+and\s+(?P<field>[\w.-]+)\s+(?P<word>\w+)(?!\S)", re.IGNORECASE)
_OF_SQL = re.compile(r"\s*(not\s+(?:in|like|null)|is(?:\s+not)?(?:\s+null)?)(?!\S)", re.IGNORECASE)
"""Conditions of SQL, also in several words."""
_ONLY_NULL = ("is", "is not")
"""Conditions of SQL that are only for null."""
_QUOTED = {quote: re.compile(rf"{quote}((?:[^{quote}]|{quote}{quote})*){quote}") for quote in "'\""}
_GROUPS = re.compile(r"(?:searchCriteria|search_criteria)\[(?:filter_?groups)\]\[(\d*)\]", re.IGNORECASE)
_EXAMPLE = '"status eq processing"'


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on a field; its value may contain placeholders."""

    field: str
    condition: str
    value: str
    is_quoted: bool = dataclasses.field(default=False, compare=False)
    """Whether the value was written in quotes."""

    def __str__(self) -> str:
        """As it is written in a row."""
        if self.condition in WITHOUT_VALUE:
            return f"{self.field} {self.condition}"
        value = self.value
        as_it_is = value == _plain(value, self.condition) and value[:1] not in ("", *_QUOTED)
        plain = as_it_is and not _JOIN.search(f" {value}")
        return f"{self.field} {self.condition} {value if plain else quoted(value)}"


def doubt(condition: Condition, fields: Iterable[str] = ()) -> str:
    """What of a valid condition is probably missing or not meant; "" where nothing is.

    `fields`: those of the list, if they are known.
    """
    field, kind, value = condition.field, condition.condition, condition.value
    known = {*fields}
    if known and field not in known:
        near = most_similar(field, sorted(known), SIMILAR)
        return f"the list has no field {field}{f'; did you mean {near}?' if near else ''}"
    if kind in WITHOUT_VALUE:
        return ""
    if not value.strip():
        return f"{field} {kind} has no value"
    if not condition.is_quoted and kind in LIST_CONDITIONS and (value[:1], value[-1:]) in (("(", ")"), ("[", "]")):
        return f"{field} {kind}: a list is written without brackets"
    if not condition.is_quoted and " " in value and value.lower().split(" ")[0] in CONDITION_TYPES:
        return f"the value of {field} begins with a condition: {value[:60]}"
    return "" if is_of_its_type(condition) else f"{field} is a number, and the value is {value[:60]}"


def is_of_its_type(condition: Condition, numbers: Collection[str] = ()) -> bool:
    """Whether the value is a number, or has a placeholder, where the field is a number.

    `numbers`: the fields of the list that are numbers, besides those that are in Magento's lists.
    """
    if condition.field not in _NUMBERS and condition.field not in numbers:
        return True
    if condition.condition in (*WITHOUT_VALUE, *_TEXT_CONDITIONS):
        return True
    parts = condition.value.split(",") if condition.condition in LIST_CONDITIONS else [condition.value]
    return all("{" in each or _NUMBER.fullmatch(each) for each in parts)


def is_field(text: str) -> bool:
    """Whether this is the name of a field, and nothing else."""
    return _FIELD.fullmatch(text) is not None


def quoted(text: str) -> str:
    """The text in quotes, a quote within it written twice."""
    return "'" + text.replace("'", "''") + "'"


_NAME = re.compile(r"[^\s'\"=<>≠≤≥·]+")
_PLAIN_VALUE = re.compile(r"[^\s'\"·]*")
_NULL = re.compile(r"(?:not\s+)?null(?:\s.*)?", re.IGNORECASE | re.DOTALL)
_LIKE_CONDITION = re.compile(r"\b(?:or|and|where)\b|[=<>≠≤≥·]|^\s|\s$|^['\"]|^$", re.IGNORECASE)


def shown_parameter(name: str, value: str | None) -> str:
    """A parameter of a query among conditions, in quotes as far as it could be read as one of them."""
    shown = name if _NAME.fullmatch(name) else quoted(name)
    if value is None:
        return shown
    return f"{shown}={value if _PLAIN_VALUE.fullmatch(value) else quoted(value)}"


def shown_field(name: str) -> str:
    """The field of a condition, in quotes where it could be read as more than a field."""
    return name if _FIELD.fullmatch(name) else quoted(name)


def shown_value(value: str, condition: str = "") -> str:
    """The value of a condition, in quotes where it could be read as another condition, or as another value."""
    is_other = value != _plain(value, condition) or (condition == "is" and _NULL.fullmatch(value) is not None)
    return quoted(value) if is_other or _LIKE_CONDITION.search(value) else value


def _plain(text: str, condition: str) -> str:
    """A value that is not in quotes."""
    return ",".join(part.strip() for part in text.split(",")) if condition in LIST_CONDITIONS else text.strip()


class IncompleteRow(ValueError):
    """What a row lacks that may still be typed at its end."""


class UnknownCondition(InvalidValue):
    """A word after a field that is not a condition type; `left`: how many characters of the row start with it."""

    def __init__(self, written: str, left: int) -> None:
        super().__init__("unknown-condition", unknown_condition(written))
        self.written = written
        self.left = left


def read_row(row: str) -> tuple[Condition, ...]:
    """The conditions of a row, of which one must match. Raises ValueError with what is wrong."""
    [conditions] = _rows(row, as_shown=False)
    return conditions


def read_shown_rows(text: str) -> list[tuple[Condition, ...]]:
    """The rows on one line, as the log shows them: `qty ≥ 5 or sku is not null and name like %a%` has two of them.

    They may be written with signs, as `qty>=5`, or as the rows of a profile. Raises `IncompleteRow`, or ValueError with
    what is wrong.
    """
    return _rows(text, as_shown=True)


def _rows(text: str, *, as_shown: bool) -> list[tuple[Condition, ...]]:
    rows: list[list[Condition]] = [[]]
    joined, rest = "", text.strip()
    while True:
        try:
            condition, joined, rest = _condition(rest, as_shown=as_shown)
        except ValueError as error:
            if not joined or isinstance(error, UnknownCondition):
                raise
            raise type(error)(f"{error} (a value with {joined} in it needs quotes)") from error
        rows[-1].append(condition)
        if not joined:
            return [tuple(row) for row in rows]
        if joined == "and":
            rows.append([])


def _condition(text: str, *, as_shown: bool) -> tuple[Condition, str, str]:
    """The first condition, the word behind it that joins the next one, and what is left after that."""
    field, behind = _field(text, as_shown=as_shown)
    if as_shown and (sign := SIGN.match(behind)) is not None:
        written = sign["sign"]
        condition = _SIGNS[written] if written else "notnull" if sign["negated"] else "null"
        before, behind = f"{field} {written or condition}", behind[sign.end() :]
    else:
        word = _WORD.search(behind)
        if word is None:
            raise IncompleteRow(f"{field} has no condition: write one and a value, such as {_EXAMPLE}")
        condition = word[0].lower()
        if sql := _OF_SQL.match(behind):
            if as_shown and sql.end() == len(behind) and _one_space(sql[1]) in _ONLY_NULL:
                raise IncompleteRow(f"{field} {_one_space(sql[1])}: null is missing after it")
            raise UnknownCondition(sql[1], len(behind) - sql.start(1))
        if condition not in CONDITION_TYPES:
            if word.end() == len(behind) and any(each.startswith(condition) for each in CONDITION_TYPES):
                raise IncompleteRow(unknown_condition(word[0]))
            raise UnknownCondition(word[0], len(behind) - word.start())
        before, behind = f"{field} {condition}", behind[word.end() :]
    is_quoted = behind.lstrip()[:1] in (*_QUOTED,)
    value, joined, rest = _value(behind, before, condition, _JOIN if as_shown else _OR)
    return Condition(field, condition, value, is_quoted), joined, rest


def _field(text: str, *, as_shown: bool) -> tuple[str, str]:
    """The field at the start, and what is behind it."""
    name = _QUOTED["'"].match(text) if as_shown else None
    if name is not None:
        return name[1].replace("''", "'"), text[name.end() :]
    name = _FIELD.match(text)
    behind = text[name.end() :] if name else ""
    if name is None or (behind[:1].strip() and not (as_shown and SIGN.match(behind))):
        start = _WORD.match(text)
        if start is None:
            raise IncompleteRow(f"a condition is missing: write a field, a condition and a value, such as {_EXAMPLE}")
        wrong = f"{start[0][:60]!r} is not a field"
        raise ValueError(f"{wrong}: write a field, a condition and a value, such as {_EXAMPLE}")
    return name[0], behind


def _value(text: str, before: str, condition: str, join: re.Pattern[str]) -> tuple[str, str, str]:
    """The value at the start of `text`, the word behind it that joins a condition, and what is left after that."""
    stripped = text.lstrip()
    if stripped[:1] in _QUOTED and condition not in WITHOUT_VALUE:
        quote = stripped[0]
        quoted = _QUOTED[quote].match(stripped)
        if quoted is None:
            raise IncompleteRow(f"{before}: the quote {quote} is not closed; a quote within it is written twice")
        value, behind = quoted[1].replace(quote * 2, quote), stripped[quoted.end() :]
        following = join.match(behind)
        if following is None and behind.strip():
            words = "and or or" if join is _JOIN else "or"
            raise ValueError(f"{before}: after the quoted value, there can only be {words}: {behind.strip()[:60]!r}")
    else:
        following = join.search(text)
        value, behind = _plain(text[: following.start()] if following else text, condition), text
        if join is _OR and _ENDS_WITH_AND.search(f" {value}"):
            raise IncompleteRow(f"{before}: a condition is missing after and; or write the value in quotes")
        if join is _OR and _has_condition(value):
            raise ValueError(
                f"{before}: write the condition after and as a row of its own, or all of the value in quotes"
            )
    joined = following["word"].lower() if following else ""
    rest = behind[following.end() :].strip() if following else ""
    if joined and not rest:
        raise IncompleteRow(f"{before}: a condition is missing after {joined}")
    if condition in WITHOUT_VALUE:
        if value:
            raise ValueError(f"{before} has no value: remove {value[:60]!r}")
        return _SOME_VALUE, joined, rest
    if not value and stripped[:1] not in _QUOTED:
        raise IncompleteRow(f"{before} has no value; an empty one is written ''")
    return value, joined, rest


def _has_condition(value: str) -> bool:
    """Whether a condition follows and in a value, also a misspelt one."""
    words = _AND_WORDS.finditer(value)
    return _AND_CONDITION.search(value) is not None or any(is_misspelt_condition(*each.groups()) for each in words)


def unknown_condition(written: str) -> str:
    """The message for a condition that Magento does not have."""
    near = _meant(written, 0.5)
    hint = f"did you mean {near!r}?" if near else f"it has {', '.join(CONDITION_TYPES)}"
    if _one_space(written) in _ONLY_NULL:
        return f"{written!r} is only for null, as in: is null; {hint}"
    return f"{written!r} is not a condition type of Magento; {hint}"


def meant_rows(text: str) -> str:
    """What was probably meant by conditions on one line that cannot be read; "" where that is not known."""
    text = text.strip()
    while True:
        try:
            read_shown_rows(text)
        except UnknownCondition as error:
            meant = _meant(error.written, SIMILAR)
            if not meant:
                return ""
            at = len(text) - error.left
            text = f"{text[:at]}{_SIGN_OF.get(meant, meant)}{text[at + len(error.written) :]}"
        except ValueError:
            shorter = _LEFT_OVER.sub("", text)
            if shorter == text:
                return ""
            text = shorter
        else:
            return text


def _one_space(words: str) -> str:
    return " ".join(words.lower().split())


def _meant(written: str, above: float) -> str:
    low = "_".join(written.lower().split())
    return _WRONG_CONDITIONS.get(low) or most_similar(low, CONDITION_TYPES, above)


def is_misspelt_condition(field: str, word: str) -> bool:
    """Whether a word behind what looks like a field is nearly a condition type."""
    is_field = field in COMMON_FIELDS or "_" in field
    return is_field and word.lower() not in CONDITION_TYPES and bool(most_similar(word, CONDITION_TYPES, _NEARLY))


def valid_row(row: str) -> str:
    """The row as it is. Raises ValueError."""
    try:
        read_row(row)
    except UnknownCondition as error:
        if (rest := _BEGINS_WITH_WHERE.sub("", row)) != row and _is_row(rest):
            wrong = InvalidValue("where-in-row", "a row begins with its field: remove where")
            wrong.at, wrong.correction = 0, (row, rest)
            raise wrong from None
        error.at = len(row.rstrip()) - error.left
        if near := _meant(error.written, SIMILAR):
            error.correction = (row, row[: error.at] + near + row[error.at + len(error.written) :])
        raise
    return row


def _is_row(row: str) -> bool:
    try:
        read_row(row)
    except ValueError:
        return False
    return True


def parameters_of(rows: Sequence[Sequence[Condition]], names: Iterable[str] = ()) -> Iterator[tuple[int, str, str]]:
    """The parameters for these rows: the index of the row, the name and the value of each.

    `names`: the parameters that the request has already, whose filter groups are kept.
    """
    taken = [found[1] for name in names if (found := _GROUPS.match(name))]
    first = max((int(index) + 1 for index in taken if index), default=0) + taken.count("")  # [] takes the next index
    for number, row in enumerate(rows):
        for index, each in enumerate(row):
            place = f"searchCriteria[filter_groups][{first + number}][filters][{index}]"
            yield number, f"{place}[field]", each.field
            yield number, f"{place}[value]", each.value
            yield number, f"{place}[condition_type]", each.condition


def names_in_query(uri: str) -> list[str]:
    """The decoded names of the parameters in a URI."""
    query = uri.partition("#")[0].partition("?")[2]
    return [unquote_plus(part.partition("=")[0]) for part in query.split("&") if part]
