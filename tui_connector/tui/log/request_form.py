"""Edits a request before it is resent: as a form, or as text in the user's editor."""

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


def to_text(request: Request) -> str:
    """The request as text: method and URI, headers, an empty line, the body. Invalid UTF-8 in the body is replaced."""
    head = [f"{request.method} {request.uri}", *(f"{name}: {value}" for name, value in request.headers)]
    return "\n".join(head) + "\n\n" + request.body.decode("utf-8", "replace")


def from_text(text: str) -> Request:
    """Parses a request from the format of `to_text`. Raises `InvalidValue`."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, _, headers = head.partition("\n")
    method, _, uri = first.strip().partition(" ")
    if not re.fullmatch(r"[A-Za-z]+", method) or not uri.strip():
        raise InvalidValue("request-text", "Line 1 must be a method and a URI, such as: GET products/24-MB01")
    body = body.removesuffix("\n")  # editors end the last line
    return Request(method.upper(), uri.strip(), parse_headers(headers, first_line=2), body.encode())


def parse_headers(text: str, *, first_line: int = 1) -> Headers:
    """Parses lines of headers. Raises `InvalidValue`."""
    headers = []
    for number, line in enumerate(text.split("\n"), start=first_line):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not HTTP_TOKEN.fullmatch(name.strip()):
            raise InvalidValue("request-text", f"Line {number} of the headers is not “Name: value”: {line[:60]}")
        headers.append((name.strip(), value.strip()))
    return tuple(headers)


_MAX_BODY = 50_000
"""Maximum size of a body that the form shows; a text area needs seconds for more."""


class RequestForm(ModalScreen[Request | None]):
    """A form for method, URI, headers and body. Authentication is added when the request is sent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave field, then back", id="form.leave", priority=True),
        *letter_bindings("t", "send", "Send", "form.send", "ctrl+r", "f5", show=True),
        *letter_bindings("o", "editor", "Open in $EDITOR", "form.editor"),
    ]

    def __init__(self, request: Request, machine: Machine, name: str) -> None:
        super().__init__()
        self._request, self._machine, self._label = request, machine, name
        body = request.body.decode("utf-8", "replace")
        # the form must not change what it cannot show unchanged
        self._body_shown = len(body) <= _MAX_BODY and shown(body) == body and body.encode() == request.body
        self._body = body

    def compose(self) -> ComposeResult:
        with Vertical(id="request-form"):
            title = f"Edit and resend {self._label}. The profile's authentication is added."
            yield Static(Content(shown_line(title)), classes="help-title")
            with Horizontal(classes="field"):
                yield Static(Content("Method"), classes="label")
                yield SafeInput(self._request.method, compact=True, id="resend-method", select_on_focus=False)
            with Horizontal(classes="field"):
                yield Static(Content("URI"), classes="label")
                yield SafeInput(shown_line(self._request.uri), compact=True, id="resend-uri", select_on_focus=False)
            yield Static(Content("Headers, one per line"), classes="heading")
            headers = "\n".join(f"{name}: {value}" for name, value in self._request.headers)
            yield SafeTextArea(shown(headers), compact=True, id="resend-headers", tab_behavior="focus")
            yield Static(Content("Body"), classes="heading")
            if self._body_shown:
                yield SafeTextArea(self._body, compact=True, id="resend-body", tab_behavior="focus")
            else:
                words = f"{len(self._request.body)} bytes, sent unchanged; o opens the request in $EDITOR"
                yield Static(Content(words), id="resend-body-note")
            yield Static("", id="resend-error")
            with Horizontal(classes="buttons"):
                yield Button("Send", compact=True, id="resend-send")
                yield Static(Content("Esc t: send · Esc o: open in $EDITOR · Esc Esc: back"), classes="heading")

    def on_mount(self) -> None:
        self.query_one("#resend-uri", Input).focus()

    def edited_request(self) -> Request:
        """The request as edited. Raises `InvalidValue`."""
        headers = parse_headers(self.query_one("#resend-headers", TextArea).text)
        body = self.query_one("#resend-body", TextArea).text.encode() if self._body_shown else self._request.body
        uri = self.query_one("#resend-uri", Input).value.strip()
        method = self.query_one("#resend-method", Input).value.strip().upper()
        if not method.isalpha() or not method.isascii():
            raise InvalidValue("request-text", f"{method!r} is not a valid method")
        if not uri:
            raise InvalidValue("request-text", "The URI is missing")
        return replace(self._request, method=method, uri=uri, headers=headers, body=body)

    @on(Button.Pressed, "#resend-send")
    def action_send(self) -> None:
        """Sends the request once the focused field has handled the keys before this one."""
        (self.focused or self).call_later(self._send)

    def _send(self) -> None:
        try:
            self.dismiss(self.edited_request())
        except InvalidValue as error:
            self._show_error(str(error))

    @on(Input.Submitted)
    def _next(self) -> None:
        self.focus_next()

    def action_leave(self) -> None:
        if isinstance(self.focused, Input | TextArea):
            self.set_focus(None)
        else:
            self.dismiss(None)

    def action_editor(self) -> None:
        """Opens the request in the user's editor, and sends the result."""
        path = self._machine.directories.state / "request.http"
        try:
            request = self.edited_request()
            if request.body.decode("utf-8", "replace").encode() != request.body:
                raise InvalidValue("request-text", "The body is binary; an editor would change it")
            write_private(path, to_text(request).encode())
            edit(self.app, self._machine.environ, path)
            edited_request = from_text(path.read_text("utf-8"))
        except (UserError, UnicodeDecodeError, OSError) as error:
            self._show_error(str(error))
        else:
            self.dismiss(replace(edited_request, about=request.about))
        finally:
            path.unlink(missing_ok=True)

    def _show_error(self, words: str) -> None:
        self.query_one("#resend-error", Static).update(Content(shown(f"✘ {words}")))
