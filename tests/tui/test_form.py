"""A kind that the program has never heard of gets its form from its schema: every sort of field, by keyboard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from form_app import Everything, FormApp, type_into
from guide_steps import no_demo
from pydantic import Field
from screens import until, until_shown
from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Input, OptionList, TextArea

from tui_connector.client.layer import Plugin
from tui_connector.client.model import HttpClient
from tui_connector.guide.steps import kind_schemas, summaries
from tui_connector.kinds import broken_packages, json_schema
from tui_connector.machine import Machine
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.widgets.choice import Choice
from tui_connector.tui.widgets.field_specs import FieldSpec, FieldType, field_specs
from tui_connector.tui.widgets.fields import TextField
from tui_connector.tui.widgets.form import Form
from tui_connector.tui.widgets.form_field import FormField


def test_every_field_of_a_schema_is_asked_for_in_its_own_way() -> None:
    types = {each.name: each.type for each in field_specs(json_schema(Everything))}
    assert types == {
        "text": FieldType.TEXT,
        "number": FieldType.INTEGER,
        "on": FieldType.BOOLEAN,
        "level": FieldType.CHOICE,
        "names": FieldType.LIST,
        "statuses": FieldType.LIST,
        "headers": FieldType.TABLE,
        "wait": FieldType.TEXT,
        "key": FieldType.SECRET,
        "other": FieldType.SECRET,
        "inner": FieldType.GROUP,
        "anything": FieldType.JSON,
        "maybe": FieldType.CHOICE,
    }


async def test_typed_values_become_data_of_the_right_types() -> None:
    app = FormApp(Everything, {"text": "so"})
    async with app.run_test(size=(80, 24)) as pilot:
        await type_into(pilot, app, "text", "up")
        await type_into(pilot, app, "number", "42")
        await type_into(pilot, app, "names", "a, b")
        await type_into(pilot, app, "statuses", "404,409")
        await type_into(pilot, app, "anything", '{"a": [1]}')
        await type_into(pilot, app, "depth", "deep")
        app.form.focus_on("on")
        await pilot.press("space")
        app.form.focus_on("level")
        await pilot.press("enter")
        await pilot.pause()
        app.screen.query_one(OptionList).highlighted = 1
        await pilot.press("enter")
        await pilot.pause()
    assert app.edits == {
        ("here", "text"): "soup",
        ("here", "number"): 42,
        ("here", "names"): ["a", "b"],
        ("here", "statuses"): [404, 409],
        ("here", "anything"): {"a": [1]},
        ("here", "inner", "depth"): "deep",
        ("here", "on"): True,
        ("here", "level"): "high",
    }


async def test_a_value_is_edited_at_its_end_in_every_field() -> None:
    app = FormApp(Everything, {"text": "so", "number": 4, "wait": "1"})
    async with app.run_test(size=(80, 24)) as pilot:
        await type_into(pilot, app, "text", "up")
        await type_into(pilot, app, "number", "2")
        await type_into(pilot, app, "wait", "s")
        app.form.focus_on("number")
        await pilot.pause()
    assert app.edits == {("here", "text"): "soup", ("here", "number"): 42, ("here", "wait"): "1s"}


async def test_the_cursor_is_at_the_end_of_a_value_that_was_filled_in_later() -> None:
    """As a suggested name is, once the store was found."""
    app = FormApp(Everything, {"text": "store"})
    async with app.run_test(size=(80, 24)) as pilot:
        app.field("text").query_one(TextField).value = "127-0-0-1"
        await type_into(pilot, app, "text", "x")
        await until(pilot, lambda: app.edits[("here", "text")] == "127-0-0-1x")


async def test_ctrl_u_deletes_a_value_of_one_line_wherever_the_cursor_is_and_ctrl_z_restores_it() -> None:
    app = FormApp(Everything, {"text": "127-0-0-1", "anything": {"a": 1}, "maybe": "b"})
    async with app.run_test(size=(80, 40)) as pilot:
        app.form.focus_on("text")
        await pilot.press("left", "left", "ctrl+u", *"acme")
        await until(pilot, lambda: app.edits == {("here", "text"): "acme"})
        await pilot.press("ctrl+z")
        await until(pilot, lambda: app.edits == {("here", "text"): "127-0-0-1"})
        await pilot.press("backspace", *"9", "ctrl+u", *"acme", "tab", "shift+tab", *"2", "ctrl+z")
        await until(pilot, lambda: app.edits["here", "text"] == "acme")
        await pilot.press("ctrl+z")  # also what was typed before the field was left
        await until(pilot, lambda: app.edits["here", "text"] == "127-0-0-9")
        await pilot.press("ctrl+z")
        await until(pilot, lambda: app.edits["here", "text"] == "127-0-0-1")
        await pilot.press(*"5", "ctrl+z", "ctrl+z", "ctrl+z")  # there is nothing before it
        await until(pilot, lambda: app.edits["here", "text"] == "127-0-0-1")
        assert app.focused is not None
        app.focused.post_message(events.Paste("\n-6\nand more"))
        await until(pilot, lambda: app.edits["here", "text"] == "127-0-0-1-6")
        said = [each.message for each in app._notifications]
        assert said == ["The field has one line: the first of 2 lines was pasted."]
        await pilot.press("ctrl+z")
        await until(pilot, lambda: app.edits["here", "text"] == "127-0-0-1")
        app.form.focus_on("maybe")
        await pilot.press("ctrl+u")
        await until(pilot, lambda: ("here", "maybe") in app.edits and app.edits["here", "maybe"] is None)


async def test_ctrl_z_undoes_the_last_change_of_a_form_in_whatever_field_it_was() -> None:
    data: dict[str, Any] = {"text": "a", "anything": {"a": 1}, "headers": {"X-A": "1", "X-B": "2"}}
    app = FormApp(Everything, data)
    async with app.run_test(size=(80, 44)) as pilot:

        def focus(name: str, *path: str) -> None:
            assert app.form.focus_at(("here", name, *path))

        async def becomes(name: str, value: Any) -> None:
            await until(pilot, lambda: app.edits.get(("here", name), "–") == value == app.form.data[name])

        focus("text")
        await pilot.press("b")
        focus("on")
        await pilot.press("space")
        await becomes("on", True)
        focus("headers", "X-B")
        await pilot.press("3")
        await becomes("headers", {"X-A": "1", "X-B": "23"})
        focus("level")
        await pilot.press("enter", "down", "enter")
        await becomes("level", "high")
        focus("anything")
        await pilot.press("ctrl+end", "4")
        await becomes("anything", '{\n  "a": 1\n}4')
        focus("text")
        await pilot.press("c")
        await becomes("text", "abc")
        focus("key")
        await pilot.press("ctrl+z")  # in the field of a secret it undoes nothing elsewhere
        focus("number")
        undone: tuple[tuple[str, Any], ...] = (
            ("text", "ab"),
            ("anything", data["anything"]),
            ("level", None),
            ("headers", data["headers"]),
            ("on", None),
            ("text", "a"),
        )
        for name, value in undone:
            await pilot.press("ctrl+z")
            await becomes(name, value)
            await until(pilot, lambda: app.focused in app.field(name).query("*"))  # noqa: B023
            if name == "headers":
                assert app.focused is app.field("headers").editor_at(("X-B",))
        assert app.form.data == data | {"level": None, "on": None}
        await pilot.press("ctrl+z")
        assert app.edits["here", "text"] == "a"


async def test_arrows_stay_in_several_lines_by_shown_rows_once_something_was_done_there(machine: Machine) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 40)) as pilot:
        data: dict[str, Any] = {"anything": "word " * 40}
        await app.screen.mount(Form(field_specs(json_schema(Everything)), data, (), lambda path, place: {}))
        form, area = app.screen.query_one(Form), app.screen.query_one("Form TextArea", TextArea)
        text = area.wrapped_document

        def row() -> int:
            return text.location_to_offset(area.cursor_location).y

        form.focus_on("anything")
        await until(pilot, lambda: text.height > 2)
        for expected in range(1, text.height):
            await pilot.press("down")
            assert row() == expected
        await pilot.press("down", "down")  # too many
        assert (app.focused, row()) == (area, text.height - 1)
        await pilot.press(*["up"] * (text.height + 2))
        assert (app.focused, row()) == (area, 0)
        field = form.field("anything")
        assert field is not None
        assert "Tab leaves the field." in field.help_text()
        for key, neighbour in (("up", "depth"), ("down", "maybe")):
            form.focus_on("text")
            area.move_cursor((0, 0) if key == "up" else area.document.end)
            form.focus_on("anything")
            await pilot.press(key)  # it is only passed by
            row_of_neighbour = form.field(neighbour)
            await until(pilot, lambda: row_of_neighbour in (app.focused.ancestors if app.focused else ()))  # noqa: B023
        form.focus_on("anything")
        await pilot.press(",", "down", *["up"] * (text.height + 2), ",")
        assert (app.focused, area.text.count(",")) == (area, 2)


async def test_the_label_of_the_focused_field_is_reversed(machine: Machine) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.screen.mount(Form(field_specs(json_schema(Everything)), {}, (), lambda path, place: {}))
        form = app.screen.query_one(Form)

        def marked() -> list[str]:
            rows = form.query(FormField)
            return [each.spec.name for each in rows if each.query_one(".label").styles.text_style.reverse]

        form.focus_on("level")
        await until(pilot, lambda: marked() == ["level"])
        form.focus_on("on")
        await until(pilot, lambda: marked() == ["on"])


_LABEL_WIDTH = 28
"""Of `#form-over .label`."""


def test_no_label_of_a_form_touches_its_value() -> None:
    schemas = [kind_schemas.client(), kind_schemas.step(), kind_schemas.outgoing(with_comparison=())]
    schemas += [kind_schemas.configuration("incoming"), *map(json_schema, Plugin.all_kinds().values())]
    for schema in schemas:
        for each in _with_kinds(field_specs(schema)):
            assert len(each.title) + (2 if len(each.path) > 1 else 0) < _LABEL_WIDTH, each.title


def _with_kinds(specs: Iterable[FieldSpec]) -> Iterator[FieldSpec]:
    for each in specs:
        yield each
        yield from _with_kinds([*each.inner, *(inner for kind in each.kinds for inner in kind.inner)])


async def test_emptied_field_removes_the_value() -> None:
    app = FormApp(Everything, {"text": "x", "on": True})
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_on("text")
        await pilot.press("backspace")
        app.form.focus_on("on")
        await pilot.press("enter")
        await pilot.pause()
    assert app.edits == {("here", "text"): None, ("here", "on"): None}


async def test_control_characters_are_visible_and_unchanged_in_the_data() -> None:
    hostile = "a\x1b]0;owned\x07\u202e[red]b"
    app = FormApp(Everything, {"text": hostile, "headers": {f"X{hostile}": hostile}, "names": [hostile]})
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert all("\x1b" not in entry.value and "\u202e" not in entry.value for entry in app.query(Input))
        assert not app.edits
        app.form.focus_on("wait")
        app.post_message(events.Paste("\n  2s\x1b[31m \nmore"))
        await pilot.pause()
    assert app.edits == {("here", "wait"): "2s\\x1b[31m"}


async def test_table_adds_an_empty_row_and_reports_duplicate_keys() -> None:
    app = FormApp(Everything, {"headers": {"X-Store": "nl"}})
    async with app.run_test(size=(80, 40)) as pilot:
        keys = list(app.field("headers").query(".key").results(Input))
        assert [key.value for key in keys] == ["X-Store", ""]
        keys[1].focus()
        await pilot.press(*"X-A", "enter", *"1")
        await pilot.pause()
        assert len(app.field("headers").query(".key")) == 3
        app.form.show_problems({("here", "headers", "X-A"): "not a value"})
        assert app.form.focus_on_problem()
        assert isinstance(app.focused, Input)
        assert app.focused.value == "1"
        name = ("here", "headers", "X-Store")
        app.form.show_problems({name: "not a name"}, [name])
        assert app.form.focus_on_problem()
        assert app.focused is keys[0]
        assert app.form.focus_at(name)
        assert isinstance(app.focused, Input)
        assert app.focused.value == "nl"
    assert app.edits == {("here", "headers"): {"X-Store": "nl", "X-A": "1"}}


async def test_enter_goes_from_value_to_value_and_to_a_name_only_where_it_is_empty() -> None:
    app = FormApp(Everything, {"headers": {"X-Store": "nl", "X-A": "1", "X-B": "2"}, "wait": ""})
    async with app.run_test(size=(80, 24)) as pilot:
        keys = list(app.field("headers").query(".key").results(Input))
        app.form.focus_on("names")
        await pilot.press("enter", "enter")  # past the statuses
        await pilot.press("_", "enter")
        await pilot.press("2", "enter")
        await pilot.press("3", "enter")
        assert app.focused is keys[-1]
        keys[0].focus()
        await pilot.press("enter", "x")
        await pilot.pause()
    assert app.edits == {("here", "headers"): {"X-Store": "nl_x", "X-A": "12", "X-B": "23"}}


async def test_arrows_stay_in_the_column_of_a_table_and_go_to_a_name_that_is_empty() -> None:
    app = FormApp(Everything, {"headers": {"X-Store": "nl", "X-A": "1"}})
    async with app.run_test(size=(80, 24)) as pilot:
        keys = list(app.field("headers").query(".key").results(Input))
        keys[0].focus()
        await pilot.press("enter", "down", "2")
        await pilot.press("up", "x")
        await pilot.press("down", "down")
        assert app.focused is keys[-1]
        await pilot.press("up", "Z")  # from name to name
    assert app.edits == {("here", "headers"): {"X-Store": "nlx", "X-AZ": "12"}}


async def test_two_rows_of_one_name_are_said_as_long_as_there_are_two() -> None:
    app = FormApp(Everything, {"headers": {"X-Store": "nl"}})
    async with app.run_test(size=(80, 40)) as pilot:
        keys = list(app.field("headers").query(".key").results(Input))
        keys[1].focus()
        await pilot.press(*"X-Store", "enter", *"1")
        await pilot.pause()
        app.form.show_problems({})  # as a check does
        assert app.form.focus_on_problem()
        assert app.focused is keys[1]
        await pilot.press("ctrl+u", *"X-A")
        await pilot.pause()
        assert not app.form.focus_on_problem()
    assert app.edits == {("here", "headers"): {"X-Store": "nl", "X-A": "1"}}


async def test_the_cursor_is_at_the_problem_of_a_field_of_json() -> None:
    app = FormApp(Everything, {"anything": {"a": {"b": 1, "c": 2}}})
    async with app.run_test(size=(80, 40)) as pilot:
        app.form.show_problems({("here", "anything", "a", "c"): "no"})
        assert app.form.focus_on_problem()
        area = app.field("anything").query_one(TextArea)
        assert area.text.split("\n")[area.cursor_location[0]][: area.cursor_location[1]].endswith('"c": 2')
        area.text = '{\n  "a": x\n}'
        await until(pilot, lambda: ("here", "anything") in app.edits)
        app.form.show_problems({("here", "anything"): "Invalid JSON"})
        assert app.form.focus_on_problem()
        assert area.cursor_location == (1, 7)
        area.text = '{\n  "a": 1,\n}'
        assert app.form.focus_on_problem()
        await pilot.press("backspace")  # what is wrong is selected
        assert area.text == '{\n  "a": 1\n}'
        await pilot.press("ctrl+z")
        await pilot.press("ctrl+u")  # the whole value, as in a field of one line
        assert area.text == ""
        await pilot.press("ctrl+z")
        assert area.text == '{\n  "a": 1,\n}'


async def test_problems_are_shown_at_fields_and_enter_on_the_last_posts_entered() -> None:
    broken_packages()
    app = FormApp(HttpClient, {"tls": {"verify": False}})
    async with app.run_test(size=(80, 40)) as pilot:
        app.form.show_problems({("here", "timeout"): "write a number and a unit", ("here", "tls", "ca-file"): "no"})
        await pilot.pause()
        screen = app.export_screenshot()
        assert "write&#160;a&#160;number&#160;and&#160;a&#160;unit" in screen
        app.form.text_fields[-1].focus()
        await pilot.press("enter")
        await pilot.pause()
    assert app.entered


_FORM, _STEP = (28, 45), (22, 56)
"""Columns of a label and of its field on a screen of 80 columns, in a form over it and in step 2."""


def _too_long(specs: Iterable[FieldSpec], columns: tuple[int, int], inside: str = "") -> Iterator[str]:
    """The labels, placeholders and kinds that such a form would cut, of the fields and of all that can be chosen."""
    label, field = columns
    for each in specs:
        path = f"{inside}{'.'.join(each.path)}"
        beside = len("→ variable ▾  32 of 32  ") if each.type is FieldType.SECRET else 0
        if len(each.title) + 2 * bool(inside) > label or len(each.hint) > field - beside:
            yield f"{path}: {each.title} | {each.hint}"
        for kind in each.kinds:
            if len(kind.title.partition(": ")[0]) + len(" ▾") > field:
                yield f"{path}: {kind.title}"
            if path.count("/") < 2:
                yield from _too_long(kind.inner, columns, f"{path}={kind.name}/")
        yield from _too_long(each.inner, columns, f"{path}/")


def test_no_label_or_placeholder_is_cut_at_80_columns() -> None:
    kinds = {name: kind_schemas.plugin(name) for name in kind_schemas.plugins()}
    schemas = [*kinds.values(), kind_schemas.client(), kind_schemas.step()]
    schemas += [kind_schemas.configuration("incoming"), kind_schemas.configuration("outgoing")]
    assert [each for schema in schemas if schema for each in _too_long(field_specs(schema), _FORM)] == []
    ways = {name: kind_schemas.authentication(name) for name in kind_schemas.authentications()}
    assert [each for schema in ways.values() if schema for each in _too_long(field_specs(schema), _STEP)] == []
    assert [title for title in kind_schemas.authentications().values() if len(f"{title} ▾") > _STEP[1]] == []


async def test_the_arrow_of_a_choice_stays_where_its_label_is_cut() -> None:
    class ChoiceApp(App[None]):
        def compose(self) -> ComposeResult:
            yield Choice({"a": "A title that is longer than twenty columns"}, "a")

    app = ChoiceApp()
    async with app.run_test(size=(20, 4)) as pilot:
        await until_shown(pilot, "A title that is l… ▾")


async def test_a_kind_of_another_package_has_a_form_and_a_line_in_the_list() -> None:
    class Shout(Plugin):
        """Shout at the store."""

        kind: Literal["shout-in-a-form-test"] = "shout-in-a-form-test"
        times: int = Field(1, title="Times", ge=1)

    try:
        titles = list(kind_schemas.plugins().values())
        assert "Shout at the store" in titles
        assert titles == sorted(titles, key=str.casefold)
        schema = kind_schemas.plugin("shout-in-a-form-test")
        assert schema is not None
        assert [each.title for each in field_specs(schema)] == ["Times"]
        assert summaries.plugin({"kind": "shout-in-a-form-test", "times": 3}) == "Shout at the store: times 3"
        app = FormApp(Shout, {"kind": "shout-in-a-form-test"})
        async with app.run_test() as pilot:
            await type_into(pilot, app, "times", "3")
        assert app.edits == {("here", "times"): 3}
    finally:
        del Plugin.family_kinds["shout-in-a-form-test"]
