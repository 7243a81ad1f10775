"""Edits a request before it is sent: as a form, or as text in the user's editor."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static, TextArea

from ...client.message import METHODS, Request
from ...errors import InvalidValue, UserError
from ...guide.requests.resend import relative_uri
from ...machine import Machine
from ...secrets.mask import MARK
from ...text import shown, shown_line
from ..external_editor import edit_text
from ..keys import is_on_top, letter_bindings
from ..second_press import SecondPress
from ..unsent_requests import UnsentRequest
from ..widgets.focus_moves import move_focus
from ..widgets.frame import Dialog
from ..widgets.questions import DiscardScreen, WorkAnswer
from ..widgets.text_areas import SeveralLines
from .body_field import BodyField
from .form_note import FormNote
from .form_state import FormPlace
from .path_editor import FindPaths, PathEditor
from .query_editor import LEAST_ROWS, QueryEditor
from .request_text import (
    InvalidField,
    editable,
    edited_body,
    encoded_as,
    from_text,
    header_lines,
    in_field,
    is_lossy,
    json_error,
    method_of,
    parse_headers,
    split_query,
    to_text,
)
from .sending_question import confirm_request

_FEWEST_ROWS, _MOST_ROWS = 3, 8
"""Suggestions that are listed below a field at least and at most."""
_OTHER_ROWS = 13
"""Rows of the screen besides the query, the headers and suggestions, with three of the body."""
_MOST_HEADERS = 8
"""Rows of the headers."""
_METHOD_AND_PATH = re.compile(rf"\s*({'|'.join(METHODS)})\s+(.*)", re.IGNORECASE)


class RequestForm(Dialog[Request | None]):
    """A form for method, path, query, headers and body. Authentication is added when the request is sent.

    It returns the request to send. What may change the store is confirmed first.
    """

    AUTO_FOCUS = ""  # after a dialog, no field takes the focus that nothing had before
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="form.leave", priority=True),
        Binding("e", "edit", "Edit", id="form.edit", tooltip="Back to the field"),
        *letter_bindings("t", "send", "Send", "form.send", "f5", "ctrl+r", show=True),
        *letter_bindings("o", "editor", "$EDITOR", "form.editor", "ctrl+o", show=True),
        *letter_bindings("T", "fill_body", "Body", "form.body", "ctrl+t", show=True),
        *letter_bindings("v", "show_query", "As sent", "form.query", "f6", show=True),
    ]

    def __init__(
        self,
        request: Request,
        machine: Machine,
        title: str,
        base: str,
        paths: FindPaths | None = None,
        profile: str = "",
        missing: str = "",
        *,
        secrets: Callable[[], Awaitable[str]],
        unsent: UnsentRequest | None = None,
        begins_at: FormPlace | None = None,
    ) -> None:
        """`base` is an address of the store, for the question before sending.

        `paths` finds those to complete: first those that were kept, then those of the store. `missing` says what the
        log does not have of the request. `secrets` prompts for missing secrets, and returns why the request cannot be
        sent, or nothing. `unsent`: the request as it was edited before. `begins_at`: where its user was then; without
        it, where a request like this is edited most.
        """
        super().__init__()
        self._find_paths = paths
        self._original = self._request = request
        self._secrets, self._unsent, self._begins_at = secrets, unsent, begins_at
        self._machine, self._heading, self._base, self._profile = machine, title, base, profile
        self._missing = missing
        self._wrong = ("",) * 5
        """The texts of the fields that the error is about."""
        self._last_field: Input | TextArea | None = None
        """The field that has the focus, or had it last."""
        self._second_press = SecondPress()
        """Shows doubts of a request before it is sent: with the same key again, it is meant like this."""

    def compose(self) -> ComposeResult:
        with Vertical(id="request-form") as form:
            form.border_title = shown_line(self._heading)
            yield PathEditor(self._base, self._find_paths, self._fill_from_command)
            yield QueryEditor(lambda: self._target.target, self._share_rows)
            yield Static(Content("Headers, one per line; the profile's authentication is added"), classes="heading")
            yield SeveralLines(id="resend-headers")
            yield Static("", id="resend-body-heading", classes="heading")
            yield BodyField()
            yield FormNote()
            with Horizontal(classes="buttons"):
                yield Button("Send", compact=True, id="resend-send")

    def help_text(self) -> str:
        return (
            "A request\n"
            "Sent through the client of the profile, which adds its authentication. F5 sends it; Esc leaves the field "
            "(e returns to it), then the form.\n\n"
            "Path: as the store's documentation has it, such as orders/1, or a whole address. What you type is "
            "completed by the store's paths: → or Tab takes the first, ↓ chooses another one, Esc closes the list. A "
            "method before it goes into its own field, where Tab completes it; a pasted curl command fills the form."
            "\n\n"
            "Query: one parameter per line, decoded, or search criteria in short: where status = pending, sort "
            "created_at desc, page 1, 20 per page. Below the field is what is sent, and what is odd about it: F5 sends "
            "such a query only when pressed again. F6 shows all of it.\n\n"
            "Body: JSON that is invalid is marked. ^T fills an empty one with the fields that the store's schema "
            "requires; ^Z takes that back. ^O opens the whole request in $EDITOR."
        )

    def on_mount(self) -> None:
        self._fill(self._request if self._unsent is None else self._unsent.request)
        if self._begins_at is None or not self._begins_at.focus_in(self):
            self._likely_field().focus()
        if self._unsent is not None:
            self._show_error(self._unsent.reason)

    def _likely_field(self) -> Widget:
        """The field in which a request like this is edited most: its body, or else its query, or else its path."""
        body = self._body
        if self._target.method not in ("GET", "HEAD") and body.is_editable and (body.text or self._missing):
            return body
        return self._query.field if self._query.field.text else self._target.field

    @property
    def place(self) -> FormPlace | None:
        """Where its user is, or was last."""
        return FormPlace.of(self._last_field) if self._last_field is not None else None

    def on_resize(self) -> None:
        self._share_rows()

    @property
    def _body(self) -> BodyField:
        return self.query_one(BodyField)

    @property
    def _note(self) -> FormNote:
        return self.query_one(FormNote)

    @property
    def _target(self) -> PathEditor:
        """Method and path."""
        return self.query_one(PathEditor)

    def _texts(self) -> tuple[str, str, str, str, str]:
        """What is in the fields: method, path, query, headers and body."""
        method, path = (self.query_one(f"#resend-{each}", Input).value for each in ("method", "uri"))
        headers, body = (self.query_one(f"#resend-{each}", TextArea).text for each in ("headers", "body"))
        return method, path, self._query.field.text, headers, body

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _forget_error(self) -> None:
        """What was wrong with the text before may not be wrong with this one."""
        note = self._note
        if (note.has_class("bad") or note.has_class("odd")) and self._texts() != self._wrong:
            self._note.say("")

    @on(TextArea.Changed, "#resend-body")
    @on(TextArea.Changed, "#resend-headers")
    def _check_body(self) -> None:
        """Says in the heading of the body where it is not JSON but should be."""
        self._share_rows()
        if not self._body.is_editable:
            self._show_body_note(f"{len(self._request.body):,} bytes, sent unchanged; ^O opens the request in $EDITOR")
            return
        try:
            headers = parse_headers(self.query_one("#resend-headers", TextArea).text)
        except InvalidValue:  # sending says what is wrong with them
            headers = self._request.headers
        fault = json_error(replace(self._request, headers=headers, body=self._body.text.encode()))
        missing = f"complete the request: {self._missing}" if self._missing else ""
        offer = "^T: fields that the store requires" if self._least_body() else ""
        self._show_body_note(" · ".join(filter(None, [missing, f"✘ {fault}" if fault else offer])), bad=bool(fault))
        self.refresh_bindings()

    def _least_body(self) -> str:
        """The least that the body has by the store's schema, where it is still empty; "" where that is unknown."""
        if not self._body.is_blank:
            return ""
        known = self._target.target.known
        return known.bodies.get(self._target.method, "") if known is not None else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if (action == "show_query" and not self._query.is_noted) or (action == "edit" and self.focused is not None):
            return False
        return super().check_action(action, parameters)

    @property
    def key_titles(self) -> dict[str, str]:
        """Without ^T in the footer where there is no body to fill in."""
        return {} if self._least_body() else {"form.body": ""}

    def action_show_query(self) -> None:
        """Shows all parameters that are sent for the query."""
        self._query.show_whole_note()

    def action_fill_body(self) -> None:
        """Fills the empty body with what it needs at least; ^Z takes that back. Says why where it cannot."""
        if least := self._least_body():
            self._body.begin(least)
            return
        only_empty = "Only an empty body is filled with the fields that the store requires."
        why = (
            self._target.paths.why_no_fields(self._target.path, self._target.method)
            if self._body.is_blank
            else only_empty
        )
        self._show_error(why, self._body)

    def _show_body_note(self, words: str, *, bad: bool = False) -> None:
        heading = self.query_one("#resend-body-heading", Static)
        heading.update(Content(shown_line(f"Body · {words}" if words else "Body")))
        heading.set_class(bad, "bad")

    def _doubt_of_path(self) -> str:
        """Why the store may not have this path for this method, where they were edited; "" for nothing."""
        method, path = self._target.method, self._target.path
        before = self._original.method, shown_line(split_query(self._original.uri)[0])
        return self._target.paths.why_unknown(path, method) if (method, path) != before else ""

    @on(PathEditor.Changed)
    def _target_changed(self, message: PathEditor.Changed) -> None:
        """Shows what depends on method and path: what the query and the body can have."""
        if message.knows_more:
            self._query.suggest()
        self._share_rows()
        self._check_body()
        if message.knows_more:
            self._mark_path()

    def _mark_path(self) -> None:
        """Marks a path that the store may not have while another field has the focus: in it, its list says so."""
        note, field = self._note, self._target.field
        if note.has_class("bad"):
            return
        if self.focused is field:
            note.drop_doubt()
        elif doubt := self._doubt_of_path():
            self._wrong = self._texts()
            self._note.say(f"⚠ {doubt[0].upper()}{doubt[1:]}", tone="odd", field=field)

    @property
    def _query(self) -> QueryEditor:
        return self.query_one(QueryEditor)

    def _share_rows(self) -> None:
        """Gives query and headers the rows that leave the body in sight, and the suggestions what is left."""
        headers = self.query_one("#resend-headers", TextArea)
        is_listed = self._target.is_suggesting or self._query.is_suggesting
        room = self.size.height - _OTHER_ROWS
        free = room - _FEWEST_ROWS if is_listed else room
        lines = min(_MOST_HEADERS, headers.wrapped_document.height + 1, free // 3)
        headers.styles.max_height = lines = max(LEAST_ROWS, lines)
        rows = max(_FEWEST_ROWS, min(_MOST_ROWS, room - lines - self._query.fit(free - lines)))
        self._target.show_list(rows)
        self._query.show_list(rows)
        self.refresh_bindings()  # it may tell what is sent

    @on(events.DescendantFocus)
    def _on_focus_moved(self) -> None:
        if isinstance(self.focused, Input | TextArea):
            self._last_field = self.focused
        if self.focused is self._query.field:
            self._query.suggest()  # by the method and the path as they are by now
        self._mark_path()
        self._share_rows()

    def _fill(self, request: Request, method: str | None = None, headers: str | None = None) -> None:
        """Shows this request in the fields; this method and these headers, where they are given, may be invalid."""
        self._request = request
        path = shown_line(split_query(request.uri)[0])
        self._target.fill(request.method if method is None else shown_line(method), path)
        self._query.fill(request.uri)
        headers = header_lines(request.headers) if headers is None else headers
        self.query_one("#resend-headers", TextArea).text = shown(headers)
        self._body.fill(request.body)
        self._check_body()

    def _fill_from_command(self, text: str) -> None:
        """Fills the form from a pasted curl command, without its secrets."""
        from ...guide.profiles.importing import request_in_command

        try:
            request, left = request_in_command(text)
        except UserError as error:
            self._show_error(str(error))
            return
        self._fill(
            replace(
                self._request,
                method=request.method,
                uri=relative_uri(self._base, request.uri),
                headers=request.headers,
                body=request.body,
            )
        )
        self._note.say(f"Filled from the command, without {shown_line(', '.join(left), 200)}." if left else "Filled.")

    def edited_request(self) -> Request:
        """The request as edited. Raises `InvalidValue`."""
        with in_field("resend-method"):
            method = method_of(self._target.method_field.value)
        with in_field("resend-headers"):
            headers = parse_headers(self.query_one("#resend-headers", TextArea).text)
        path = self._target.path
        with in_field("resend-query"):
            query = self._query.encoded()
        if not path:
            raise InvalidField("resend-uri", "The path is missing")
        if parameter := self._target.paths.open_parameter(path):
            raise InvalidField("resend-uri", f"Replace {parameter} in the path with a value")
        uri = f"{path}{'&' if '?' in path else '?'}{query}" if query else path
        for before in (self._request.uri, self._original.uri):
            uri = encoded_as(uri, before)
        return replace(self._request, method=method, uri=uri, headers=headers, body=self._body.edited())

    @on(Button.Pressed, "#resend-send")
    def action_send(self) -> None:
        """Sends the request once the focused field has handled the keys before this one."""
        self.loading_message = "Checking the request"
        (self.focused or self).call_later(self._send)

    def _send(self) -> None:
        try:
            self._check_and_ask()
        finally:
            self.loading_message = ""

    def _check_and_ask(self) -> None:
        try:
            request = self.edited_request()
        except InvalidValue as error:
            self._show_invalid(error)
            return
        query_odd, path_odd = self._query.doubts(), self._doubt_of_path()
        odd = list(filter(None, [path_odd, *query_odd]))
        if odd and not self._second_press.accepts(self.app, (request.method, self._target.path, *odd)):
            if query_odd:
                self._query.show_doubts(query_odd)
            field = self._target.field if path_odd else self._query.field
            if path_odd:
                self._target.drop_words()
            self.set_focus(field)
            words = f"{path_odd}{'' if path_odd.endswith('?') else '.'}" if path_odd else "is the query what you mean?"
            self._show_error(f"Not sent: {words} F5 again: send it as it is.", field)
            return
        if self._missing and (MARK in request.uri or MARK.encode() in request.body):
            self._show_error(f"Replace each {MARK}: the log has no secrets.")
            return
        request = replace(request, about=replace(request.about, by_hand=True))
        send = partial(self._send_confirmed, request)
        confirm_request(self.app, request, self._base, self._profile, send)

    def _send_confirmed(self, request: Request) -> None:
        self.loading_message = "Reading the secrets"
        self.run_worker(self._send_with_secrets(request), group="send", exclusive=True)

    async def _send_with_secrets(self, request: Request) -> None:
        try:
            if refusal := await self._secrets():
                self._show_error(refusal)
            elif not is_on_top(self):  # which something else covers that has opened by itself
                self._show_error("Not sent: F5 sends it.")
            else:
                self.dismiss(request)
        finally:
            self.loading_message = ""

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        """Enter completes the path with the chosen one, or the first one of the list, or goes to the next field."""
        if event.input is not self._target.field or not self._target.enter():
            move_focus(self, 1)

    def action_leave(self) -> None:
        if self._target.close_list() or self._query.close_list():
            self._share_rows()
        elif isinstance(self.focused, Input | TextArea):
            self.set_focus(None)
            self._share_rows()
        elif self._changed():
            self.app.push_screen(DiscardScreen("the edited request"), self._leave)
        else:
            self.dismiss(None)

    def _changed(self) -> bool:
        try:
            return self.edited_request() != self._original
        except InvalidValue:
            return bool(self._original.uri or self._target.field.value)

    def unsaved_work(self) -> str:
        """What quitting would lose."""
        return "The edited request is lost: it was not sent." if self._changed() else ""

    def before_exit(self) -> None:
        """Nothing of it can be saved: its body may have secrets."""

    def _leave(self, answer: WorkAnswer | None) -> None:
        if answer == "discard":
            self.dismiss(None)

    def action_edit(self) -> None:
        """Returns to the field that was left."""
        self.set_focus(self._last_field or self._target.field)

    def action_editor(self) -> None:
        """Opens the request in the user's editor, also an invalid one. What is written there returns to the form.

        Nothing is sent.
        """
        body, before = self._body.edited(), self._as_text()
        if is_lossy(body):
            self._show_error("The body is binary; an editor would change it")
        else:
            take = partial(self._take_text, body, before)
            edit_text(self.app, self._machine, "request.http", before, take, self._show_error)

    def _take_text(self, body: bytes, before: str, after: str) -> None:
        """Shows what the user's editor made of the request that had this body, and was this text."""
        if after.removesuffix("\n") == before.removesuffix("\n"):
            self._note.say("Unchanged. Nothing was sent.")
            return
        written = from_text(after)
        if not written.method:
            self._show_error("The text that was saved is empty. The request was not changed.")
            return
        request = replace(self._request, uri=written.uri, body=edited_body(written.body, body))
        place = self.place
        self._fill(request, written.method, written.headers)
        if place is not None:
            place.restore(self.query_one(f"#{place.field}"))
        try:
            self.edited_request()
        except InvalidValue as error:
            self._show_invalid(error)
        else:
            self._note.say("Changed. F5 sends the request.")

    def _as_text(self) -> str:
        """The request as text: as it would be sent or, while it is invalid, as it is in the fields."""
        try:
            request = self.edited_request()
        except InvalidValue:
            method, path, query, headers, body = self._texts()
            lines = [line.strip() for line in query.split("\n") if line.strip()]
            return to_text(
                method, path, lines, headers, body if self._body.is_editable else editable(self._request.body)
            )
        return to_text(request.method, *split_query(request.uri), header_lines(request.headers), editable(request.body))

    def _show_invalid(self, error: InvalidValue) -> None:
        """Shows what is invalid; of a field, below it, where the focus goes."""
        field = self.query_one(f"#{error.field}") if isinstance(error, InvalidField) else None
        if field is self._query.field:
            self._query.show_fault(str(error))
            self._show_error("Not sent: correct the query first.", field)
        else:
            self._show_error(str(error), field)
        if field is not None:
            self.set_focus(field)

    def _show_error(self, words: str, field: Widget | None = None) -> None:
        self._wrong = self._texts()
        self._note.say(f"✘ {words}", tone="bad", field=field)
