"""The responses that a task keeps: those of earlier steps, to continue its chain, and the last one of a failed task."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..client.message import Response
from ..secrets.mask import Mask
from ..templates import Json
from .errors import SendResult

_KEPT = 4_000
"""Characters of the last response that are kept with a failed task."""
_MASKED = "masked"
"""Marks a recorded response that contained a secret."""


def recorded(responses: Mapping[str, Json], mask: Mask, last: Response | None = None) -> str | None:
    """Responses by step as JSON, masked; the beginning of `last` under the empty name. None if there is nothing."""
    found: dict[str, Json] = {name: _masked(each, mask) for name, each in responses.items()}
    if last is not None:
        text = mask.text(last.body[: 4 * _KEPT].decode("utf-8", "replace"))[:_KEPT]
        found[""] = {"status": last.status, "body": text}
    return json.dumps(found) if found else None


def _masked(response: Json, mask: Mask) -> Json:
    """A response for the disk. One that contained a secret is marked: the chain cannot continue with it."""
    text = json.dumps(response)
    masked = mask.body(text.encode(), "application/json").decode("utf-8", "replace")
    if masked == text:
        return response
    try:
        shown: Json = json.loads(masked)
    except ValueError:
        shown = masked
    return {**shown, _MASKED: True} if isinstance(shown, dict) else {_MASKED: True, "body": shown}


def was_masked(response: Json) -> bool:
    """Whether a recorded response contained a secret, so that it is not the response that the store sent."""
    return isinstance(response, dict) and response.get(_MASKED) is True


def as_read(result: SendResult) -> Json:
    """The response as later steps of a chain read it: status, headers by lower-case names, and body."""
    assert result.response is not None
    headers: dict[str, Json] = {name.lower(): value for name, value in result.response.headers}
    return {"status": result.response.status, "headers": headers, "body": result.body}
