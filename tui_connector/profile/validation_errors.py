"""What pydantic's errors mean: where in the data, in which words, and which key or value was probably meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidValue
from ..kinds import broken_packages
from ..misspelling import most_similar
from ..secrets.errors import LiteralSecret
from ..secrets.source import VARIABLE_PATTERN
from .found import Found
from .model import ModelPath
from .positions import value_at
from .table_models import as_type_of, keys_of, model_of, span_meant
from .unknown_keys import unknown_key

_CODES = {
    "extra_forbidden": "unknown-key",
    "missing": "missing",
    "union_tag_invalid": "unknown-kind",
    "union_tag_not_found": "missing-kind",
}
"""The codes of problems by pydantic's type of error; those with "_type" are "wrong-type", others "invalid-value"."""


def is_of_secret(error: Any) -> bool:
    """Whether the error is a secret as a literal value."""
    return isinstance(error.get("ctx", {}).get("error"), LiteralSecret)


def _code(error: Any) -> str:
    if is_of_secret(error):
        return "literal-secret"
    kind = str(error["type"])
    return _CODES.get(kind, "wrong-type" if kind.endswith("_type") else "invalid-value")


def found_of(data: Mapping[str, Any], error: Any) -> Found:
    """The problem that an error of pydantic reports (one of `ValidationError.errors`)."""
    path = _data_path(data, error["loc"])
    kind, context, code = error["type"], error.get("ctx", {}), _code(error)
    if kind == "extra_forbidden":
        return unknown_key(data, path)
    if kind == "missing":
        return Found(path, "is missing", code)
    if kind == "union_tag_invalid":
        known = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        broken = "".join(f"; the package {one.name} could not be loaded: {one.reason}" for one in broken_packages())
        message = f"unknown kind {context['tag']!r}{meant_among(context['tag'], known)}{broken}"
        return Found((*path, "kind"), message, code, most_similar(context["tag"], known))
    if kind == "union_tag_not_found":
        return Found(path, 'has no kind: add kind = "…"', code)
    if kind == "value_error":
        cause = context["error"]
        if isinstance(cause, InvalidValue):
            at = (*path, cause.key) if cause.key else path
            return Found(at, str(cause), code, at=cause.at, correction=cause.correction)
        return Found(path, str(cause), code, is_of_key=error["loc"][-1:] == ("[key]",))
    if kind == "literal_error":
        value, known = value_at(data, path), re.findall(r"'([^']*)'", context["expected"])
        near = most_similar(value, known) if isinstance(value, str) else ""
        return Found(path, f"must be {context['expected']}", code, near)
    if kind == "string_pattern_mismatch":
        if value_at(data, path) == "":
            return Found(path, _MESSAGES["string_too_short"], code, expected=kind)
        if (described := _PATTERNS.get(context["pattern"])) is not None:
            return Found(path, described, code, expected=kind)
    message = _MESSAGES.get(kind, error["msg"][:1].lower() + error["msg"][1:]).format(**context)
    return _wrong_type(data, error["loc"], Found(path, message, code, expected=kind))


def _wrong_type(data: Any, loc: tuple[int | str, ...], found: Found) -> Found:
    """A value of a wrong type: perhaps that of another key, or a command as it is typed in a shell."""
    key, model, written = str(found.path[-1]) if found.path else "", model_of(data, loc), value_at(data, found.path)
    if meant := span_meant(model, key, written):
        return found._replace(suggestion=meant)
    if found.code != "wrong-type" or model is None or not isinstance(written, str):
        return found
    if (meant := model.other_words.get(key, "")) in keys_of(model):
        return found._replace(message=f"{found.message}; did you mean {meant!r}?", suggestion=meant, is_of_key=True)
    return found._replace(value=as_type_of(model, key, written)) if key == "command" else found


_MESSAGES = {
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "list_type": "must be a list: [ … ]",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "invalid-json-value": "must be a JSON value: put dates in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "must not be longer than {max_length} characters",
    "string_pattern_mismatch": "does not match {pattern}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must not be empty",
    "too_long": "must not have more than {max_length}",
}


_PATTERNS = {VARIABLE_PATTERN: "must be the name of an environment variable: letters, digits and _, such as ACME_TOKEN"}
"""What a text must be instead of one that does not match."""


def _data_path(data: Any, loc: tuple[str | int, ...]) -> ModelPath:
    """pydantic's `loc` as a path of the data: without the tags of unions, with a missing key at its end."""
    path: list[str | int] = []
    for position, step in enumerate(loc):
        if isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        elif isinstance(data, dict) and step in data:
            data = data[str(step)]
        elif position != len(loc) - 1 or not isinstance(data, dict) or step == "[key]":
            continue  # the tag of a union, not a key
        path.append(step)
    return tuple(path)


def meant_among(wanted: str, names: Sequence[str]) -> str:
    """What follows an unknown name in a message: the one that was probably meant, or those that are known."""
    if near := most_similar(wanted, names):
        return f"; did you mean {near!r}?"
    return f"; known: {', '.join(map(repr, names))}" if names else ""
