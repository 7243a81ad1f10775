"""What an author of templates writes, and what a hostile response or profile may make of it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from template_checks import PRODUCT, RUN, header, json_values, plain_text, refused, value

from tui_connector.templates import (
    MAX_STEPS,
    Budget,
    Json,
    PlaceholderError,
    RunTemplateText,
    Scope,
    Template,
    TemplateJson,
    TemplateText,
    render,
)


class TestValues:
    @pytest.mark.parametrize(
        ("template", "gives"),
        [
            ("&{sku}", "24-MB01"),
            ("&{price}", 34.5),
            ("&{visible}", True),
            ("&{media[*].file}", ["a.jpg", "b.jpg"]),
            ("&{{code: sku, files: media[].file}}", {"code": "24-MB01", "files": ["a.jpg", "b.jpg"]}),
            ('&{"custom-attributes".colour}', "red"),
            ("?{nothing.at.all}", None),
            ("@{steps.find.body.id}", 7),
            ("sku: &{sku}, since @{run.started_at}", "sku: 24-MB01, since 2026-01-01 00:00:00"),
            ("&{price}&{visible}?{stock}", "34.5true"),
            ("files=&{media}", 'files=[{"file":"a.jpg"},{"file":"b.jpg"}]'),
            ("no placeholder", "no placeholder"),
            ("", ""),
        ],
    )
    def test_a_lone_placeholder_keeps_its_type_and_others_become_text(self, template: str, gives: Json) -> None:
        assert value(template) == gives

    @pytest.mark.parametrize(
        ("template", "gives"),
        [
            ("&{'}'}", "}"),
            ('&{`"}"`}', "}"),
            ("&{`}`}", "}"),
            ("&{\"}\" || '{'}", "{"),
            (r"&{'it\'s }'}", "it's }"),
            ("&&{sku}", "&24-MB01"),
            ("\\&{sku}", "\\24-MB01"),
            ("searchCriteria={}", "searchCriteria={}"),
            ("{sku} $&{sku}} & ? @ ${HOME}", "{sku} $24-MB01} & ? @ ${HOME}"),
            ("it's &{sku}", "it's 24-MB01"),
        ],
    )
    @pytest.mark.bad_input(34, 38)
    def test_braces_are_matched_with_quotes_in_mind(self, template: str, gives: str) -> None:
        assert value(template) == gives

    def test_a_bare_answer_is_a_list_of_one(self) -> None:
        assert header("Bearer &{@[0]}", "CANARY") == "Bearer CANARY"
        assert header("Bearer &{@[0]}", ["CANARY"]) == "Bearer CANARY"
        assert header("Bearer &{token}", {"token": "CANARY"}) == "Bearer CANARY"

    def test_a_structure_is_filled_in_but_not_its_names(self) -> None:
        body: Json = {"&{sku}": ["&{price}", {"sku": "&{sku}", "literal": 1}], "gone": "?{stock}"}
        scope = Scope(PRODUCT, RUN)
        assert render(body, scope) == {"&{sku}": [34.5, {"sku": "24-MB01", "literal": 1}], "gone": None}

    def test_it_says_where_there_is_no_entity(self) -> None:
        with pytest.raises(PlaceholderError, match="no entity"):
            Template.parse("&{sku}").value(Scope(run=RUN))

    @given(st.lists(plain_text, min_size=2, max_size=5), json_values)
    def test_text_around_placeholders_is_kept(self, parts: list[str], data: Json) -> None:
        template = "&{@}".join(parts)
        assume(template.count("&{") == len(parts) - 1 and not any(x in template for x in ("?{", "@{")))
        assume(data is not None)
        found = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        assert Template.parse(template).text(Scope(data)) == found.join(parts)

    @given(st.sampled_from(["&{@}", "?{sku}", "@{run}", "&{", "&&{x}"]) | st.text())
    @pytest.mark.bad_input(39)
    def test_what_was_put_in_is_never_read_again(self, hostile: str) -> None:
        assert Template.parse("<&{@[0]}>").text(Scope([hostile])) == f"<{hostile}>"
        assert render(["&{@[0]}"], Scope([hostile])) == [hostile]

    @given(st.text(alphabet="&?@{}'\"`\\ab.[]()|!:,*", max_size=40))
    def test_any_text_is_read_or_refused_in_words(self, source: str) -> None:
        try:
            Template.parse(source).value(Scope({"a": [1, {"b": "x"}], "b": "y"}, RUN))
        except PlaceholderError as raised:
            error = raised
        else:
            return
        assert 0 <= error.offset < len(source)
        assert error.template == source
        assert error.message


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("template", "offset", "says"),
        [
            ("a &{", 2, "not closed"),
            ("ab ?{'}", 3, "not closed"),
            ("&{}", 0, "empty"),
            ("x&{ }", 1, "invalid JMESPath"),
            ("&{a[}", 0, "invalid JMESPath"),
            ("&{a{b:c}}", 0, "invalid JMESPath"),
            ("&{products.0.sku}", 0, r"Write products\[0\]\.sku\."),
            ("&{0.sku}", 0, r"Write \[0\]\.sku\."),
            ("&{a.custom-attributes}", 0, 'Write a."custom-attributes"'),
            ("&{lenght(a)}", 0, r"unknown function lenght\(\).*length"),
            ("&{" + "(" * 2_000 + "}", 0, "more than 1,000 characters"),
            ("&{" + "(" * 900 + "}", 0, "nested deeper than 50"),
            ("&{" + "!" * 900 + "a}", 0, "nested deeper than 50"),
            ("&{" + "!" * 5_000 + "a}", 0, "more than 1,000 characters"),
            ("&{" + "a | " * 60 + "a}", 0, "nested deeper than 50"),
        ],
    )
    @pytest.mark.bad_input(34, 35, 36)
    def test_at_load_it_says_where_and_what_to_write(self, template: str, offset: int, says: str) -> None:
        with pytest.raises(PlaceholderError, match=says) as caught:
            Template.parse(template)
        assert caught.value.offset == offset

    @pytest.mark.parametrize(
        ("template", "says"),
        [
            ("&{skv}", "no skv.*Nearest: sku"),
            ("x &{media[0].fiel}", "no fiel, at character 3 of x .*Nearest: file"),
            ("&{stock}", "stock is null"),
            ("&{media.file}", r"file was looked up on a list of 2\. Write \[0\]\.file"),
            ("&{media[9]}", r"\[9\] was looked up on a list of 2"),
            ("&{sku.__class__}", "__class__ was looked up on a text"),
            ("&{__class__}", "no __class__"),
            ("&{length(price)}", r"length\(\) requires string or array or object, not number"),
            ("&{length(sku, sku)}", r"1 argument for function length\(\), received 2"),
            ("&{contains(sku, price)}", "cannot be evaluated"),
            ("&{media[::0]}", "cannot be evaluated"),
            ("&{to_number('nan')}", "not a JSON value"),
            ("&{[&sku]}", "not a JSON value"),
            ("&{to_string(&sku)}", "not a JSON value"),
            ("@{steps.fnd.body}", "no fnd.*Nearest: find"),
        ],
    )
    def test_with_the_data_it_names_the_nearest(self, template: str, says: str) -> None:
        error = refused(template)
        assert error.expression
        assert error.expression in template
        with pytest.raises(PlaceholderError, match=says):
            raise error

    def test_no_message_holds_a_value(self) -> None:
        secret: Json = {"token": "CANARY-1", "list": ["CANARY-2"], "deep": {"x": "CANARY-3\n"}}
        for template in (
            "&{tokn}",
            "&{token.x}",
            "&{abs(token)}",
            "&{sum(list)}",
            "&{list[3]}",
            "&{max_by(list, &@)}x&{no}",
        ):
            assert "CANARY" not in str(refused(template, secret))
        for template in ("&{deep}", "&{deep.x}", "&{list}"):
            assert "CANARY" not in str(refused(template, secret, "header"))


class TestHostile:
    doubled = " | ".join(["@", *["[@,@]"] * 40])

    @pytest.mark.parametrize(
        "expression",
        [
            doubled,
            f"to_string({doubled})",
            f"({doubled}) == ({doubled})",
            f"contains({doubled}, `1`)",
            f"contains([{doubled}], {doubled})",
            " | ".join(["@", *["{a:@,b:@}"] * 40]),
            " | ".join(["@", *["[@,@][]"] * 40]),
            " | ".join(["@", *["map(&[@,@][],[@])[]"] * 24]),
            " | ".join(["to_string(@)", *["join('',[@,@])"] * 40]),
            " | ".join(["@", *["[@,@,@,@,@,@,@,@,@][]"] * 5, "length(sort(@[*].to_string(@)))"]),
        ],
    )
    @pytest.mark.parametrize("data", [["v"], [{"k": "v" * 100_000}], [[str(n) for n in range(50_000)]]])
    @pytest.mark.bad_input(37)
    def test_blow_up_is_refused_after_few_steps(self, expression: str, data: Json) -> None:
        budget = Budget()
        with pytest.raises(PlaceholderError, match=r"steps|characters|items"):
            Template.parse(f"&{{{expression}}}").value(Scope(data), budget)
        assert budget.spent <= MAX_STEPS + 110_000  # at most one list is paid for beyond the limit

    def test_what_is_only_shared_and_thrown_away_is_allowed(self) -> None:
        assert value("&{" + " | ".join(["@", *["[@,@]"] * 40, "length(@)"]) + "}") == 2

    def test_a_large_part_of_the_data_is_no_blow_up(self) -> None:
        image = "x" * 2_000_000
        assert value("&{content}", {"content": image}) == image
        assert "1,000,000 characters" in str(refused("data:image/png,&{content}", {"content": image}))

    def test_one_structure_shares_one_budget(self) -> None:
        many: Json = ["&{length(items[*].id)}"] * 100
        with pytest.raises(PlaceholderError, match="steps"):
            render(many, Scope({"items": [{"id": n} for n in range(5_000)]}))

    @given(st.text(alphabet="@[],|*&(){}ab:=!`1'", max_size=60), json_values)
    def test_no_expression_escapes_its_budget(self, expression: str, data: Json) -> None:
        budget = Budget()
        with contextlib.suppress(PlaceholderError):
            Template.parse(f"&{{{expression}}}").value(Scope(data), budget)
        assert budget.spent < MAX_STEPS

    def test_old_literals_are_read_without_a_warning(self) -> None:
        assert value("&{`word`}") == "word"


class TestFields:
    class Headers(BaseModel):
        plain: TemplateText = "x"
        run: RunTemplateText = "@{run.started_at}"
        body: TemplateJson = None

    def test_a_field_is_checked_at_load(self) -> None:
        with pytest.raises(ValidationError, match="not closed"):
            self.Headers(plain="a &{b")
        with pytest.raises(ValidationError, match=r"Only @\{…\} can be used"):
            self.Headers(run="&{sku}")
        with pytest.raises(ValidationError, match="no entity here"):
            self.Headers(run="x ?{sku}")
        with pytest.raises(ValidationError, match="invalid JMESPath"):
            self.Headers(body={"a": [{"b": "&{c[}"}]})
        assert self.Headers(plain="&{sku}", body={"&{": 1}).plain == "&{sku}"

    def test_its_schema_says_it_is_a_template(self) -> None:
        fields: Any = self.Headers.model_json_schema()["properties"]
        for name in ("plain", "run"):
            assert fields[name]["type"] == "string"
            assert fields[name]["format"] == "template"
