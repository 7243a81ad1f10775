"""What the home screen says of a profile."""

from __future__ import annotations

from pathlib import Path

from tui_connector.guide.profiles.overview import read_overview

BOTH = """\
format = 1
name = "Acme"
[authentications.admin]
kind = "request"
[authentications.integration]
kind = "bearer"
[clients.magento]
"""


def test_the_authentication_is_the_one_that_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    for applied, words in (
        ("", ""),
        ('authentications = ["integration"]', "Bearer token"),
        ('authentications = ["none", 1, "admin", "integration"]', "Login, Bearer token"),
        ("authentications = 1", ""),
    ):
        path.write_text(f"{BOTH}{applied}\n")
        assert read_overview(path, {}, lambda *_: False, lambda _: False).authentication == words
