"""Reads templates and fills them in; what is put in is never read for placeholders again.

`&{…}` reads the current data, `?{…}` the same where nothing may be there, `@{…}` the run."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Final, NoReturn, TypeAlias
from urllib.parse import quote, unquote

from pydantic import AfterValidator, WithJsonSchema
from pydantic import JsonValue as Json

from ..errors import InvalidValue
from .embedded import leaves, refuse
from .expression import QUOTED, TEXT, Budget, Expression, shape

_OPEN = re.compile(r"[&?@]\{")
_INSIDE = re.compile(rf"{QUOTED}|[{{}}'\"`]", re.DOTALL)  # a quote alone is one that is never closed
_NO_ENTITY = ("there is no entity here", "Only @{…} can be used, as in @{run.started_at}.")
_URI_HEAD = re.compile(r"(?:[^/?#]*:)?(?://[^/?#]*)?")


class Missing(Enum):
    """There is no entity."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class PlaceholderError(InvalidValue):
    """A template that cannot be read, or not filled in with this data; it holds no value of the data."""

    def __init__(
        self, message: str, hint: str = "", *, template: str, expression: str | None = None, offset: int = 0
    ) -> None:
        self.template, self.expression, self.offset = template, expression, offset
        """`offset` counts characters of the template, from 0."""
        where = f", at character {offset + 1} of {_cut(template)}" if expression is None or offset else ""
        what = "" if expression is None else f"{_cut(template[offset : offset + 2] + expression + '}')}: "
        super().__init__("template", f"{what}{message}{where}", hint)
        self.reason = message
        """What is wrong, without where."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What placeholders read: `&{…}` and `?{…}` the data (see `as_data`), `@{…}` the run."""

    data: Json | Missing = MISSING
    run: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder of a template."""

    sigil: str
    expression: Expression
    offset: int


@dataclass(frozen=True, slots=True)
class Template:
    """A template, read once. Each way to fill it in raises `PlaceholderError` where that cannot be done."""

    source: str
    pieces: tuple[str | Placeholder, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Raises `PlaceholderError` where a placeholder is not closed, not JMESPath or too large."""
        return _parsed(text)

    @property
    def is_literal(self) -> bool:
        """Whether it has no placeholder."""
        return all(isinstance(piece, str) for piece in self.pieces)

    def value(self, scope: Scope, budget: Budget | None = None) -> Json:
        """What the placeholder gives, with its type, where the template is exactly one; else text."""
        if len(self.pieces) == 1 and isinstance(self.pieces[0], Placeholder):
            return self._find(self.pieces[0], scope, budget or Budget())
        return self.text(scope, budget)

    def text(self, scope: Scope, budget: Budget | None = None) -> str:
        """Text; numbers, booleans, lists and objects are in it as compact JSON."""
        return self._joined([text for _, _, text in self._filled(scope, budget)])

    def uri(self, scope: Scope) -> str:
        """A URI or a part of one; what is put in is percent-encoded (RFC 3986 §2.1), so a segment stays one segment."""
        self.check_uri()
        parts, in_path = [], True
        for piece, value, text in self._filled(scope, None):
            if piece is None:
                parts.append(text)
                in_path = in_path and "?" not in text and "#" not in text
                continue
            if in_path and isinstance(value, dict | list):
                self._refuse(f"{shape(value)} cannot be used in a path", piece=piece)
            try:
                parts.append(f"\0{quote(text, safe='')}\0")  # marks the segments that were filled in
            except UnicodeEncodeError:
                self._refuse("the text contains half a character (a lone surrogate)", piece=piece)
        uri = self._joined(parts)
        for segment in re.split("[?#]", uri, maxsplit=1)[0].split("/"):
            if "\0" in segment and unquote(segment.replace("\0", "")) in ("", ".", ".."):
                self._refuse("a part of the path would be empty, . or .., and lead elsewhere")
        return uri.replace("\0", "")

    def check_uri(self) -> None:
        """Raises where a placeholder could choose scheme, host or port, whatever the data."""
        marked = "".join(piece if isinstance(piece, str) else "\0" for piece in self.pieces)
        head = _URI_HEAD.match(marked)
        if head and "\0" in head.group():
            self._refuse(
                "a placeholder must not set the scheme, host or port", "Write the address without placeholders."
            )
        if "\\" in marked or "\0" in self.source or re.search(r"%[0-9A-Fa-f]?\0", marked):
            self._refuse("a URI must not contain a backslash, or a % completed by a placeholder", "Write % as %25.")

    def header(self, scope: Scope) -> str:
        """A header's value (RFC 9110 §5.5): not empty, visible ASCII, spaces and tabs, none of these at an end."""
        parts = []
        for piece, value, text in self._filled(scope, None):
            if piece is not None and (isinstance(value, dict | list) or value == ""):
                self._refuse(f"{shape(value)} cannot be used in a header", piece=piece)
            parts.append(text)
        header = self._joined(parts)
        if not header.strip(" \t"):
            self._refuse("the header would be empty")
        if not re.fullmatch(r"[\t\x20-\x7e]*", header):
            self._refuse("the header would contain a line break, a control character or a non-ASCII character")
        if header != header.strip(" \t"):
            self._refuse("the header would start or end with a space")
        return header

    def _filled(self, scope: Scope, budget: Budget | None) -> Iterator[tuple[Placeholder | None, Json, str]]:
        budget = budget or Budget()
        for piece in self.pieces:
            if isinstance(piece, str):
                yield None, None, piece
                continue
            value = self._find(piece, scope, budget)
            try:
                text = "" if value is None else value if isinstance(value, str) else _compact(value)
            except (ValueError, RecursionError):
                self._refuse(f"{shape(value)} that cannot be written as JSON", piece=piece)
            yield piece, value, text

    def _find(self, piece: Placeholder, scope: Scope, budget: Budget) -> Json:
        data: object = dict(scope.run) if piece.sigil == "@" else scope.data
        if data is MISSING:
            self._refuse(*_NO_ENTITY, piece)
        try:
            found, reason = piece.expression.find(data, budget)
        except InvalidValue as error:
            self._refuse(error.message, error.hint, piece)
        if reason and piece.sigil != "?":
            self._refuse(reason.message, reason.hint, piece)
        return found

    def _joined(self, parts: list[str]) -> str:
        if len(parts) > 1 and sum(map(len, parts)) > TEXT:
            self._refuse(f"the text would have more than {TEXT:,} characters")
        return "".join(parts)

    def _refuse(self, message: str, hint: str = "", piece: Placeholder | None = None) -> NoReturn:
        piece = piece or next((piece for piece in self.pieces if isinstance(piece, Placeholder)), None)
        if piece is None:
            raise PlaceholderError(message, hint, template=self.source)
        expression = piece.expression.text
        raise PlaceholderError(message, hint, template=self.source, expression=expression, offset=piece.offset)


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def as_data(value: Json) -> Json:
    """A response as the data of placeholders: what is not a list or object becomes a list of one.

    Magento's token endpoint answers a bare JSON string; `Bearer &{@[0]}` reads it.
    """
    return value if isinstance(value, dict | list) else [value]


def render(value: Json, scope: Scope) -> Json:
    """`value` with every text in it filled in as a template; names in objects are not templates."""
    return _rendered(value, scope, Budget())


def _rendered(value: Json, scope: Scope, budget: Budget) -> Json:
    if isinstance(value, str):
        return Template.parse(value).value(scope, budget)
    if isinstance(value, list):
        return [_rendered(item, scope, budget) for item in value]
    if isinstance(value, dict):
        return {name: _rendered(item, scope, budget) for name, item in value.items()}
    return value


@lru_cache(maxsize=1_024)
def _parsed(text: str) -> Template:
    pieces: list[str | Placeholder] = []
    end = 0
    for start, stop in _places(text):
        pieces += [text[end:start]] if start > end else []
        expression = text[start + 2 : stop - 1]
        try:
            pieces.append(Placeholder(text[start], Expression.compile(expression), start))
        except InvalidValue as error:
            raise PlaceholderError(
                error.message, error.hint, template=text, expression=expression, offset=start
            ) from None
        end = stop
    pieces += [text[end:]] if end < len(text) or not pieces else []
    return Template(text, tuple(pieces))


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Where placeholders start and end."""
    at = 0
    while opened := _OPEN.search(text, at):
        start, at = opened.start(), _end(text, opened.end())
        if not at:
            hint = f"Close it with }}; for the characters themselves write &{{'{opened.group()}'}}."
            raise PlaceholderError(f"{opened.group()} is not closed", hint, template=text, offset=start)
        yield start, at


def _end(text: str, at: int) -> int:
    """Behind the brace that closes the one before `at`, or 0. A brace in quotes or backticks is the expression's."""
    depth = 1
    for inside in _INSIDE.finditer(text, at):
        match inside.group():
            case "{":
                depth += 1
            case "}":
                depth -= 1
            case "'" | '"' | "`":
                return 0
        if not depth:
            return inside.end()
    return 0


def _compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _checked(text: str) -> str:
    Template.parse(text)
    return text


def run_only(text: str) -> str:
    """The text, in whose placeholders there is no entity to read. Raises `PlaceholderError` where one reads it."""
    template = Template.parse(text)
    for piece in template.pieces:
        if isinstance(piece, Placeholder) and piece.sigil != "@":
            template._refuse(*_NO_ENTITY, piece)
    return text


def _checked_uri(text: str) -> str:
    Template.parse(text).check_uri()
    return text


def _checked_json(value: Json) -> Json:
    refuse([(place, wrong) for place, leaf in leaves(value) if (wrong := _wrong(leaf)) is not None])
    return value


def _wrong(leaf: Json) -> ValueError | None:
    if isinstance(leaf, float) and not math.isfinite(leaf):
        return ValueError(f"{leaf} is not a valid JSON number")
    try:
        if isinstance(leaf, str):
            Template.parse(leaf)
    except PlaceholderError as error:
        return error
    return None


_SCHEMA = WithJsonSchema({"type": "string", "format": "template"})

TemplateText = Annotated[str, AfterValidator(_checked), _SCHEMA]
"""A field that is a template."""
RunTemplateText = Annotated[str, AfterValidator(run_only), _SCHEMA]
"""A field that is a template where there is no entity: only `@{…}`."""
UriTemplateText = Annotated[str, AfterValidator(_checked_uri), _SCHEMA]
"""A field that is a template of a URI; no placeholder chooses scheme, host or port."""
TemplateJson = Annotated[Json, AfterValidator(_checked_json)]
"""A field that is JSON in which every text is a template."""


# What an expression reads: the names it starts with, found without any data.


Names: TypeAlias = tuple[str, ...]
"""Names from the root of the data downwards, such as ("steps", "find", "status"); () is all of it."""

_IN_TURN = {"subexpression", "pipe", "index_expression"}
"""Each child resumes from what the one before it has found."""
_BY_ELEMENT = {"projection", "value_projection", "filter_projection", "flatten"}
"""The first child is the list or the object; the others resume from what is in it."""


def reads(expression: Expression) -> frozenset[Names]:
    """What the expression reads, each as far as names alone say it.

    An index, a wildcard, a filter or a function ends what can be said: `steps.find.body.items[0].id` reads
    ("steps", "find", "body", "items"), and `keys(steps)` all of ("steps",).
    """
    return frozenset(_read(expression.tree, ()))


def read_of_run(value: Json) -> frozenset[Names]:
    """What the placeholders `@{…}` in all texts of `value` read of the run."""
    if isinstance(value, str):
        pieces = Template.parse(value).pieces
        found = [reads(each.expression) for each in pieces if isinstance(each, Placeholder) and each.sigil == "@"]
    else:
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        found = [read_of_run(each) for each in inside]
    return frozenset().union(*found)


def _read(node: Any, start: Names | None) -> Iterator[Names]:
    """What `node` reads of the data at `start`; None is somewhere inside what was counted as read already."""
    found: list[Names] = []
    end = _follow(node, start, found)
    yield from found
    if end is not None:
        yield end


def _follow(node: Any, start: Names | None, found: list[Names]) -> Names | None:
    """Where `node` leads from `start`. What it reads on the way, or takes as a whole, goes to `found`."""
    kind, children = node["type"], [child for child in node["children"] if isinstance(child, dict)]
    if kind in ("current", "identity"):
        return start
    if kind == "field":
        return None if start is None else (*start, node["value"])
    if kind in _IN_TURN:
        for child in children:
            start = _follow(child, start, found)
        return start
    if kind in _BY_ELEMENT:
        found.extend(_read(children[0], start))
        children, start = children[1:], None
    elif kind in ("index", "slice") and start is not None:
        found.append(start)
    elif kind == "expref":
        start = None  # a function applies it to what its other argument holds
    for child in children:
        found.extend(_read(child, start))
    return None
