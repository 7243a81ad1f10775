"""A request that can be changed before it is sent again: as a form, or in the user's own editor."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static, TextArea

from ...client.message import Headers, Request
from ...errors import InvalidValue, UserError
from ...files import write_private
from ...machine import Machine
from ...text import HTTP_TOKEN, shown, shown_line
from ..editor import edit
from ..keys import letter_bindings
from ..widgets.fields import SafeInput, SafeTextArea

# A request as a text that can be edited: method and URI, headers, an empty line, the body.


def as_text(request: Request) -> str:
    """The request as text. A body that is no UTF-8 loses what is none."""
    head = [f"{request.method} {request.uri}", *(f"{name}: {value}" for name, value in request.headers)]
    return "\n".join(head) + "\n\n" + request.body.decode("utf-8", "replace")


def from_text(text: str) -> Request:
    """The request that this text says. Raises `InvalidValue`."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, _, headers = head.partition("\n")
    method, _, uri = first.strip().partition(" ")
    if not re.fullmatch(r"[A-Za-z]+", method) or not uri.strip():
        raise InvalidValue("request-text", "Line 1 must be a method and a URI, such as: GET products/24-MB01")
    body = body.removesuffix("\n")  # editors end the last line
    return Request(method.upper(), uri.strip(), headers_of(headers, first_line=2), body.encode())


def headers_of(text: str, *, first_line: int = 1) -> Headers:
    """The headers in these lines. Raises `InvalidValue`."""
    headers = []
    for number, line in enumerate(text.split("\n"), start=first_line):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not HTTP_TOKEN.fullmatch(name.strip()):
            raise InvalidValue("request-text", f"Line {number} of the headers is not “Name: value”: {line[:60]}")
        headers.append((name.strip(), value.strip()))
    return tuple(headers)


_LARGEST = 50_000
"""Bytes of a body that the form shows; a text area needs seconds for more."""


class RequestForm(ModalScreen[Request | None]):
    """Method, URI, headers and body. What authenticates the request is not here: it is added when it is sent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave field, then back", id="form.leave", priority=True),
        *letter_bindings("t", "send", "Send", "form.send", "ctrl+r", "f5", show=True),
        *letter_bindings("o", "editor", "Open in $EDITOR", "form.editor"),
    ]

    def __init__(self, request: Request, machine: Machine, name: str) -> None:
        super().__init__()
        self._request, self._machine, self._called = request, machine, name
        body = request.body.decode("utf-8", "replace")
        # what the form cannot show as it is, it must not change
        self._body_shown = len(body) <= _LARGEST and shown(body) == body and body.encode() == request.body
        self._body = body

    def compose(self) -> ComposeResult:
        with Vertical(id="request-form"):
            title = f"Send {self._called} again with changes. The profile's authentication is added."
            yield Static(Content(shown_line(title)), classes="help-title")
            with Horizontal(classes="field"):
                yield Static(Content("Method"), classes="label")
                yield SafeInput(self._request.method, compact=True, id="again-method", select_on_focus=False)
            with Horizontal(classes="field"):
                yield Static(Content("URI"), classes="label")
                yield SafeInput(shown_line(self._request.uri), compact=True, id="again-uri", select_on_focus=False)
            yield Static(Content("Headers, one per line"), classes="heading")
            headers = "\n".join(f"{name}: {value}" for name, value in self._request.headers)
            yield SafeTextArea(shown(headers), compact=True, id="again-headers", tab_behavior="focus")
            yield Static(Content("Body"), classes="heading")
            if self._body_shown:
                yield SafeTextArea(self._body, compact=True, id="again-body", tab_behavior="focus")
            else:
                words = f"{len(self._request.body)} bytes, sent unchanged; o opens them in $EDITOR"
                yield Static(Content(words), id="again-body-words")
            yield Static("", id="again-told")
            with Horizontal(classes="buttons"):
                yield Button("Send", compact=True, id="again-send")
                yield Static(Content("Esc t: send · Esc o: open in $EDITOR · Esc Esc: back"), classes="heading")

    def on_mount(self) -> None:
        self.query_one("#again-uri", Input).focus()

    def changed(self) -> Request:
        """The request as the form has it. Raises `InvalidValue`."""
        headers = headers_of(self.query_one("#again-headers", TextArea).text)
        body = self.query_one("#again-body", TextArea).text.encode() if self._body_shown else self._request.body
        uri = self.query_one("#again-uri", Input).value.strip()
        method = self.query_one("#again-method", Input).value.strip().upper()
        if not method.isalpha() or not method.isascii():
            raise InvalidValue("request-text", f"{method!r} is not a valid method")
        if not uri:
            raise InvalidValue("request-text", "The URI is missing")
        return replace(self._request, method=method, uri=uri, headers=headers, body=body)

    @on(Button.Pressed, "#again-send")
    def action_send(self) -> None:
        """Sends, once the field has taken the keys that came before this one: it reads them in its own time."""
        (self.focused or self).call_later(self._send)

    def _send(self) -> None:
        try:
            self.dismiss(self.changed())
        except InvalidValue as error:
            self._tell(str(error))

    @on(Input.Submitted)
    def _next(self) -> None:
        self.focus_next()

    def action_leave(self) -> None:
        if isinstance(self.focused, Input | TextArea):
            self.set_focus(None)
        else:
            self.dismiss(None)

    def action_editor(self) -> None:
        """The whole request as text in the user's editor; what comes back is sent."""
        path = self._machine.directories.state / "request.http"
        try:
            request = self.changed()
            if request.body.decode("utf-8", "replace").encode() != request.body:
                raise InvalidValue("request-text", "The body is binary; an editor would change it")
            write_private(path, as_text(request).encode())
            edit(self.app, self._machine.environ, path)
            changed = from_text(path.read_text("utf-8"))
        except (UserError, UnicodeDecodeError, OSError) as error:
            self._tell(str(error))
        else:
            self.dismiss(replace(changed, about=request.about))
        finally:
            path.unlink(missing_ok=True)

    def _tell(self, words: str) -> None:
        self.query_one("#again-told", Static).update(Content(shown(f"✘ {words}")))
