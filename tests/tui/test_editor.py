"""How the user's editor is started: at the line, and without variables that hold secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_connector.secrets.mask import Mask
from tui_connector.tui.external_editor import _environment, command_for

SECRETS = {
    "SHOP": "CANARY-named-by-the-profile",
    "HELPER_INPUT": "CANARY-given-to-the-profile-s-command",
    "MYSQL_PWD": "CANARY",
    "SSHPASS": "CANARY",
    "GH_PAT": "CANARY",
    "NPM_AUTH": "CANARY",
    "AWS_SECRET_ACCESS_KEY": "CANARY",
    "SHOP_TOKEN": "CANARY",
    "DATABASE_URL": "postgres://user:CANARY@db.example/shop",
    "SENTRY_DSN": "https://CANARY@sentry.example/1",
    "WEBHOOK": "https://example.com/hook?token=CANARY-and-more",
    "JOB": "eyJhbGciOiJIUzI1NiJ9.eyJDQU5BUlkiOjF9.CANARY",
    "TUI_CONNECTOR_ACME_TOKEN": "CANARY",
    "ELSEWHERE": "CANARY-value-of-thirty-two-chars",
}
ORDINARY = {
    "HOME": "/home/me",
    "PWD": "/home/me/shop",
    "OLDPWD": "/home/me",
    "SSH_AUTH_SOCK": "/run/ssh",
    "VIMINIT": "set number",
    "PAGER": "less",
    "COLUMNS": "80",
    "TMUX": "/tmp/tmux-0/default,1,0",
    "GIT_AUTHOR_NAME": "Me",
}


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "shop.toml"
    path.write_text(
        """[authentications.a]
kind = "bearer"
token = { env = "SHOP" }
[authentications.b]
kind = "bearer"
token = { command = ["./token.sh"], environment = ["HELPER_INPUT"] }
broken = [
"""
    )
    return path


def test_editor_environment_contains_no_secrets(profile: Path) -> None:
    mask = Mask()
    mask.learn(SECRETS["ELSEWHERE"], "acme/integration/access-token")
    given = _environment({**SECRETS, **ORDINARY}, profile)
    assert {name: value for name, value in given.items() if "CANARY" in value or name in SECRETS} == {}
    assert given == ORDINARY


def test_editor_environment_for_a_new_file(tmp_path: Path) -> None:
    assert _environment(ORDINARY, tmp_path / "new.toml") == ORDINARY


@pytest.mark.parametrize(
    ("editor", "opened"),
    [
        ("nano", "nano +7 shop.toml"),
        ("nano -w", "nano -w +7 shop.toml"),
        ("/usr/bin/vim.basic", "/usr/bin/vim.basic +7 shop.toml"),
        ("emacsclient -nw", "emacsclient -nw +7 shop.toml"),
        ("hx", "hx shop.toml:7"),
        ("subl --wait", "subl --wait shop.toml:7"),
        ("code --wait", "code --wait --goto shop.toml:7"),
        ("kate --block", "kate --block --line 7 shop.toml"),
        ("unknown", "unknown shop.toml"),
    ],
)
def test_the_editor_opens_at_the_line_where_it_is_known_how(editor: str, opened: str) -> None:
    assert command_for({"VISUAL": editor, "EDITOR": "ed"}, Path("shop.toml"), 7) == opened.split()
    assert command_for({"EDITOR": editor}, Path("shop.toml"), None) == [*editor.split(), "shop.toml"]


def test_the_editor_of_the_system_is_the_one_that_its_user_has_chosen(tmp_path: Path) -> None:
    for name in ("mcedit", "helix"):
        (tmp_path / name).touch(0o700)
    (tmp_path / "editor").symlink_to("mcedit")
    environ = {"HOME": str(tmp_path), "PATH": str(tmp_path)}
    for name, wanted in (("editor", ["+7", "shop.toml"]), ("sensible-editor", ["+7", "shop.toml"])):
        assert command_for({**environ, "EDITOR": name}, Path("shop.toml"), 7) == [name, *wanted]
    (tmp_path / ".selected_editor").write_text(f'# chosen\nSELECTED_EDITOR="{tmp_path}/helix"\n')
    opened = command_for({**environ, "EDITOR": "sensible-editor"}, Path("shop.toml"), 7)
    assert opened == ["sensible-editor", "shop.toml:7"]
