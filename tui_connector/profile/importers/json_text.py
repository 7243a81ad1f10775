"""JSON of other tools: parsed with typed errors, and read whatever its types are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from ...templates import Json
from .model import UNKNOWN, InvalidImport


def parse_json(text: str) -> Json:
    """The value of a JSON text. Raises `InvalidImport` with line and column."""
    try:
        value: Json = json.loads(text, parse_constant=_not_json)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidImport("import-syntax", f"invalid JSON: {error.msg}", "Is the file complete?", place) from error
    except RecursionError as error:
        raise too_deep() from error
    except ValueError as error:
        raise InvalidImport("import-syntax", f"invalid JSON: {error}") from error
    return value


def too_deep() -> InvalidImport:
    """The error for a text whose nesting cannot be read."""
    return InvalidImport("import-syntax", "it is nested too deeply", "No tool writes such a file.")


def _not_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON value")


def fields(value: Json) -> Mapping[str, Json]:
    """The fields of an object; none for any other value."""
    return value if isinstance(value, dict) else {}


def items(value: Json) -> list[Json]:
    """The items of a list; none for any other value."""
    return value if isinstance(value, list) else []


def text_in(data: Mapping[str, Json], key: str) -> str:
    """The text of a field, also of a number or a boolean; "" for anything else."""
    value = data.get(key)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace(UNKNOWN, "") if isinstance(value, str | int | float) else ""


class _NotJson:
    """Represents a body that is not JSON."""


NOT_JSON: Any = _NotJson()


def body_json(text: str | None) -> Any:
    """The value of a JSON text, in which variables need no quotes; `NOT_JSON` if it is not JSON."""
    if text is None:
        return None
    for written in (text, re.sub(rf"([:\[,]\s*)({UNKNOWN}[^{UNKNOWN}]*{UNKNOWN})(\s*[,\]}}])", r'\1"\2"\3', text)):
        try:
            return json.loads(written, strict=False)
        except RecursionError:
            return NOT_JSON
        except ValueError:
            continue
    return NOT_JSON
