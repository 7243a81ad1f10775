"""The tasks for what a source has read; what can never be sent is a failed task from the start."""

from __future__ import annotations

import json
import re

from ..secrets.mask import Mask
from ..templates import Json
from .source import BadEntity, SourceEntity
from .tasks import NewTask

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""A NUL in a JSON text; "u0000" after an escaped backslash is plain text."""


def new_task(read: SourceEntity | BadEntity, identifier_field: str | None, mask: Mask) -> NewTask:
    """The task for what a source has read; it is a failed one if that can never be sent."""
    if isinstance(read, BadEntity):
        return NewTask(read.line, "", None, "failed", read.message, "source-line", read.text)
    try:
        text = json.dumps(read.data, allow_nan=False)
    except (ValueError, RecursionError) as error:
        why = "is nested too deeply" if isinstance(error, RecursionError) else "contains a number that is too large"
        return NewTask(read.line, "", None, "failed", f"The entity {why}", "source-line")
    try:
        identifier = _identifier_of(read.data, identifier_field)
    except ValueError as error:
        return NewTask(read.line, "", None, "failed", f"The entity cannot be used: {error}", "source-line")
    if _NUL.search(text):
        message = "The entity contains a NUL character, which no store accepts"
        return NewTask(read.line, identifier.replace("\0", "\\0"), None, "failed", message, "nul")
    if mask.mask_known(text) != text:
        message = "The entity contains a secret of this profile: it was neither stored nor sent"
        return NewTask(read.line, "", None, "failed", message, "secret")
    if identifier_field is not None and not identifier:
        message = f"The entity has no {identifier_field!r}, which identifies it"
        if not isinstance(read.data, dict):
            what = "a list" if isinstance(read.data, list) else "one value"
            message = f"The line contains {what}, not an object with the identifier {identifier_field!r}"
        return NewTask(read.line, "", text, "failed", message, "identifier-missing")
    return NewTask(read.line, identifier, text)


def _identifier_of(entity: Json, field: str | None) -> str:
    """The entity's identifier as text; "" if it has none. Raises ValueError if it cannot be stored."""
    value = entity.get(field) if field is not None and isinstance(entity, dict) else None
    if value is None or isinstance(value, dict | list):
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("its identifier contains half a character (a lone surrogate)") from error
    return text
