"""Parses and renders templates; inserted values are never scanned for placeholders.

`&{…}` reads the current data, `?{…}` does so for optional values, `@{…}` reads the run.
"""

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
from .expression import MAX_TEXT, Budget, Expression, shape
from .expression_mistakes import QUOTED
from .validation import leaves, raise_errors

_OPEN = re.compile(r"[&?@]\{")
_INSIDE = re.compile(rf"{QUOTED}|[{{}}'\"`]", re.DOTALL)  # a lone quote is one that is never closed
_NO_ENTITY = ("there is no entity here", "Only @{…} can be used, as in @{run.started_at}.")
_URI_HEAD = re.compile(r"(?:[^/?#]*:)?(?://[^/?#]*)?")


class Missing(Enum):
    """There is no entity to read."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class PlaceholderError(InvalidValue):
    """A template that cannot be parsed, or not be rendered with this data. It contains no value of the data."""

    def __init__(
        self, message: str, hint: str = "", *, template: str, expression: str | None = None, offset: int = 0
    ) -> None:
        self.template, self.expression, self.offset = template, expression, offset
        """Characters from the start of the template."""
        is_placed = offset or (expression is None and template)
        where = f", at character {offset + 1} of {_cut(template)}" if is_placed else ""
        what = "" if expression is None else f"{_cut(template[offset : offset + 2] + expression + '}')}: "
        super().__init__("template", f"{what}{message}{where}", hint)
        self.reason = message
        """The message without the position."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What placeholders read: `&{…}` and `?{…}` read `data` (see `as_data`), `@{…}` reads `run`."""

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
    """A parsed template. All methods that render it raise `PlaceholderError`."""

    source: str
    pieces: tuple[str | Placeholder, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Raises `PlaceholderError` if a placeholder is not closed, not valid JMESPath or too large."""
        return _parsed(text)

    @property
    def is_literal(self) -> bool:
        """Whether it has no placeholder."""
        return all(isinstance(piece, str) for piece in self.pieces)

    def value(self, scope: Scope, budget: Budget | None = None) -> Json:
        """The placeholder's value with its type, if the template is exactly one placeholder; otherwise text."""
        if len(self.pieces) == 1 and isinstance(self.pieces[0], Placeholder):
            return self._find(self.pieces[0], scope, budget or Budget())
        return self.text(scope, budget)

    def text(self, scope: Scope, budget: Budget | None = None) -> str:
        """The text, with numbers, booleans, lists and objects as compact JSON."""
        return self._join([text for _, _, text in self._rendered_pieces(scope, budget)])

    def uri(self, scope: Scope) -> str:
        """A URI or part of one; values are percent-encoded (RFC 3986 §2.1), so a segment remains one segment."""
        self.check_uri()
        parts, in_path = [], True
        for piece, value, text in self._rendered_pieces(scope, None):
            if piece is None:
                parts.append(text)
                in_path = in_path and "?" not in text and "#" not in text
                continue
            if in_path and isinstance(value, dict | list):
                self._fail(f"{shape(value)} cannot be used in a path", piece=piece)
            try:
                parts.append(f"\0{quote(text, safe='')}\0")  # marks the segments that were filled in
            except UnicodeEncodeError:
                self._fail("the text contains half a character (a lone surrogate)", piece=piece)
        uri = self._join(parts)
        for segment in re.split("[?#]", uri, maxsplit=1)[0].split("/"):
            if "\0" in segment and unquote(segment.replace("\0", "")) in ("", ".", ".."):
                self._fail("a part of the path would be empty, . or .., and lead elsewhere")
        return uri.replace("\0", "")

    def check_uri(self) -> None:
        """Raises if a placeholder could set the scheme, host or port, whatever the data."""
        marked = "".join(piece if isinstance(piece, str) else "\0" for piece in self.pieces)
        head = _URI_HEAD.match(marked)
        if head and "\0" in head.group():
            self._fail("a placeholder must not set the scheme, host or port", "Write the address without placeholders.")
        if "\\" in marked or "\0" in self.source or re.search(r"%[0-9A-Fa-f]?\0", marked):
            self._fail("a URI must not contain a backslash, or a % completed by a placeholder", "Write % as %25.")

    def header(self, scope: Scope) -> str:
        """A header's value (RFC 9110 §5.5): visible ASCII, spaces and tabs inside but not at the ends."""
        parts = []
        for piece, value, text in self._rendered_pieces(scope, None):
            if piece is not None and (isinstance(value, dict | list) or value == ""):
                self._fail(f"{shape(value)} cannot be used in a header", piece=piece)
            parts.append(text)
        header = self._join(parts)
        if not header.strip(" \t"):
            self._fail("the header would be empty")
        if not re.fullmatch(r"[\t\x20-\x7e]*", header):
            self._fail("the header would contain a line break, a control character or a non-ASCII character")
        if header != header.strip(" \t"):
            self._fail("the header would start or end with a space")
        return header

    def _rendered_pieces(self, scope: Scope, budget: Budget | None) -> Iterator[tuple[Placeholder | None, Json, str]]:
        budget = budget or Budget()
        for piece in self.pieces:
            if isinstance(piece, str):
                yield None, None, piece
                continue
            value = self._find(piece, scope, budget)
            try:
                text = "" if value is None else value if isinstance(value, str) else _compact(value)
            except (ValueError, RecursionError):
                self._fail(f"{shape(value)} that cannot be written as JSON", piece=piece)
            yield piece, value, text

    def _find(self, piece: Placeholder, scope: Scope, budget: Budget) -> Json:
        data: object = dict(scope.run) if piece.sigil == "@" else scope.data
        if data is MISSING:
            self._fail(*_NO_ENTITY, piece)
        try:
            found, reason = piece.expression.find(data, budget)
        except InvalidValue as error:
            self._fail(error.message, error.hint, piece)
        if reason and piece.sigil != "?":
            self._fail(reason.message, reason.hint, piece)
        return found

    def _join(self, parts: list[str]) -> str:
        if len(parts) > 1 and sum(map(len, parts)) > MAX_TEXT:
            self._fail(f"the text would have more than {MAX_TEXT:,} characters")
        return "".join(parts)

    def _fail(self, message: str, hint: str = "", piece: Placeholder | None = None) -> NoReturn:
        piece = piece or next((piece for piece in self.pieces if isinstance(piece, Placeholder)), None)
        if piece is None:  # text without a position in it, which may contain a password
            raise PlaceholderError(message, hint, template="")
        expression = piece.expression.text
        raise PlaceholderError(message, hint, template=self.source, expression=expression, offset=piece.offset)


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def as_data(value: Json) -> Json:
    """A response as the data of placeholders: anything but a list or an object becomes a list of one.

    Magento's token endpoint responds with a bare JSON string; `Bearer &{@[0]}` reads it.
    """
    return value if isinstance(value, dict | list) else [value]


def render(value: Json, scope: Scope) -> Json:
    """`value` with every string in it rendered as a template; keys of objects are not templates."""
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
            wrong = PlaceholderError(error.message, error.hint, template=text, expression=expression, offset=start)
            wrong.at = start if error.at is None else start + 2 + error.at
            wrong.correction = error.correction
            raise wrong from None
        end = stop
    pieces += [text[end:]] if end < len(text) or not pieces else []
    return Template(text, tuple(pieces))


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Where each placeholder starts and ends."""
    at = 0
    while opened := _OPEN.search(text, at):
        start, at = opened.start(), _end(text, opened.end())
        if not at:
            hint = f"Close it with }}; for the characters themselves write &{{'{opened.group()}'}}."
            wrong = PlaceholderError(f"{opened.group()} is not closed", hint, template=text, offset=start)
            wrong.at = start
            raise wrong
        yield start, at


def _end(text: str, at: int) -> int:
    """The position after the brace that closes the one before `at`, or 0. Quoted braces do not count."""
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
    """`text`, if its placeholders read only the run. Raises `PlaceholderError` if one reads an entity."""
    template = Template.parse(text)
    for piece in template.pieces:
        if isinstance(piece, Placeholder) and piece.sigil != "@":
            template._fail(*_NO_ENTITY, piece)
    return text


def reads_entity(text: str) -> bool:
    """Whether a placeholder in it reads the entity."""
    return any(isinstance(piece, Placeholder) and piece.sigil != "@" for piece in Template.parse(text).pieces)


def _checked_uri(text: str) -> str:
    Template.parse(text).check_uri()
    return text


def _checked_json(value: Json) -> Json:
    raise_errors([(path, error) for path, leaf in leaves(value) if (error := _leaf_error(leaf)) is not None])
    return value


def _leaf_error(leaf: Json) -> ValueError | None:
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
"""A field that is a template in which only `@{…}` is allowed, as there is no entity."""
UriTemplateText = Annotated[str, AfterValidator(_checked_uri), _SCHEMA]
"""A field that is a template of a URI; placeholders cannot set scheme, host or port."""
TemplateJson = Annotated[Json, AfterValidator(_checked_json)]
"""A field that is JSON in which every string is a template."""


# Static analysis: which paths of its data an expression reads.

DataPath: TypeAlias = tuple[str, ...]
"""Names from the root of the data downwards, such as ("steps", "find", "status"); () is all of the data."""

_IN_TURN = {"subexpression", "pipe", "index_expression"}
"""Each child is evaluated on the result of the one before."""
_BY_ELEMENT = {"projection", "value_projection", "filter_projection", "flatten"}
"""The first child is the list or the object; the others are evaluated on its elements."""


def paths_read(expression: Expression) -> frozenset[DataPath]:
    """The paths that the expression reads, each as far as it consists of names only.

    An index, a wildcard, a filter or a function ends a path: `steps.find.body.items[0].id` reads
    ("steps", "find", "body", "items"), and `keys(steps)` all of ("steps",).
    """
    return frozenset(_read(expression.tree, ()))


def run_paths_read(value: Json) -> frozenset[DataPath]:
    """The paths of the run that the placeholders `@{…}` in all strings of `value` read."""
    if isinstance(value, str):
        pieces = Template.parse(value).pieces
        found = [paths_read(each.expression) for each in pieces if isinstance(each, Placeholder) and each.sigil == "@"]
    else:
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        found = [run_paths_read(each) for each in inside]
    return frozenset().union(*found)


def _read(node: Any, start: DataPath | None) -> Iterator[DataPath]:
    """The paths that `node` reads below `start`; None is somewhere inside a path that is already counted."""
    found: list[DataPath] = []
    end = _follow(node, start, found)
    yield from found
    if end is not None:
        yield end


def _follow(node: Any, start: DataPath | None, found: list[DataPath]) -> DataPath | None:
    """The path `node` leads to from `start`. Paths that it reads on the way are added to `found`."""
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
        start = None  # a function applies it to its other argument
    for child in children:
        found.extend(_read(child, start))
    return None
