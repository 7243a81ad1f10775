"""A saved profile as its page shows it."""

from __future__ import annotations

from pathlib import Path

from tui_connector.guide.profiles.saved_profile import OpenedProfile, open_profile

PROFILE = """\
format = 1
name = "Acme"

[clients.magento]
timeout = "10s"
[[clients.magento.plugins]]
kind = "base-uri"
uri = "https://acme.test/rest/V1"

[incoming.products]
client = "magento"
request = { uri = "products" }
sink = { kind = "jsonl", path = "products.jsonl" }   # for the search

[environments.live.clients.magento]
timeout = "30s"
"""
CLIENT, INCOMING = PROFILE.split("\n\n")[1:3]


def opened(tmp_path: Path, text: str, environment: str = "") -> OpenedProfile:
    path = tmp_path / "acme.toml"
    path.write_text(text)
    return open_profile(path, environment)


def texts(profile: OpenedProfile) -> list[str]:
    return [profile.text_of(part) for part in profile.parts]


def test_the_text_of_a_part_is_all_of_its_tables(tmp_path: Path) -> None:
    client = CLIENT.replace("\n[[", "\n\n[[")
    assert texts(opened(tmp_path, PROFILE)) == [client, INCOMING]


def test_the_text_of_a_part_has_the_values_of_the_environment(tmp_path: Path) -> None:
    client = CLIENT.replace("\n[[", "\n\n[[").replace("10s", "30s")
    assert texts(opened(tmp_path, PROFILE, "live")) == [client, INCOMING]


def test_a_part_with_problems_has_its_text_without_literal_secrets(tmp_path: Path) -> None:
    client = CLIENT.replace("\n[[", "\n\n[[")
    assert texts(opened(tmp_path, PROFILE.replace("10s", "soon"))) == [client.replace("10s", "soon"), INCOMING]
    for kind in ("bearer", "beare"):
        literal = f'{PROFILE}[authentications.a]\nkind = "{kind}"\ntoken = "CANARY-literal"\n'
        found = opened(tmp_path, literal)
        assert texts(found) == [client, f'[authentications.a]\nkind = "{kind}"\ntoken = ""', INCOMING]
    assert texts(opened(tmp_path, f"{PROFILE}broken\n")) == ["", ""]


def test_a_profile_without_parts_has_no_texts(tmp_path: Path) -> None:
    assert opened(tmp_path, 'format = 1\nname = "Acme"\n').texts == {}
