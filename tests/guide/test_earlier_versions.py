"""Where the versions of a profile are that undo no longer knows."""

from __future__ import annotations

from pathlib import Path

from tui_connector.guide.profiles.earlier_versions import earlier_versions


def test_a_profile_in_a_repository_has_its_versions_there_also_by_a_link(tmp_path: Path) -> None:
    shops = tmp_path / "our shops" / "magento"
    shops.mkdir(parents=True)
    profile, link = shops / "acme.toml", tmp_path / "link.toml"
    link.symlink_to(profile)
    assert "keep the profile in git" in earlier_versions(profile)
    (shops.parent / ".git").mkdir()
    for each in (profile, link):
        assert earlier_versions(each).endswith(f"git -C '{shops}' log -p acme.toml")
