"""What a store said of an error, its parameters filled in."""

from __future__ import annotations

import json


def error_message(body: bytes) -> str:
    """The message of an answer, or nothing where it has none.

    Magento leaves `%name` or `%1` in its messages and sends the values beside them
    (Magento\\Framework\\Webapi\\Rest\\Response).
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(data, dict):
        return ""
    if not isinstance(data.get("message"), str):
        return _of_a_crash(data)
    texts = [_filled_in(data)]
    errors = data.get("errors")
    if isinstance(errors, list):
        texts += [_filled_in(error) for error in errors[:5] if isinstance(error, dict)]
    return " ".join(text for text in texts if text)[:1_000]


def _of_a_crash(data: dict[str, object]) -> str:
    """The message of PHP's last gasp: {"messages": {"error": [{"code": 500, "message": …}]}}."""
    messages = data.get("messages")
    errors = messages.get("error") if isinstance(messages, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return str(first.get("message", ""))[:1_000] if isinstance(first, dict) else ""


def _filled_in(error: dict[str, object]) -> str:
    message, parameters = str(error.get("message", "")), error.get("parameters")
    if isinstance(parameters, list):
        values = {str(number): value for number, value in enumerate(parameters, start=1)}
    else:
        values = parameters if isinstance(parameters, dict) else {}
    for name in sorted(values, key=len, reverse=True):  # %fieldName before %field
        value = values[name]
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        message = message.replace(f"%{name}", text)
    return message
