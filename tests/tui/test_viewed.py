"""How what belongs to a profile is called on a screen about another one, or about another environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_connector.tui.viewed import ViewedProfile, named_from

SHOP, ACME = Path("/profiles/shop.toml"), Path("/profiles/acme.toml")


@pytest.mark.parametrize(
    ("viewed", "of", "label", "name"),
    [
        (ViewedProfile(SHOP), ViewedProfile(SHOP), "", "products"),
        (ViewedProfile(SHOP), ViewedProfile(SHOP), "default", "products"),
        (ViewedProfile(SHOP, "staging"), ViewedProfile(SHOP, "staging"), "staging", "products"),
        (ViewedProfile(SHOP, "staging"), ViewedProfile(SHOP), "default", "products (default)"),
        (ViewedProfile(SHOP, "staging"), ViewedProfile(SHOP), "", "products (default)"),  # it had no environments then
        (ViewedProfile(SHOP), ViewedProfile(SHOP, "staging"), "staging", "products (staging)"),
        (ViewedProfile(SHOP, None), ViewedProfile(SHOP), "", "products"),
        (ViewedProfile(SHOP, None), ViewedProfile(SHOP), "default", "products (default)"),
        (ViewedProfile(ACME), ViewedProfile(SHOP), "", "products (shop)"),
        (ViewedProfile(ACME, "staging"), ViewedProfile(SHOP, "staging"), "staging", "products (shop, staging)"),
        (None, ViewedProfile(SHOP), "", "products (shop)"),
        (None, ViewedProfile(SHOP), "default", "products (shop, default)"),
    ],
)
def test_a_name_says_what_differs_from_the_screen(
    viewed: ViewedProfile | None, of: ViewedProfile, label: str, name: str
) -> None:
    assert named_from(viewed, "products", of, label) == name
