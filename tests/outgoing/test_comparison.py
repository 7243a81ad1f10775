"""A comparison in a profile: its problems are reported at their places."""

from __future__ import annotations

import pytest

from tui_connector.profile.problems import check

PROFILE = """format = 1
name = "Shop"
[clients.c]
[[clients.c.plugins]]
kind = "base-uri"
uri = "https://shop.example/rest/all/V1"
[outgoing.o]
client = "c"
request = { method = "post", uri = "inventory/source-items", parameters = { sourceItems = "&{@}" } }
"""


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ('{ preset = "stok" }', "10:13: outgoing.o.compare.preset: there is no preset 'stok'. Did you mean 'stock'?"),
        ('{ preset = "stock", request = { uri = "x" } }', "compare.request: cannot be combined with preset"),
        ("{ }", "outgoing.o.compare.request: is missing"),
        ('{ request = { uri = "x" }, sent = "a b" }', "compare.sent: 'a b' is not a path in the parameters"),
        ('{ request = { uri = "x/@{steps.a}" } }', "a comparison has no 'steps'"),
        ('{ request = { uri = "x" }, lookup = { kind = "in-fliter" } }', "did you mean 'in-filter'"),
        ('{ request = { uri = "x" }, rules = { a = { places = 13 } } }', "compare.rules.a.places"),
    ],
)
def test_an_invalid_comparison_is_reported_at_its_place(written: str, problem: str) -> None:
    profile, problems = check(f"{PROFILE}compare = {written}\n")
    assert profile is None or problems
    assert problem in "\n".join(map(str, problems))


def test_settings_beside_a_preset_override_it() -> None:
    profile, problems = check(
        f'{PROFILE}compare = {{ preset = "stock", rules = {{ status = {{ ignore = true }} }} }}\n'
    )
    assert problems == []
    assert profile is not None
    compare = profile.outgoing["o"].compare
    assert compare is not None
    assert compare.resolved.equality("status") is None
    assert compare.resolved.identifier == ["sku", "source_code"]
    rule = compare.resolved.rule("quantity")
    assert rule is not None
    assert rule.places == 4
