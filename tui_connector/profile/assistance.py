"""Completions and help at a place in the text of a profile, derived from the models."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ..kinds import Kind, Model, kebab
from ..magento.entities import READABLE
from ..secrets.source import SecretSource
from ..templates.expression import function_names, is_expression
from .blocks import ParsedText, parse
from .environment_names import TABLE
from .environments import NOT_OVERRIDABLE, SOURCES, base_path, overridable
from .model import DEFAULT_CLIENT, Profile
from .positions import KeyPath, value_at
from .text_blocks import TextBlock

MAX_COMPLETIONS = 100


class Completion(NamedTuple):
    """A text to write, and what it is."""

    text: str
    detail: str = ""
    follows: str = ""
    """What follows a key: an equals sign, or the dot before a key of its table; empty if that is there already."""
    value: str = ""
    """Of a key: what its value begins and ends with, such as two quotes."""
    inside: int = 0
    """How many characters before the end of all this the cursor belongs."""


@dataclass(frozen=True, slots=True)
class Help:
    """What a key means."""

    path: KeyPath
    title: str
    description: str
    kind: str = ""
    """What its value is, such as "text" or "a whole number"."""
    examples: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True, slots=True)
class Assistance:
    """Of one place in a text."""

    table: KeyPath
    """The table that it is in."""
    help: Help | None
    completions: list[Completion]
    start: int
    """Where the text that a completion replaces begins; it ends at the place itself."""
    present: tuple[str, ...] = ()
    """Keys of the table that start with what is typed, and are not completed as they are there already."""


def assist(text: str, offset: int) -> Assistance:
    """What is known of the place at `offset` in a text with `\\n` as line end."""
    parsed = parse(text)
    block, table, data = _block_at(parsed, text, offset)
    if (header := _HEADER.match(text, offset)) and (offset == 0 or text[offset - 1] == "\n"):
        path = next((path for each, _, path in parsed.blocks if each.start == offset), _parts(header[1]))
        return Assistance(path, _help(path, data), [], offset)
    try:
        place = _scan(text[block.start : offset], table)
    except RecursionError:  # in a value that is nested more deeply than any profile
        return Assistance(table, None, [], offset)
    if place.kind:
        data = _with_kind(data, base_path(data, place.table), place.kind)
    start = offset - len(place.typed)
    found = [each for each in _completions(place, data, parsed.data) if not _is_there(each.text, text, start, place)]
    matching = [each for each in found if each.text.startswith(place.typed)]
    matching += [each for each in found if place.typed and place.typed in each.text and each not in matching]
    matching += [each for key in _meant(place, data) for each in found if each.text == key and each not in matching]
    if text[offset:].lstrip(" \t").startswith(("=", ".")):
        matching = [each._replace(follows="", value="", inside=0) for each in matching]
    about, found = _help(_key_at(text, offset, place), data), matching[:MAX_COMPLETIONS]
    return Assistance(table, about, found, start, _keys_present(place, data))


def _is_there(completion: str, text: str, start: int, place: _Place) -> bool:
    """Whether the text has exactly this word at `start`, wherever in it the place is."""
    continues = _IN_VALUE if place.mode == "value" else _IN_KEY
    return text.startswith(completion, start) and not continues.match(text, start + len(completion))


def _block_at(parsed: ParsedText, text: str, offset: int) -> tuple[TextBlock, KeyPath, Any]:
    for block, _, table in reversed(parsed.blocks):
        if block.start <= offset and (block.start < offset or table == ()):
            return block, table, parsed.data
    return TextBlock(0, 0, text), (), parsed.data


# Where the place is


class _Place(NamedTuple):
    """`table` and `key` are what the value, or the key that is being typed, belongs to."""

    mode: Literal["header", "key", "value", "after", "comment"]
    """`after`: on the line on which a value has ended."""
    table: KeyPath
    key: str
    typed: str
    """The beginning of what is being typed."""
    quote: str = ""
    """The quote that is open before it."""
    kind: str = ""
    """The kind that the inline table around it names: the table itself cannot be parsed while it is typed."""


_HEADER = re.compile(r"[ \t]*\[\[?([^\]\n]*)\]")
_KEY = re.compile(
    r"[ \t]*((?:[\w-]+|\"[^\"\n]*\"|'[^'\n]*')(?:[ \t]*\.[ \t]*(?:[\w-]+|\"[^\"\n]*\"|'[^'\n]*'))*)[ \t]*=[ \t]*"
)
_PARTIAL_KEY = re.compile(r"[ \t]*(?:([\w.\"'-]*?)\.)?([\w-]*)$")
_WORD = re.compile(r"[\w./:&@?{}-]*$")
_IN_KEY, _IN_VALUE = re.compile(r"[\w-]"), re.compile(r"[\w./:&@?{-]")
"""What continues a word."""
_STRING_START = re.compile(r'"""|\'\'\'|"|\'')


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(r"[\w-]+|\"[^\"]*\"|'[^']*'", dotted))


def _scan(before: str, table: KeyPath) -> _Place:
    """The place at the end of a block's beginning."""
    line_start = before.rfind("\n") + 1
    line = before[line_start:]
    if re.match(r"[ \t]*\[", line) and "]" not in line and "=" not in line:
        typed = line.rpartition(".")[2].rpartition("[")[2]
        names = _parts(line.rpartition(".")[0]) if "." in line else ()
        return _Place("header", names, "[[" if "[[" in line else "[", typed)
    at = 0
    if (header := re.match(r"[ \t]*\[[^\n]*\n", before)) is not None:
        at = header.end()
    value_end, last = 0, None
    while True:  # statement by statement
        if last is not None and "\n" not in before[value_end:]:
            return last
        blank = re.compile(r"(?:[ \t\r\n]+|#[^\n]*\n)*").match(before, at)
        at = blank.end() if blank else at
        if before.startswith("#", at):
            return _Place("comment", table, "", "")
        key = _KEY.match(before, at)
        if key is None:
            end = before.find("\n", at)
            if end < 0:
                return _partial(before[at:], table)
            at = end + 1
            continue
        names = _parts(key[1])
        place, at = _value(before, key.end(), (*table, *names[:-1]), names[-1] if names else "")
        if place is not None:
            return place
        value_end, last = at, _Place("after", (*table, *names[:-1]), names[-1] if names else "", "")


def _partial(text: str, table: KeyPath) -> _Place:
    match = _PARTIAL_KEY.match(text)
    if match is None:
        return _Place("comment", table, "", "")
    return _Place("key", (*table, *_parts(match[1] or "")), "", match[2])


def _value(text: str, at: int, table: KeyPath, key: str) -> tuple[_Place | None, int]:
    """The place in the value that starts at `at`, if the text ends in it; otherwise None, and where it ends."""
    if at >= len(text):
        return _Place("value", table, key, ""), at
    if quote := _STRING_START.match(text, at):
        return _in_string(text, quote.end(), quote.group(), table, key)
    if text[at] == "[":
        return _in_list(text, at + 1, (*table, key))
    if text[at] == "{":
        return _in_table(text, at + 1, (*table, key))
    end = re.compile(r"[^,\]}\n#]*").match(text, at)
    stop = end.end() if end else at
    if stop >= len(text):
        return _Place("value", table, key, text[at:].lstrip()), stop
    return None, stop


def _in_string(text: str, at: int, quote: str, table: KeyPath, key: str) -> tuple[_Place | None, int]:
    while at < len(text):
        if text.startswith(quote, at):
            return None, at + len(quote)
        at += 2 if text[at] == "\\" and quote[0] == '"' else 1
        if len(quote) == 1 and text[at - 1 : at] == "\n":
            return None, at
    word = _WORD.search(text)
    opened = max(text.rfind(quote), text.rfind("\n"))
    typed = word.group() if word else ""
    return _Place("value", table, key, typed[max(0, len(typed) - (len(text) - opened - 1)) :], quote), at


def _skip(text: str, at: int) -> int:
    blank = re.compile(r"(?:[ \t\r\n]+|#[^\n]*(?:\n|$))*").match(text, at)
    return blank.end() if blank else at


def _in_list(text: str, at: int, path: KeyPath) -> tuple[_Place | None, int]:
    index = 0
    while True:
        at = _skip(text, at)
        if at >= len(text):
            return _Place("value", path, "", ""), at
        if text[at] == "]":
            return None, at + 1
        if text[at] == ",":
            index, at = index + 1, at + 1
            continue
        place, end = _value(text, at, (*path, index) if text[at] == "{" else path, "")
        if place is not None:
            return place._replace(table=tuple(step for step in place.table if step != "")), end
        at = max(end, at + 1)


def _in_table(text: str, at: int, path: KeyPath) -> tuple[_Place | None, int]:
    place, end = _place_in_table(text, at, path)
    if place is not None and not place.kind and (kind := _KIND.search(text, at)) is not None:
        place = place._replace(kind=kind[1])
    return place, end


_KIND = re.compile(r"\bkind\s*=\s*[\"']([\w-]+)[\"']")


def _with_kind(data: Any, path: KeyPath, kind: str) -> Any:
    """The data with this kind in the table at `path`."""
    if not path:
        return {**data, "kind": kind} if isinstance(data, Mapping) else {"kind": kind}
    inner = _with_kind(value_at(data, path[:1]), path[1:], kind)
    if isinstance(data, list) and isinstance(path[0], int):
        return [*data[: path[0]], inner, *data[path[0] + 1 :]]
    return {**(data if isinstance(data, Mapping) else {}), path[0]: inner}


def _place_in_table(text: str, at: int, path: KeyPath) -> tuple[_Place | None, int]:
    path = tuple(step for step in path if step != "")
    while True:
        at = _skip(text, at)
        if at >= len(text):
            return _Place("key", path, "", ""), at
        if text[at] in "}\n":
            return None, at + 1
        if text[at] == ",":
            at += 1
            continue
        key = _KEY.match(text, at)
        if key is None:
            if re.compile(r"[\w.\"'-]*$").match(text, at):
                return _partial(text[at:], path), len(text)
            at += 1
            continue
        names = _parts(key[1])
        place, end = _value(text, key.end(), (*path, *names[:-1]), names[-1] if names else "")
        if place is not None:
            return place, end
        at = max(end, at + 1)


def _key_at(text: str, offset: int, place: _Place) -> KeyPath:
    """The path of the key at a place, with the rest of its word."""
    at_start = place.mode == "key" and not text[text.rfind("\n", 0, offset) + 1 : offset].strip()
    rest = re.compile(r"[ \t]*([\w-]*)" if at_start and not place.typed else r"([\w-]*)").match(text, offset)
    if place.mode in ("value", "after"):
        return (*place.table, place.key) if place.key else place.table
    word = place.typed + (rest[1] if rest else "")
    return (*place.table, word) if word else place.table


# What the models say


def type_at(data: Any, path: KeyPath) -> tuple[Any, FieldInfo | None]:
    """The type at a path, and the field that it is of; None where the path is not one of a profile."""
    path = base_path(data, path)
    annotation: Any = Profile
    info: FieldInfo | None = None
    at = data
    for step in path:
        annotation = _kind_of(_bare(annotation), at)
        at = value_at(at, (step,))
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            info = _fields(annotation).get(str(step))
            if info is None:
                return None, None
            annotation = info.annotation
            continue
        arguments = get_args(annotation)
        annotation = arguments[-1] if get_origin(annotation) in (dict, list, tuple) and arguments else None
        if annotation is None:
            return None, None
    return _kind_of(_bare(annotation), at), info


def _bare(annotation: Any) -> Any:
    """The type without `Annotated` and without None; of several, the one with the most structure."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        options = [_bare(each) for each in get_args(annotation) if each is not type(None)]
        structured = [each for each in options if get_origin(each) or (isinstance(each, type) and _is_model(each))]
        return (structured or options or [None])[0]
    return annotation


def _is_model(annotation: type) -> bool:
    return issubclass(annotation, BaseModel)


def _kind_of(annotation: Any, data: object) -> Any:
    """The kind that the data names, where the type is a family of kinds."""
    if not (isinstance(annotation, type) and issubclass(annotation, Kind) and Kind in annotation.__bases__):
        return annotation
    name = data.get("kind") if isinstance(data, Mapping) else None
    return (annotation.find(name) if isinstance(name, str) else None) or annotation


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or kebab(name): field for name, field in model.model_fields.items()}


def _help(path: KeyPath, data: Any) -> Help | None:
    while path:
        annotation, info = type_at(data, path)
        if info is not None and path[-1] == "kind":
            kind, _ = type_at(data, path[:-1])
            name, _, about = (getattr(kind, "__doc__", "") or "").strip().partition("\n")
            return Help(path, name or "Kind", about.strip() or "What it is; its other keys depend on it.", "a name")
        if info is not None:
            is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
            description = info.description or ""
            if is_model and issubclass(annotation, Kind) and Kind not in annotation.__bases__:
                description = f"{description}\n{(annotation.__doc__ or '').strip()}".strip()
            default = "" if info.is_required() or info.default in (None, "") else _toml(info.get_default())
            examples = tuple(_toml(each) for each in info.examples or ())[:3]
            return Help(path, info.title or str(path[-1]), description, _type_text(annotation), examples, default)
        path = path[:-1]
    return None


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_toml(item)}' for key, item in value.items())} }}" if value else "{}"
    return str(value) if isinstance(value, int | float) else ""


def _type_text(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(map(_toml, get_args(annotation)))
    known = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
    if annotation in known:
        return known[annotation]
    return {list: "a list", dict: "a table"}.get(get_origin(annotation), "a table" if annotation else "")


# Completions


def _completions(place: _Place, data: Any, whole: Mapping[str, Any]) -> Iterator[Completion]:
    match place.mode:
        case "header":
            yield from _headers(place, whole)
        case "key":
            annotation, _ = type_at(data, place.table) if place.table else (Profile, None)
            known = _keys(place, data)
            fields: dict[str, FieldInfo] = {}
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                fields = _fields(annotation)
            titles = {name: _explained(field) for name, field in fields.items()}
            if _is_override(place.table):
                names = dict.fromkeys(overridable(data, place.table), "has a base value")
                fixed = NOT_OVERRIDABLE if len(place.table) == 2 else ()
                titles = names | {name: title for name, title in titles.items() if name not in fixed}
            for name, title in titles.items():
                if name in known and name != place.typed and not _is_open_table(known[name], place):
                    continue
                if _has_keys_after_dot(place, name, known.get(name), data, fields.get(name)):
                    yield Completion(name, title, ".")
                else:
                    value, inside = _VALUES.get(_value_kind(fields.get(name)), ("", 0))
                    yield Completion(name, title, " = ", value, inside)
        case "value":
            yield from _values(place, data, whole)


_VALUES = {"text": ('""', 1), "list": ("[]", 1), "kind": ('{ kind = "" }', 3), "table": ("{  }", 2)}
"""How a value is written that is not a number, a truth value or a table, and where the cursor belongs in it."""


def _value_kind(field: FieldInfo | None) -> str:
    """What a new value of this field is written as; "" if that is not known."""
    annotation = _bare(field.annotation) if field is not None else None
    if annotation is str or (
        get_origin(annotation) is Literal and all(isinstance(x, str) for x in get_args(annotation))
    ):
        return "text"
    if get_origin(annotation) is list:
        return "list"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "kind" if issubclass(annotation, Kind) and Kind in annotation.__bases__ else "table"
    return "table" if get_origin(annotation) is dict else ""


def _is_override(table: KeyPath) -> bool:
    return table[:1] == (TABLE,) and len(table) > 1


def _is_open_table(value: object, place: _Place) -> bool:
    """Whether more keys of a table that is there may be written by their paths: at the top, and in an environment."""
    return isinstance(value, Mapping) and (not place.table or _is_override(place.table))


def _has_keys_after_dot(place: _Place, name: str, there: object, data: Any, field: FieldInfo | None) -> bool:
    """Whether a key is that of a table whose keys are written after a dot, rather than a value of its own."""
    if not place.table:
        return get_origin(_bare(field.annotation)) is dict if field is not None else False
    if not _is_override(place.table):
        return False
    base = value_at(data, base_path(data, (*place.table, name)))
    if isinstance(base, list):
        return any(isinstance(each, Mapping) for each in base)
    return isinstance(base, Mapping) and bool(base) and not base.keys() & SOURCES  # which are replaced as a whole


def _meant(place: _Place, data: Any) -> Sequence[str]:
    """The keys that are meant by another word, which is typed."""
    annotation, _ = type_at(data, place.table) if place.table else (Profile, None)
    if place.mode != "key" or len(place.typed) < _FEW or not isinstance(annotation, type):
        return ()
    words = annotation.other_words if issubclass(annotation, Model) else {}
    return list(dict.fromkeys(key for word, key in words.items() if word.startswith(place.typed)))


_FEW = 2
"""Characters from which a word may be that of another key."""


def _keys(place: _Place, data: Any) -> Mapping[str, Any]:
    """What the table at a place has."""
    there = value_at(data, place.table) if place.table else data
    return there if isinstance(there, Mapping) else {}


def _keys_present(place: _Place, data: Any) -> tuple[str, ...]:
    if place.mode != "key" or not place.typed:
        return ()
    annotation, _ = type_at(data, place.table) if place.table else (Profile, None)
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    valid = _fields(annotation) if is_model else _keys(place, data)
    return tuple(each for each in _keys(place, data) if each.startswith(place.typed) and each in valid)


def _headers(place: _Place, data: Mapping[str, Any]) -> Iterator[Completion]:
    annotation, _ = type_at(data, place.table) if place.table else (Profile, None)
    annotation = _bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in _fields(annotation).items():
            inner = _bare(field.annotation)
            is_model = isinstance(inner, type) and issubclass(inner, BaseModel)
            element = _bare(get_args(inner)[0]) if get_origin(inner) is list else None
            is_list = isinstance(element, type) and issubclass(element, BaseModel)
            if is_list if place.key == "[[" else is_model or get_origin(inner) is dict:
                yield Completion(name, _explained(field))
    there = value_at(data, place.table)
    if _is_override(place.table):
        yield from (Completion(name) for name in overridable(data, place.table))
    elif get_origin(annotation) is dict and isinstance(there, Mapping):
        for name, part in there.items():
            yield Completion(str(name), _part_text(part))


def _values(place: _Place, data: Any, whole: Mapping[str, Any]) -> Iterator[Completion]:
    key = place.key or str(next((step for step in reversed(place.table) if isinstance(step, str)), ""))
    path = (*place.table, place.key) if place.key else place.table
    annotation, info = type_at(data, path)
    if not place.key and get_origin(annotation) is list:
        annotation = _bare(get_args(annotation)[0])
    template = _open_template(place)
    if template is not None:
        yield from (Completion(f"{template[0]}{name}(", "JMESPath function") for name in function_names())
        return
    quoted = place.quote != ""
    if _is_override(path) and annotation in (str, int, float, bool):
        base = value_at(data, base_path(data, path))
        if isinstance(base, str) if quoted else isinstance(base, str | int | float):
            yield Completion(base if quoted else _toml(base), "base value")

    def text(value: str, detail: str = "") -> Completion:
        return Completion(value if quoted else f'"{value}"', detail)

    if key == "kind":
        yield from (text(name, title) for name, title in _kinds(data, place.table))
    elif get_origin(annotation) is Literal:
        yield from (text(each) for each in get_args(annotation) if isinstance(each, str))
    elif annotation is bool and not quoted:
        yield from (Completion("true"), Completion("false"))
    elif names := _names(key, base_path(data, place.table), whole):
        yield from (text(name, detail) for name, detail in names.items())
    elif key == "uri" and "request" in place.table:
        yield from (text(each.path, each.title) for each in READABLE.values())
    elif not quoted and not place.typed and (tables := list(_inline_tables(annotation))):
        yield from tables
    elif info is not None:
        for example in info.examples or ():
            if isinstance(example, str):
                yield text(example, "example")
            elif not quoted and (written := _toml(example)):
                yield Completion(written, "example")
        if is_expression(info):
            yield from (Completion(f"{name}(", "JMESPath function") for name in function_names() if quoted)


def _inline_tables(annotation: Any) -> Iterator[Completion]:
    """The tables that a key may have: one for each kind, or for each source of a secret."""
    if annotation is SecretSource:
        for name, value, inside in _SOURCE_VALUES:
            yield Completion(f"{{ {name} = {value} }}", SecretSource.model_fields[name].title or "", inside=inside)
    elif isinstance(annotation, type) and issubclass(annotation, Kind) and Kind in annotation.__bases__:
        for name, title in _of_family(annotation):
            yield Completion(f'{{ kind = "{name}" }}', title, inside=2)


_SOURCE_VALUES = (("keyring", '""', 3), ("env", '""', 3), ("command", '[""]', 4), ("ask", "true", 0))
"""The sources of a secret: how the value is written, and how far before the end it is typed."""


def _open_template(place: _Place) -> tuple[str] | None:
    """What precedes the name that is typed in a placeholder; None outside placeholders."""
    opened = max(place.typed.rfind("&{"), place.typed.rfind("?{"), place.typed.rfind("@{"))
    if not place.quote or opened < 0 or "}" in place.typed[opened:]:
        return None
    name = re.search(r"\w*$", place.typed)
    return (place.typed[: name.start()] if name else place.typed,)


def _kinds(data: Any, table: KeyPath) -> Iterator[tuple[str, str]]:
    annotation, _ = type_at(data, table)
    family = annotation if isinstance(annotation, type) and issubclass(annotation, Kind) else None
    while family is not None and Kind not in family.__bases__:
        family = next((base for base in family.__mro__[1:] if issubclass(base, Kind)), None)
    if family is not None:
        yield from _of_family(family)


def _of_family(family: type[Kind]) -> Iterator[tuple[str, str]]:
    """The names of the kinds of a family, and their titles."""
    for name, kind in family.all_kinds().items():
        yield name, (kind.__doc__ or "").strip().partition("\n")[0].rstrip(".")


def _names(key: str, table: KeyPath, data: Mapping[str, Any]) -> dict[str, str]:
    """The names of the profile's parts that a key refers to, and what each is."""
    family = {"client": "clients", "authentications": "authentications", "incoming": "incoming"}.get(key)
    if family is None or (table[:1] == (key,) and table[-1:] != ("parent",)):
        return {}
    there = data.get(family)
    names = {str(name): _part_text(part) for name, part in there.items()} if isinstance(there, Mapping) else {}
    return {**names, DEFAULT_CLIENT: names.get(DEFAULT_CLIENT, _BUILT_IN)} if family == "clients" else names


_BUILT_IN = "always there, without plugins or authentication"


def _part_text(part: object) -> str:
    """What a part of the profile is: its title or description, or else its address, request or kind."""
    if not isinstance(part, Mapping):
        return ""
    plugins, request = part.get("plugins"), part.get("request")
    tables = [request, *(plugins if isinstance(plugins, list) else [])]
    addresses = [each.get("uri") for each in tables if isinstance(each, Mapping)]
    texts = [part.get("title"), part.get("description"), *addresses, part.get("kind")]
    return next((each.partition("\n")[0] for each in texts if isinstance(each, str) and each), "")


def _explained(field: FieldInfo) -> str:
    """The first sentence about a key, or its title."""
    first = (field.description or "").partition("\n")[0].partition(". ")[0].rstrip(".")
    return first or field.title or ""
