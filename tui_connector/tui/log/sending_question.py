"""The question before a request is sent that may change the store, or whose body is invalid."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App
from textual.content import Content

from ...client.json_text import indented, unescaped
from ...client.message import Request
from ...client.printer import is_binary
from ...client.uri import absolute, is_absolute, origin_of, public_address, readable
from ...errors import InvalidValue
from ...guide.requests.resend import changes_nothing
from ...text import shown_line
from ...units import size
from ..widgets import highlight
from ..widgets.frame import TONES
from ..widgets.questions import ConfirmScreen
from .request_text import MAX_SHOWN, json_error


def sending_question(request: Request, base: str, profile: str = "") -> Content:
    """The question before a request that may change the store; `base` is an address of the store."""
    try:
        uri = absolute(base, request.uri)
        is_whole = is_absolute(request.uri) or request.uri.startswith("/")  # otherwise the client adds its base URI
        target = uri.removeprefix(origin_of(uri)) if is_whole else request.uri
        path, store = readable(target).partition("?")[0], origin_of(uri)
    except InvalidValue:
        path, store = request.uri, base
    of = f"the store of {shown_line(profile, 100)}, " if profile else ""
    what = f"{shown_line(request.method, 100)} {shown_line(path, 200)}"
    question = f"Send {what}\nto {of}{shown_line(public_address(store), 200)}?"
    fault = json_error(request)
    return Content.assemble(
        question,
        "" if changes_nothing(request) else "\nIt may change the store.",
        (f"\n✘ {shown_line(fault, 400)}", TONES["error"]) if fault else "",
    )


def confirm_request(app: App[object], request: Request, base: str, profile: str, send: Callable[[], object]) -> None:
    """Calls `send`, after a question with the body where the request may change the store or its body is invalid."""
    is_invalid = bool(json_error(request))
    if changes_nothing(request) and not is_invalid:
        send()
        return

    def answered(yes: bool | None) -> None:
        if yes:
            send()

    question = sending_question(request, base, profile)
    yes = "Send it anyway" if is_invalid else "Send"
    body = _body_text(request.body, as_it_is=is_invalid)
    app.push_screen(ConfirmScreen(question, title="Send a request", yes=yes, no="Cancel", details=body), answered)


def _body_text(body: bytes, *, as_it_is: bool) -> Content:
    """A body, indented if it is JSON, unless it is shown as it is; what is left out of a large one."""
    if not body:
        return Content("\nIt has no body.")
    head = body[:MAX_SHOWN]
    if is_binary(head):
        return Content(f"\nIts body: {size(len(body))}, not text.")
    pretty = None if as_it_is else indented(head)
    text = highlight.json_(head.decode("utf-8", "replace") if pretty is None else unescaped(pretty))
    rest = f"\n… {size(len(body) - len(head))} more" if len(body) > len(head) else ""
    return Content.assemble(f"\nIts body, {size(len(body))}:\n", text, rest)
