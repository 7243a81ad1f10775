"""What an expression reads of its data is found without any: what it does not read makes no difference to it."""

from __future__ import annotations

from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_connector.errors import InvalidValue
from tui_connector.templates import Budget, DataPath, paths_read, run_paths_read
from tui_connector.templates.expression import Expression


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("steps.find.body.id", {"steps.find.body.id"}),
        ("steps.find.status == `404` && entity.new", {"steps.find.status", "entity.new"}),
        ("steps.find.body.items[0].id", {"steps.find.body.items"}),
        ("steps.find.{a: body.id, b: status}", {"steps.find.body.id", "steps.find.status"}),
        ("sort_by(steps.a.body, &name)[0]", {"steps.a.body"}),
        ("steps | find.status", {"steps.find.status"}),
        ("merge(steps.find.body, entity)", {"steps.find.body", "entity"}),
        ("steps.*.status", {"steps"}),
        ("keys(steps)", {"steps"}),
        ("(steps || run).find", {"steps", "run"}),
        ("steps.find.body.items[?sku == 'a'].id", {"steps.find.body.items"}),
        ("'steps.find'", set()),
        ("@", {""}),
    ],
)
def test_the_names_that_an_expression_begins_with(expression: str, names: set[str]) -> None:
    assert {".".join(each) for each in paths_read(Expression.compile(expression))} == names


def test_only_placeholders_of_the_run_count() -> None:
    value: Any = {"a": ["@{steps.find.body} &{sku}", "?{steps}"], "b": {"c": "@{run.started_at}"}, "d": 1}
    assert run_paths_read(value) == {("steps", "find", "body"), ("run", "started_at")}


NAMES = ["a", "b", "c"]
data = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(NAMES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=20,
)
pieces = st.sampled_from([*NAMES, *NAMES, "@", "*", "`1`", "'a'", "[0]", "[]", "[*]", "[1:]"])


def _joined(parts: tuple[str, str]) -> str:
    left, right = parts
    return f"{left}{right}" if right.startswith("[") else f"{left}.{right}"


expressions = st.recursive(
    pieces,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(_joined),
        st.tuples(inner, inner).map(" | ".join),
        st.tuples(inner, inner).map("({0[0]} || {0[1]})".format),
        st.tuples(inner, inner).map("({0[0]} == {0[1]})".format),
        st.tuples(inner, inner).map("{0[0]}[?{0[1]}]".format),
        st.tuples(inner, inner).map("{{x: {0[0]}, y: {0[1]}}}".format),
        st.tuples(inner, inner).map("[{0[0]}, {0[1]}]".format),
        st.tuples(inner, inner).map("map(&{0[0]}, {0[1]})".format),
        inner.map("!{}".format),
        inner.map("type({})".format),
        inner.map("not_null(c, {})".format),
    ),
    max_leaves=8,
)


def _only(value: Any, names: frozenset[DataPath]) -> Any:
    """The data without what none of these names leads to."""
    if () in names or not isinstance(value, dict):
        return value
    inside = {key: frozenset(each[1:] for each in names if each[0] == key) for key in value}
    return {key: _only(value[key], inside[key]) for key in value if inside[key]}


@settings(max_examples=examples(300), deadline=None)
@given(text=expressions, value=data)
def test_what_is_not_read_makes_no_difference(text: str, value: Any) -> None:
    try:
        expression = Expression.compile(text)
    except InvalidValue:
        return
    assert _outcome(expression, value) == _outcome(expression, _only(value, paths_read(expression)))


def _outcome(expression: Expression, value: Any) -> object:
    try:
        return expression.find(value, Budget())[0]
    except InvalidValue as error:
        return error.message
