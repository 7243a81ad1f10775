"""The error message of a response, with its parameters interpolated."""

from __future__ import annotations

import json
import re

from ..secrets.named_values import mask_addresses, mask_by_name
from ..text import beginning
from .message import Response

_MAX_LENGTH = 1_000


_NAMED = re.compile(r"%[A-Za-z]\w*")


def error_message(body: bytes) -> str:
    """The message of an error response, or "" if it has none; secrets are masked by name.

    Magento sends messages with `%name` or `%1` and the values separately
    (Magento\\Framework\\Webapi\\Rest\\Response). Other supported formats: OAuth 2 (RFC 6749 §5.2: error,
    error_description), problem details (RFC 9457: title, detail), JSON:API and GraphQL (a list of errors).
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(data, dict):
        return ""
    if not isinstance(data.get("message"), str):
        return _cut(_crash_message(data) or _other_message(data))
    texts = [_interpolated(data)]
    errors = data.get("errors")
    if isinstance(errors, list):
        texts += [_interpolated(error) for error in errors[:5] if isinstance(error, dict)]
    return _cut(" ".join(text for text in texts if text))


def _cut(text: str) -> str:
    return mask_by_name(beginning(text, _MAX_LENGTH))


def _crash_message(data: dict[str, object]) -> str:
    """The message of a fatal PHP error: {"messages": {"error": [{"code": 500, "message": …}]}}."""
    messages = data.get("messages")
    errors = messages.get("error") if isinstance(messages, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return str(first.get("message", "")) if isinstance(first, dict) else ""


def _other_message(data: dict[str, object]) -> str:
    errors = data.get("errors")
    if isinstance(errors, list) and errors:
        return " ".join(filter(None, map(_one_error, errors[:5])))
    error = data.get("error")
    if isinstance(error, dict):  # {"error": {"code": …, "message": …}}
        return _one_error(error)
    if isinstance(error, str):
        description = data.get("error_description")
        return f"{error}: {description}" if isinstance(description, str) and description else error
    status = data.get("status")
    is_problem = (isinstance(status, int) and status >= 400) or data.keys() <= {"detail", "code", "type", "title"}
    return _one_error(data) if is_problem and ("detail" in data or "type" in data) else ""


def _one_error(error: object) -> str:
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return ""
    parts = [error.get(name) for name in ("title", "detail", "message", "reason")]
    texts = list(dict.fromkeys(part for part in parts if isinstance(part, str) and part))
    return ": ".join(texts)


def _interpolated(error: dict[str, object]) -> str:
    message, parameters = str(error.get("message", "")), error.get("parameters")
    if isinstance(parameters, list):
        values = {str(number): value for number, value in enumerate(parameters, start=1)}
    else:
        values = parameters if isinstance(parameters, dict) else {}
    for name in sorted(values, key=len, reverse=True):  # %fieldName before %field
        value = values[name]
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        message = message.replace(f"%{name}", text)
    if isinstance(parameters, list) and (names := list(dict.fromkeys(_NAMED.findall(message)))):
        message = _with_unnamed(message, names, ["null" if each is None else str(each) for each in parameters])
    return message


def _with_unnamed(message: str, names: list[str], values: list[str]) -> str:
    """The message of Magento's price routes: the values of its `%names` come without them, in an order of their own."""
    if names == ["%fieldName", "%fieldValue"] and len(values) == len(names):
        return message.replace(names[0], values[0]).replace(names[1], values[1])
    return f"{message} ({', '.join(values)})"


def redirect_hint(response: Response) -> str:
    """Where a response redirects to, without secrets."""
    return f"It redirects to {mask_addresses(response.header('Location') or '') or 'an unknown address'}."
