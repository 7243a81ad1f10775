"""Where the cursor is in a text that is shown again: at the same character, not in the same column."""

from __future__ import annotations

import json

import pytest

from tui_connector.tui.log.form_state import same_character

GROUPS = "\n".join(f"where field_{number} = {number}" for number in range(40))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"a":|2}', '{\n  "a": |2\n}'),
        ('{"a":2|}', '{\n  "a": 2|\n}'),
        ('{"a":"x y|"}', '{\n  "a": "x y|"\n}'),
        ('{"n":"Caf\\u00e9", "price":34|.00}', '{\n  "n": "Café",\n  "price": 34|.00\n}'),
        ("where name = 'fo|o'", "where name = fo|o"),
        ("where name eq foo|", "where name = 'foo|'"),
        ("where qty>=5|00 and sku = a", "where qty ≥ 5|00\nand sku = a"),
        ("fields=sk|u\nwhere qty > 5", "where qty > 5\nfields=sk|u"),
        ("https://acme.example/rest/V1/products/24|-MB01", "products/24|-MB01"),
        (f"{GROUPS}\nwhere name='ä|ö'", f"{GROUPS}\nwhere name = ä|ö"),
        ("a|", "|"),
        ("|", "|"),
    ],
)
def test_the_cursor_is_at_the_same_character(before: str, after: str) -> None:
    index = same_character(before.replace("|", ""), before.index("|"), after.replace("|", ""))
    assert index == after.index("|")


def test_a_long_text_that_was_changed_everywhere_has_a_place_too() -> None:
    before = json.dumps([f"{number:x}" for number in range(9_000)])
    after = json.dumps([f"{number:x}" for number in range(9_000, 0, -1)], indent=2)
    assert 0 <= same_character(before, len(before) // 2, after) <= len(after)
