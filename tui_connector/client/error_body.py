"""Whether the body of a response is an error, whatever its status: reading and sending judge by the same rule."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..templates import Json

_MAGENTO: Final = frozenset({"message", "parameters", "errors", "code", "trace"})
"""Magento's error envelope (Magento\\Framework\\Webapi\\ErrorProcessor)."""
_ANY: Final = _MAGENTO | {
    *("error", "error_code", "error_description", "error_message", "errorcode", "errormessage", "fault", "faults"),
    *("success", "successful", "ok", "status", "statuscode", "status_code", "result", "type", "title", "detail"),
    *("details", "instance", "timestamp", "path", "reason", "request_id", "requestid", "trace_id", "traceid"),
}
"""Names of members of error bodies, in lower case: an entity has others, too."""
_ENTITY_IDS: Final = frozenset({"id", "entity_id", "_id", "uuid", "guid"})
_BESIDE_MESSAGE: Final = frozenset({"search_criteria", "parameters", "trace"})
"""Names with which a message is that of Magento's error envelope, also in a list."""
REPORTING: Final = frozenset(
    {
        *("error", "errors", "faults", "fault", "success", "ok", "successful", "status", "result", "messages"),
        *("message", "_shards", *_ENTITY_IDS, *_BESIDE_MESSAGE),
    }
)
"""Names, in lower case, of all members by which `failure_beside_items` judges."""
_FAILED: Final = ("error", "fail", "failed", "failure")


def is_magento_uri(uri: str) -> bool:
    """Whether the address is one of Magento's REST API: /rest/V1/…, /rest/<store>/async/V1/…, or /V1/… (SaaS)."""
    return "/V1/" in uri.partition("?")[0]


def is_magento_error(names: Set[str], message: object) -> bool:
    """Whether an object with these names is Magento's error envelope."""
    return isinstance(message, str) and names <= _MAGENTO


def failure_name(body: Mapping[str, Json]) -> str | None:
    """The name of the member by which an object reports a failure, or None.

    A message alone is not a failure: "No records found", "Created".
    """
    for name, value in body.items():
        letters = name.lower()
        text = value.lower() if isinstance(value, str) else value
        if letters in ("error", "errors", "faults", "fault") and not _is_empty(value):
            return name
        if letters in ("success", "ok", "successful") and text in (False, "false", "0"):
            return name
        if letters in ("status", "result") and text in _FAILED:
            return name
        if letters == "messages" and isinstance(value, dict) and not _is_empty(value.get("error")):
            return name
    return None


def failure_beside_items(body: Mapping[str, Json]) -> str | None:
    """The name of the member by which an object around items reports that not all of them were sent, or None.

    Such a response may have a good status: GraphQL and JSON:API have `errors` beside the data, Elasticsearch the
    number of shards that failed. An object with an id is an entity, whose errors and status are its data.
    """
    if not _ENTITY_IDS.isdisjoint(body):
        return None
    if (name := failure_name(body)) is not None:
        return name
    shards = body.get("_shards")
    if isinstance(shards, dict) and not _is_empty(shards.get("failed")):
        return "_shards"
    is_of_magento = not _BESIDE_MESSAGE.isdisjoint(body)
    return "message" if is_of_magento and isinstance(body.get("message"), str) and body["message"] else None


def is_error(body: Json, *, of_magento: bool) -> bool:
    """Whether the body of a response is an error and nothing else.

    `of_magento`: any object with a message and nothing else is one; elsewhere it has to say that it is a failure. A
    fatal error of PHP in Magento is {"messages": {"error": [{"code": 500, "message": …}]}}.
    """
    if not isinstance(body, dict):
        return False
    messages = body.get("messages")
    if isinstance(messages, dict) and isinstance(messages.get("error"), list) and messages["error"]:
        return True
    if of_magento and is_magento_error(body.keys(), body.get("message")):
        return True
    names = {name.lower() for name, value in body.items() if not _is_empty(value)}
    return names <= _ANY and failure_name(body) is not None


def _is_empty(value: Json) -> bool:
    if isinstance(value, dict):
        return _is_zero(value.get("code")) or all(map(_is_empty, value.values()))
    text = value.strip().lower() if isinstance(value, str) else value
    return text in (None, False, "", "0", "false", "none", "null", "no", "ok", [])


def _is_zero(code: Json) -> bool:
    """Whether a code says that there is no error."""
    return code in (0, "0") and code is not False
