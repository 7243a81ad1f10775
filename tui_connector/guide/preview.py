"""What a template makes of the store's real response, as the log has it: with its secrets masked."""

from __future__ import annotations

import json

from ..client.exchange import Exchange, Exchanges
from ..templates import Json, PlaceholderError, Scope, Template, as_data

_MASKED, _PLAIN = "•", "*"
"""What the log has instead of a secret, and what may are in a header in its place."""


def last_login(exchanges: Exchanges) -> Exchange | None:
    """The newest login that the store answered with a success."""
    good = (each for each in reversed(list(exchanges)) if each.purpose == "login" and each.status is not None)
    return next((each for each in good if each.status is not None and 200 <= each.status < 300), None)


def preview(template: str, source: str, login: Exchange | None) -> str:
    """The header's value as it comes out, or in words why there is none."""
    try:
        parsed = Template.parse(template)
        if login is None:
            return "shown after a login"
        headers: Json = {name.lower(): value.replace(_MASKED, _PLAIN) for name, value in login.headers}
        data = as_data(headers if source == "headers" else _body(login))
        return parsed.header(Scope(data)).replace(_PLAIN, _MASKED)
    except PlaceholderError as error:
        return f"✘ {error}"


def _body(login: Exchange) -> Json:
    text = login.body.data.decode("utf-8", "replace").replace(_MASKED, _PLAIN)
    if not text or text.startswith(f'"{_PLAIN}'):
        return _PLAIN * 3  # a bare token, of which the log keeps no more than its length
    try:
        found: Json = json.loads(text)
    except ValueError:
        return text
    return found
