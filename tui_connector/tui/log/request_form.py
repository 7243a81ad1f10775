"""Edits a request before it is sent: as a form, or as text in the user's editor."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester, SuggestionReady
from textual.widget import Widget
from textual.widgets import Button, Input, Static, TextArea
from textual.widgets.input import Selection

from ...client.json_text import indented, unescaped
from ...client.message import METHODS, Headers, Request
from ...client.printer import is_binary
from ...client.uri import absolute, canonical, is_absolute, origin_of, parameters, public_address, readable
from ...errors import InvalidValue, UserError
from ...files import write_private
from ...guide.resend import changes_nothing, schema_path
from ...machine import Machine
from ...secrets.mask import MARK
from ...text import HTTP_TOKEN, did_you_mean, shown, shown_line, why_invalid_json
from ...units import size
from ..dialogs import ConfirmScreen
from ..external_editor import edit
from ..importing.command_input import CommandInput
from ..keys import letter_bindings
from ..widgets import highlight
from ..widgets.fields import SafeInput, SeveralLines, move_focus
from ..widgets.frame import TONES, Dialog

_COMMENTS = (
    "# Method and URI (parameters may continue on the next lines), headers, an empty line, the body.",
    "# Nothing is sent when you leave the editor: the request returns to the form.",
)


def to_text(request: Request) -> str:
    """The request as text: method and URI, headers, an empty line, the body as `editable` returns it."""
    path, lines = split_query(request.uri)
    uri = "\n    &".join([f"{path}?{lines[0]}", *lines[1:]]) if lines else path
    head = [*_COMMENTS, f"{request.method} {uri}", *(f"{name}: {value}" for name, value in request.headers)]
    return "\n".join(head) + "\n\n" + editable(request.body)


def editable(body: bytes) -> str:
    """A body as text, JSON indented as the log shows it. Invalid UTF-8 is replaced."""
    text = body.decode("utf-8", "replace")
    pretty = indented(body) if is_json(body) else None
    return text if pretty is None or len(pretty) > _MAX_BODY else unescaped(pretty)


def edited_body(text: str, original: bytes) -> bytes:
    """The body that a text edited from `original` stands for: the same bytes where nothing was changed."""
    return original if text == editable(original) else text.encode()


def _method(text: str) -> str:
    method = text.strip().upper()
    if method not in METHODS:
        raise InvalidValue("request-text", f"{text!r} is not a method{did_you_mean(method, METHODS)}")
    return method


def from_text(text: str) -> Request:
    """Parses a request from the format of `to_text`. Raises `InvalidValue`."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    lines = head.split("\n")
    start = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    method, _, uri = (lines[start] if start < len(lines) else "").strip().partition(" ")
    if not re.fullmatch(r"[A-Za-z]+", method) or not uri.strip():
        raise InvalidValue(
            "request-text", f"Line {start + 1} must be a method and a URI, such as: GET products/24-MB01"
        )
    uri, end = uri.strip(), start + 1
    while end < len(lines) and lines[end].strip().startswith("&"):
        uri, end = uri + lines[end].strip(), end + 1
    body = body.removesuffix("\n")  # editors end the last line
    return Request(_method(method), uri, parse_headers("\n".join(lines[end:]), first_line=end + 1), body.encode())


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


def split_query(uri: str) -> tuple[str, list[str]]:
    """The address and its parameters, each decoded where that means the same."""
    path, _, query = uri.partition("?")
    return _decoded(path), [_decoded(part, is_parameter=True) for part in query.split("&")] if query else []


def _decoded(part: str, *, is_parameter: bool = False) -> str:
    """A path or a parameter as it is typed; what would be sent with another meaning stays encoded."""
    decoded = readable(part)
    if decoded != decoded.strip():  # the spaces at the ends of a line are not sent
        return part
    try:
        if is_parameter:
            sent = canonical(f"{_ANY_BASE}/?{decoded}").partition("?")[2]
            is_same = parameters(sent) == parameters(part)
        else:
            is_same = canonical(absolute(_ANY_BASE, decoded)) == canonical(absolute(_ANY_BASE, part))
    except InvalidValue:
        is_same = False
    return decoded if is_same else part


def _encoded_as(uri: str, original: str) -> str:
    """`uri` with the parts that it has in common with the original as they were sent, escapes included."""
    if uri == _joined(original):
        return original
    sent_path, _, sent_query = original.partition("?")
    sent = {_decoded(part, is_parameter=True): part for part in sent_query.split("&")}
    path, mark, query = uri.partition("?")
    path = sent_path if path == _decoded(sent_path) else path
    return path + mark + "&".join(sent.get(part, part) for part in query.split("&"))


_ANY_BASE = "https://host.invalid"


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
    head = body[:_MAX_BODY]
    if is_binary(head):
        return Content(f"\nIts body: {size(len(body))}, not text.")
    pretty = None if as_it_is else indented(head)
    text = highlight.json_(head.decode("utf-8", "replace") if pretty is None else unescaped(pretty))
    rest = f"\n… {size(len(body) - len(head))} more" if len(body) > len(head) else ""
    return Content.assemble(f"\nIts body, {size(len(body))}:\n", text, rest)


def is_json(body: bytes) -> bool:
    """Whether the body is valid JSON."""
    return not _json_fault(body)


def _json_fault(body: bytes) -> str:
    try:
        json.loads(body)
    except (ValueError, RecursionError) as error:
        return why_invalid_json(error)
    return ""


def json_error(request: Request) -> str:
    """Where the body is not JSON although it is declared, or begins, like it; "" where nothing is wrong."""
    declared = next((value for name, value in request.headers if name.lower() == "content-type"), "")
    if not request.body.strip() or (declared and "json" not in declared.lower()):
        return ""
    if not declared and not request.body.lstrip().startswith((b"{", b"[")):
        return ""
    fault = _json_fault(request.body)
    return f"The body is not valid JSON: {fault}" if fault else ""


class _InvalidField(InvalidValue):
    """A field of the form that is invalid."""

    def __init__(self, field: str, message: str) -> None:
        """`field` is the id of its widget."""
        super().__init__("request-text", message)
        self.field = field


@contextmanager
def _in_field(field: str) -> Iterator[None]:
    """Whatever is invalid was found in this field."""
    try:
        yield
    except InvalidValue as error:
        raise _InvalidField(field, error.message) from error


_FEWEST_PATHS, _OTHER_ROWS = 5, 19
"""Paths that are listed below the field at least, and rows of the screen that the list leaves to all else."""
_METHOD_AND_PATH = re.compile(rf"\s*({'|'.join(METHODS)})\s+(\S.*)", re.IGNORECASE)
_PARAMETER = re.compile(r"\{[^}]*\}|:\w+")
"""A parameter of a path in the schema."""
_MAX_BODY = 50_000
"""Maximum size of a body that the form shows; a text area needs seconds for more."""


class RequestForm(Dialog[Request | None]):
    """A form for method, path, query, headers and body. Authentication is added when the request is sent.

    It returns the request to send. What may change the store is confirmed first.
    """

    AUTO_FOCUS = ""  # after a dialog, no field takes the focus that nothing had before
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="form.leave", priority=True),
        *letter_bindings("t", "send", "Send", "form.send", "f5", "ctrl+r", show=True),
        *letter_bindings("o", "editor", "$EDITOR", "form.editor", "ctrl+o", show=True),
    ]

    @dataclass
    class PathsFound(Message):
        """The paths of the store's REST API and their methods."""

        paths: Mapping[str, tuple[str, ...]]

    def __init__(
        self,
        request: Request,
        machine: Machine,
        title: str,
        base: str,
        paths: Callable[[], Awaitable[Mapping[str, tuple[str, ...]]]] | None = None,
        profile: str = "",
        missing: str = "",
    ) -> None:
        """`base` is an address of the store, for the question before sending; `paths` finds those to complete.

        `missing` says what the log does not have of the request.
        """
        super().__init__()
        self._find_paths = paths
        self._paths: Mapping[str, tuple[str, ...]] = {}
        self._original = self._request = request
        self._machine, self._heading, self._base, self._profile = machine, title, base, profile
        self._missing = missing
        self._body_shown = False
        self._paths_shown = ""
        self._found: Sequence[str] = ()
        """The paths that fit what was typed."""
        self._chosen = -1
        """The index of the path that ↓ has chosen; -1 while the field is."""
        self._can_choose = False
        """Whether the paths are more than the one that was typed."""
        self._suggester: _PathSuggester | None = None
        self._left_field: Widget | None = None
        """The field that Esc has left last."""

    def compose(self) -> ComposeResult:
        with Vertical(id="request-form") as form:
            form.border_title = shown_line(self._heading)
            with Horizontal(classes="field"):
                yield Static(Content("Method"), classes="label")
                yield SafeInput(compact=True, id="resend-method")
            with Horizontal(classes="field"):
                yield Static(Content("Path"), classes="label")
                yield CommandInput(self._fill_from_command, id="resend-uri")
            yield Static("", id="resend-paths")
            yield Static(Content("Query, one parameter per line"), classes="heading")
            yield SeveralLines(id="resend-query")
            yield Static(Content("Headers, one per line; the profile's authentication is added"), classes="heading")
            yield SeveralLines(id="resend-headers")
            missing = f" · complete the request: {self._missing}" if self._missing else ""
            yield Static(Content(shown_line(f"Body{missing}")), classes="heading")
            yield SeveralLines(id="resend-body")
            yield Static("", id="resend-body-note")
            yield Static("", id="resend-error")
            with Horizontal(classes="buttons"):
                yield Button("Send", compact=True, id="resend-send")

    def on_mount(self) -> None:
        self._fill(self._request)
        self.query_one("#resend-uri", Input).focus()
        if self._find_paths is not None:
            self.run_worker(self._load_paths(self._find_paths))

    def on_resize(self) -> None:
        self._show_paths(self.query_one("#resend-uri", Input).value)

    async def _load_paths(self, find: Callable[[], Awaitable[Mapping[str, tuple[str, ...]]]]) -> None:
        self.post_message(self.PathsFound(await find()))

    def on_request_form_paths_found(self, message: PathsFound) -> None:
        self._paths = message.paths
        field = self.query_one("#resend-uri", Input)
        self._suggester = _PathSuggester(self._base, sorted(self._paths, key=len))
        field.suggester = self._suggester
        if completed := self._suggester.completed(field.value):  # for what was typed before
            field.post_message(SuggestionReady(field.value, completed))
        self._show_paths(field.value)

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _forget_error(self) -> None:
        """What was wrong with the text before may not be wrong with this one."""
        if self.query_one("#resend-error", Static).has_class("bad"):
            self._show_note("")

    @on(Input.Changed, "#resend-uri")
    def _path_changed(self, event: Input.Changed) -> None:
        """Lists paths; a method before the path, as in a log or a manual, goes into its own field."""
        if (found := _METHOD_AND_PATH.fullmatch(event.value)) and event.value == event.input.value:
            self.query_one("#resend-method", Input).value = found[1].upper()
            event.input.value = found[2]
            return
        self._show_paths(event.value)

    @on(Input.Changed, "#resend-method")
    def _method_changed(self, event: Input.Changed) -> None:
        """A whole method is replaced by what is typed next."""
        if isinstance(event.input, SafeInput):
            event.input.is_suggestion = event.value.strip().upper() in METHODS

    def _show_paths(self, typed: str) -> None:
        """Lists the paths of the store's schema that fit what was typed, shortest first."""
        target = schema_path(self._base, typed) if self._paths else ""
        wanted = (target or "").casefold()
        found = [path for path in self._paths if wanted in path.casefold() or _is_of(wanted, path.casefold())]
        found.sort(key=lambda path: (not path.casefold().startswith(wanted), len(path)))
        self._found, self._chosen = (found if target is not None else ()), -1
        self._can_choose = any(wanted in path.casefold() and wanted != path.casefold() for path in self._found)
        if self._find_paths is None:
            words = ""
        elif not self._paths:
            words = "The paths that the store offers are completed here once they are known."
        elif target is None:
            words = f"Paths are known only below {self._base}"
        elif not found:
            words = "The store's schema for this token has no such path."
        else:
            words = self._listed_paths()
        self._set_paths_text(words)

    def _listed_paths(self) -> str:
        """The paths as a list, of which the chosen one is in sight, and how to take one."""
        most = max(_FEWEST_PATHS, self.size.height - _OTHER_ROWS)
        first = max(0, self._chosen - most + 1)
        lines = [
            f"{'▸' if index == self._chosen else ' '} {path}  {' '.join(self._paths[path])}"
            for index, path in enumerate(self._found[first : first + most], first)
        ]
        left = len(self._found) - first - len(lines)
        more = f"+ {left} more · " if left else ""
        begun = self._suggester is not None and self._suggester.completed(self.query_one("#resend-uri", Input).value)
        keys = "Enter: take it" if self._chosen >= 0 else "→ or Enter: complete" if begun else "Enter: take the first"
        return "\n".join([*lines, f"  {more}{keys}{' · ↓: choose' if self._can_choose else ''}"])

    def _set_paths_text(self, words: str) -> None:
        if words == self._paths_shown:
            return
        note = self.query_one("#resend-paths", Static)
        note.display = bool(words) and self._is_in_path
        # another layout of the screen takes longer than all else that a key does
        note.update(Content(shown(words)), layout=words.count("\n") != self._paths_shown.count("\n"))
        self._paths_shown = words

    @property
    def _is_in_path(self) -> bool:
        """Whether the list of paths is wanted: while the path is typed, and while nothing has the focus."""
        return self.focused is None or self.focused.id == "resend-uri"

    def on_key(self, event: events.Key) -> None:
        """↓ in the path goes into the list of paths, and ↑ back; at its end, ↓ goes to the next field."""
        step = {"down": 1, "up": -1}.get(event.key, 0)
        chosen = self._chosen + step
        in_list = self.focused is not None and self.focused.id == "resend-uri" and bool(self._paths_shown)
        if step and in_list and self._can_choose and self._chosen >= min(0, -step) and chosen < len(self._found):
            event.stop()
            event.prevent_default()
            self._chosen = chosen
            self._set_paths_text(self._listed_paths())

    @on(events.DescendantFocus)
    def _close_paths(self) -> None:
        if self._chosen >= 0 and not self._is_in_path:
            self._chosen = -1
            self._set_paths_text(self._listed_paths())
        self.query_one("#resend-paths", Static).display = bool(self._paths_shown) and self._is_in_path

    def _fill(self, request: Request) -> None:
        """Shows this request in the fields."""
        self._request = request
        path, lines = split_query(request.uri)
        self.query_one("#resend-method", Input).value = request.method
        self.query_one("#resend-uri", Input).value = shown_line(path)
        self.query_one("#resend-query", TextArea).text = shown("\n".join(lines))
        headers = "\n".join(f"{name}: {value}" for name, value in request.headers)
        self.query_one("#resend-headers", TextArea).text = shown(headers)
        body = editable(request.body)
        # the form must not change what it cannot show unchanged
        self._body_shown = len(body) <= _MAX_BODY and shown(body) == body and not _is_lossy(request.body)
        area, note = self.query_one("#resend-body", TextArea), self.query_one("#resend-body-note", Static)
        area.text = body if self._body_shown else ""
        area.display, note.display = self._body_shown, not self._body_shown
        note.update(Content(f"{len(request.body)} bytes, sent unchanged; ^O opens the request in $EDITOR"))

    def _fill_from_command(self, text: str) -> None:
        """Fills the form from a pasted curl command, without its secrets."""
        from ...guide.profiles.importing import request_in_command

        try:
            request, left = request_in_command(text)
            origin = origin_of(self._base)
            below_base = request.uri.startswith(f"{self._base.rstrip('/')}/")
        except UserError as error:
            self._show_error(str(error))
            return
        # below another store code, the client would put its base URI before a path without the host
        uri = request.uri.removeprefix(origin) if below_base else request.uri
        self._fill(replace(self._request, method=request.method, uri=uri, headers=request.headers, body=request.body))
        self._show_note(f"Filled from the command, without {shown_line(', '.join(left), 200)}." if left else "Filled.")

    def edited_request(self) -> Request:
        """The request as edited. Raises `InvalidValue`."""
        with _in_field("resend-method"):
            method = _method(self.query_one("#resend-method", Input).value)
        with _in_field("resend-headers"):
            headers = parse_headers(self.query_one("#resend-headers", TextArea).text)
        original = self._request.body
        body = edited_body(self.query_one("#resend-body", TextArea).text, original) if self._body_shown else original
        path = self.query_one("#resend-uri", Input).value.strip()
        lines = [line.strip() for line in self.query_one("#resend-query", TextArea).text.split("\n")]
        query = "&".join(filter(None, lines))
        if not path:
            raise _InvalidField("resend-uri", "The path is missing")
        target = schema_path(self._base, path) if self._paths else None
        if target in self._paths and (parameter := _PARAMETER.search(target or "")):
            raise _InvalidField("resend-uri", f"Replace {parameter[0]} in the path with a value")
        uri = f"{path}{'&' if '?' in path else '?'}{query}" if query else path
        for before in (self._request.uri, self._original.uri):
            uri = _encoded_as(uri, before)
        return replace(self._request, method=method, uri=uri, headers=headers, body=body)

    @on(Button.Pressed, "#resend-send")
    def action_send(self) -> None:
        """Sends the request once the focused field has handled the keys before this one."""
        (self.focused or self).call_later(self._send)

    def _send(self) -> None:
        try:
            request = self.edited_request()
        except InvalidValue as error:
            self._show_invalid(error)
            return
        if self._missing and (MARK in request.uri or MARK.encode() in request.body):
            self._show_error(f"Replace each {MARK}: the log has no secrets.")
            return
        request = replace(request, about=replace(request.about, by_hand=True))
        confirm_request(self.app, request, self._base, self._profile, lambda: self.dismiss(request))

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        """Enter completes the path with the chosen one, or the first one of the list, or goes to the next field."""
        field = event.input
        if field.id == "resend-uri" and self._suggester is not None:
            path = self._suggester.completed(field.value)
            if self._chosen >= 0 or (path is None and self._can_choose):  # what was typed may be in its middle
                path = self._suggester.replaced(field.value, self._found[max(0, self._chosen)])
            if path is not None and path != field.value:
                field.value = path
                if value := _PARAMETER.search(path):  # what is typed next replaces it
                    field.selection = Selection(*value.span())
                return
        move_focus(self, 1)

    def action_leave(self) -> None:
        if isinstance(self.focused, Input | TextArea):
            self._left_field = self.focused
            self.set_focus(None)
        elif self._changed():
            question = ConfirmScreen("Discard the edited request?", yes="Discard", no="Keep editing")
            self.app.push_screen(question, self._discard)
        else:
            self.dismiss(None)

    def _changed(self) -> bool:
        try:
            return self.edited_request() != self._original
        except InvalidValue:
            return bool(self._original.uri or self.query_one("#resend-uri", Input).value)

    def _discard(self, yes: bool | None) -> None:
        if yes:
            self.dismiss(None)
        elif self.focused is None:
            self.set_focus(self._left_field)

    def action_editor(self) -> None:
        """Opens the request in the user's editor. The result returns to the form; nothing is sent."""
        path = self._machine.directories.state / "request.http"
        try:
            request = self.edited_request()
            if _is_lossy(request.body):
                raise InvalidValue("request-text", "The body is binary; an editor would change it")
            before = to_text(request)
            write_private(path, before.encode())
            edit(self.app, self._machine.environ, path)
            after = path.read_text("utf-8")
            if after.removesuffix("\n") == before.removesuffix("\n"):
                self._show_note("Unchanged. Nothing was sent.")
            else:
                edited = from_text(after)
                body = edited_body(edited.body.decode(), request.body)
                self._fill(replace(edited, body=body, about=request.about))
                self._show_note("Changed. F5 sends the request.")
        except InvalidValue as error:
            self._show_invalid(error)
        except (UserError, UnicodeDecodeError, OSError) as error:
            self._show_error(str(error))
        finally:
            path.unlink(missing_ok=True)

    def _show_invalid(self, error: InvalidValue) -> None:
        """Shows what is invalid; of a field, below it, where the focus goes."""
        field = self.query_one(f"#{error.field}") if isinstance(error, _InvalidField) else None
        self._show_error(str(error), field)
        if field is not None:
            self.set_focus(field)

    def _show_error(self, words: str, field: Widget | None = None) -> None:
        self._show_note(f"✘ {words}", bad=True, field=field)

    def _show_note(self, words: str, *, bad: bool = False, field: Widget | None = None) -> None:
        """Shows a note below this field, or above the buttons."""
        note, form = self.query_one("#resend-error", Static), self.query_one("#request-form")
        if field is None:
            form.move_child(note, before=form.query_one(".buttons"))
        else:
            row = next(each for each in form.children if each in field.ancestors_with_self)
            form.move_child(note, after=row)
        note.update(Content(shown(words)))
        note.set_class(bad, "bad")


class _PathSuggester(Suggester):
    """Completes a path of the schema, whether it is typed relative to the base URI or in full."""

    def __init__(self, base: str, paths: Sequence[str]) -> None:
        super().__init__(case_sensitive=True)  # the case of what is typed is kept
        self._base, self._known = base, paths

    async def get_suggestion(self, value: str) -> str | None:
        return self.completed(value)

    def replaced(self, value: str, path: str) -> str:
        """What was typed with this path, in the same form: relative to the base URI, or in full."""
        typed = schema_path(self._base, value) or ""
        return value.removesuffix(typed) + path if value.endswith(typed) else path

    def completed(self, value: str) -> str | None:
        """The first path that starts with what was typed."""
        typed = schema_path(self._base, value)
        if not typed or not value.casefold().endswith(typed.casefold()):
            return None
        start = typed.casefold()
        found = next((path for path in self._known if path.casefold().startswith(start)), None)
        return None if found is None else value + found[len(typed) :]


def _is_lossy(body: bytes) -> bool:
    """Whether the body as text would lose something: invalid UTF-8."""
    return body.decode("utf-8", "replace").encode() != body


def _joined(uri: str) -> str:
    path, lines = split_query(uri)
    return f"{path}?{'&'.join(filter(None, lines))}" if lines else path


def _is_of(typed: str, path: str) -> bool:
    """Whether this is a path of the schema with values in place of its variables, such as products/24-MB01."""
    parts, values = path.split("/"), typed.split("/")
    return len(parts) == len(values) and all(
        part == value or (part.startswith("{") and bool(value)) for part, value in zip(parts, values, strict=True)
    )
