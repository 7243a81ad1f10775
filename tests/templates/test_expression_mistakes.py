"""Expressions as people write them: corrected where they are invalid, or compare with a field instead of a value."""

from __future__ import annotations

import pytest

from tui_connector.errors import InvalidValue
from tui_connector.templates.expression import Expression
from tui_connector.templates.expression_mistakes import fields_for_values


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("status = 1", "status == `1`"),
        ('status = "complete"', "status == 'complete'"),
        ("a = 'x' and b <> 2", "a == 'x' && b != `2`"),
        ("a === 'x = y' OR not b", "a == 'x = y' || !b"),
        ("price => 5", "price >= `5`"),
        ("x = true", "x == `true`"),
        ("store-id == 1", '"store-id" == `1`'),
        ("a == = b ==", None),
    ],
)
def test_an_invalid_expression_is_corrected(text: str, meant: str | None) -> None:
    with pytest.raises(InvalidValue) as refused:
        Expression.compile(text)
    assert refused.value.correction == ((text, meant) if meant else None)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('status == "complete"', "status == 'complete'"),
        ('"status" != "complete"', "\"status\" != 'complete'"),
        ('"complete" == status', "'complete' == status"),
        ("a == true && b != null", "a == `true` && b != `null`"),
        ('starts_with(sku, "24-") || contains(name, "it\'s")', "starts_with(sku, '24-') || contains(name, `\"it's\"`)"),
        ('{a: join(", ", names), b: x == "a`b"}', "{a: join(', ', names), b: x == 'a`b'}"),
        ('items[?name == "a\\"b"].x', "items[?name == 'a\"b'].x"),
        ('\'a "q"\' == b && c == "d"', "'a \"q\"' == b && c == 'd'"),
        # fields in quotes
        ("\"my-field\" == 'x'", None),
        ('"my-field" == other', None),
        ('a == "b-c".d', None),
        ('{"a-b": "c-d", e: "f-g"[0]}', None),
        ('contains("tag-list", sku)', None),
        ("status == other", None),
    ],
)
def test_a_field_that_was_meant_as_a_value_is_found(text: str, meant: str | None) -> None:
    found = fields_for_values(text)
    assert (found and found.meant) == meant
    if meant is not None:
        Expression.compile(meant)
        assert fields_for_values(meant) is None
