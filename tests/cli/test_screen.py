"""What the screens ask of the command line: whether the demo has saved a profile."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tui_connector.cli.screen import DESCRIPTION, is_demo_profile


def test_the_demos_profile_is_known_by_its_description(tmp_path: Path) -> None:
    path = tmp_path / "demo.toml"
    path.write_text(f"description = {json.dumps(DESCRIPTION)}")
    assert is_demo_profile(path)
    path.write_text('description = "ours"')
    assert not is_demo_profile(path)


@pytest.mark.bad_input(19)
def test_what_is_no_file_is_not_of_the_demo_and_never_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "endless.toml").symlink_to("/dev/zero")
    (tmp_path / "latin.toml").write_bytes(b"description = '\xe9'")
    assert [path.name for path in tmp_path.iterdir() if is_demo_profile(path)] == []
    assert not is_demo_profile(tmp_path / "none.toml")
