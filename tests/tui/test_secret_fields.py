"""The fields of a form for secrets: typed, pasted, replaced on purpose, and read from elsewhere."""

from __future__ import annotations

import pytest
from form_app import Everything, FormApp, FourTokens, TwoSecrets, type_into
from screens import said_by, until
from textual import events
from textual.widgets import Input, OptionList

from tui_connector.client.authentication.header import HeaderSecret
from tui_connector.tui.widgets.fields import TextField
from tui_connector.tui.widgets.secret import Secret


async def test_secrets_are_posted_and_not_stored_in_the_widget() -> None:
    app = FormApp(Everything, {"key": {"keyring": "a/key"}})
    async with app.run_test(size=(80, 24)) as pilot:
        await type_into(pilot, app, "key", "CANARY-typed")
        await pilot.press("enter")
        await pilot.pause()
        assert all("CANARY" not in entry.value for entry in app.query(Input))
        assert "CANARY" not in app.export_screenshot()
    assert app.typed == {("here", "key"): "CANARY-typed"}
    assert not app.edits


async def test_length_of_a_typed_secret_is_shown_immediately() -> None:
    app = FormApp(Everything, {"key": {"keyring": "a/key"}})

    def mark() -> str:
        return said_by(app.field("key"), ".mark")

    async with app.run_test(size=(80, 24)) as pilot:
        app.form.held(("here", "key"), "••••••••")
        app.form.focus_on("key")
        for keys, expected in (
            (["delete", "a"], "1"),
            (["b", "c"], "3"),
            (["backspace"], "2"),
            (["backspace"] * 2, "8"),
        ):
            await pilot.press(*keys)
            await pilot.pause()
            assert mark() == expected


async def test_a_secret_that_is_there_is_replaced_only_on_purpose() -> None:
    app = FormApp(Everything, {"key": {"keyring": "a/key"}})
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.held(("here", "key"), "••••••••")
        app.form.focus_on("key")
        await pilot.press(*"tq5", "tab")
        await pilot.pause()
        assert app.typed == {}
        app.form.focus_on("key")
        await pilot.press("delete", *"CANARY-new", "enter")
        await until(pilot, lambda: app.typed == {("here", "key"): "CANARY-new"})


async def test_a_secret_can_come_from_elsewhere() -> None:
    app = FormApp(Everything, {})
    async with app.run_test(size=(80, 24)) as pilot:
        secret = app.field("key").editor
        assert isinstance(secret, Secret)
        for option, text in ((1, "key_2"), (2, "pass show 'a b'")):
            secret.query("Choice").first().focus()
            await pilot.press("enter")
            await pilot.pause()
            app.screen.query_one(OptionList).highlighted = option
            await pilot.press("enter")
            await pilot.pause()
            await pilot.press(*(["ctrl+u"] if option == 1 else []), *text, "tab")
            await pilot.pause()
            if option == 1:
                assert app.edits == {("here", "key"): {"env": "key_2"}}
    assert app.edits == {("here", "key"): {"command": ["pass", "show", "a b"]}}


@pytest.mark.parametrize("how", ["pasted", "typed", "typed in place of the name", "typed before its end"])
async def test_a_secret_entered_as_the_name_of_a_variable_becomes_its_value(how: str) -> None:
    app = FormApp(Everything, {"key": {"env": "ACME_KEY"}})
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_on("key")
        if how == "pasted":
            app.post_message(events.Paste("1canary1" * 4))
        else:
            keys = {"typed in place of the name": ["ctrl+u"], "typed before its end": ["left", "left"]}
            await pilot.press(*keys.get(how, []), *"1canary1" * 4, "tab")
        await until(pilot, lambda: app.typed == {("here", "key"): "1canary1" * 4})
        assert app.field("key").query_one(TextField).value == "ACME_KEY"
    assert app.edits == {}


async def test_a_name_pasted_over_that_of_a_variable_replaces_it() -> None:
    app = FormApp(Everything, {"key": {"env": "ACME_KEY"}})
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_on("key")
        app.post_message(events.Paste("OTHER_KEY\n"))
        await pilot.press("tab")
        await until(pilot, lambda: app.edits == {("here", "key"): {"env": "OTHER_KEY"}})


async def test_right_at_the_end_of_a_name_goes_to_its_value() -> None:
    app = FormApp(Everything, {})
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_on("headers")
        await pilot.press(*"Xy", "left", "right")
        assert app.focused is app.field("headers").query(".key").first()
        await pilot.press("right")
        assert app.focused is app.field("headers").query(".value").first()


@pytest.mark.parametrize("how", ["pasted", "typed"])
async def test_a_token_is_refused_as_a_command(how: str) -> None:
    app = FormApp(Everything, {"key": {"command": ["pass", "show", "acme"]}})
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_on("key")
        if how == "pasted":
            app.post_message(events.Paste("1canary1" * 4))
        else:
            await pilot.press("space", *"1canary1" * 4, "tab")
        await until(pilot, lambda: bool(app._notifications))
        await until(pilot, lambda: app.field("key").query_one(TextField).value == "pass show acme")
    assert (app.edits, app.typed) == ({}, {})


async def test_paste_of_several_values_fills_the_following_fields() -> None:
    app = FormApp(Everything, {})
    one, two = "1canary1" * 4, "2canary2" * 4
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_on("key")
        app.post_message(events.Paste(f"first: {one}\nsecond: {two}\n"))
        await pilot.pause()
    assert app.typed == {("here", "key"): one, ("here", "other"): two}


async def test_labelled_tokens_go_to_the_fields_that_their_labels_name() -> None:
    app = FormApp(FourTokens, {})
    values = {each.replace("_", "-"): f"{at}canary{at}" * 4 for at, each in enumerate(FourTokens.model_fields)}
    async with app.run_test(size=(80, 40)) as pilot:
        app.form.focus_on("consumer-key")
        app.post_message(events.Paste(f"Consumer Secret: {values['consumer-secret']}"))
        await until(pilot, lambda: any("Consumer secret" in each.message for each in app._notifications))
        assert app.typed == {("here", "consumer-secret"): values["consumer-secret"]}
        assert app.focused is app.field("consumer-key").query_one(TextField)
        others = [f"{name}  {values[name]}" for name in values if name != "consumer-secret"]
        app.post_message(events.Paste("\n".join(reversed(others))))
        await until(pilot, lambda: app.typed == {("here", name): value for name, value in values.items()})
        await pilot.press("enter")
        await until(pilot, lambda: app.entered)


@pytest.mark.parametrize("key", ["enter", "tab"])
async def test_a_key_after_a_paste_that_moved_the_focus_belongs_to_the_paste(key: str) -> None:
    app = FormApp(Everything, {})
    async with app.run_test(size=(80, 24)) as pilot:
        other = app.field("other").query_one(TextField)
        app.form.focus_on("key")
        app.post_message(events.Paste("1canary1" * 4))
        await until(pilot, lambda: app.focused is other)
        await pilot.press(key)
        assert app.focused is other
        await pilot.press(key)
        await until(pilot, lambda: app.focused is not other)


@pytest.mark.parametrize("pasted", ["both", "the first one again"])
async def test_enter_after_the_last_paste_submits_the_form(pasted: str) -> None:
    app = FormApp(TwoSecrets, {})
    async with app.run_test(size=(80, 24)) as pilot:
        if pasted != "both":
            app.form.held(("here", "other"), "•" * 32)
        app.form.focus_on("key")
        values = ["1canary1" * 4, "2canary2" * 4]
        app.post_message(events.Paste("\n".join(values if pasted == "both" else values[:1])))
        await pilot.press("enter")
        await until(pilot, lambda: app.entered)


@pytest.mark.parametrize("how", ["typed", "pasted"])
async def test_enter_after_new_input_belongs_to_the_field(how: str) -> None:
    app = FormApp(Everything, {})
    async with app.run_test(size=(80, 24)) as pilot:
        other = app.field("other").query_one(TextField)
        app.form.focus_on("key")
        app.post_message(events.Paste("1canary1" * 4))
        await until(pilot, lambda: app.focused is other)
        if how == "typed":
            await pilot.press(*"short")
        else:
            app.post_message(events.Paste("short"))
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is not other)
        await until(pilot, lambda: app.typed.get(("here", "other")) == "short")


@pytest.mark.parametrize("how", ["pasted", "typed", "in a command"])
@pytest.mark.parametrize("place", ["keyring", "env"])
async def test_a_header_with_its_value_is_divided_into_both_fields(how: str, place: str) -> None:
    app = FormApp(HeaderSecret, {"value": {place: "GATEWAY"}})
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_on("header")
        if how == "typed":
            await pilot.press(*"X-Api-Key: CANARY4x", "enter")
        else:
            header = "X-Api-Key: CANARY4x"
            app.post_message(events.Paste(header if how == "pasted" else f"curl -H '{header}' https://shop.example"))
        await until(pilot, lambda: app.typed == {("here", "value"): "CANARY4x"})
        await until(pilot, lambda: app.edits == {("here", "header"): "X-Api-Key"})
        assert "CANARY" not in app.export_screenshot()
        assert app.field("value").query_one(TextField).has_focus or how == "typed"


async def test_a_command_without_a_header_is_not_entered_as_its_name() -> None:
    app = FormApp(HeaderSecret, {"value": {"command": ["pass", "show", "key"]}})
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_on("header")
        for pasted in ("curl -d token=CANARY https://shop.example", "X-Api-Key: CANARY"):
            app.clear_notifications()
            app.post_message(events.Paste(pasted))
            await until(pilot, lambda: bool(app._notifications))
        assert app.field("header").query_one(TextField).value == "X-Api-Key"
        assert "CANARY" not in app.export_screenshot()
    assert app.typed == {}


async def test_excess_pasted_values_are_reported() -> None:
    app = FormApp(Everything, {})
    one, two, three = "1canary1" * 4, "2canary2" * 4, "3canary3" * 4
    async with app.run_test(size=(80, 40)) as pilot:
        app.form.focus_on("other")
        app.post_message(events.Paste(f"{one}\n{two}\n{three}\n"))
        await until(pilot, lambda: any("no field for the other 2" in each.message for each in app._notifications))
    assert app.typed == {("here", "other"): one}
