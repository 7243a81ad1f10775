"""A store with two-factor sign-in and a password in front of it, by what `sandbox --json` says of itself."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from program import Program


def _set(store: dict[str, Any], **settings: str) -> None:
    data = json.dumps({name.replace("__", "/"): value for name, value in settings.items()}).encode()
    with urllib.request.urlopen(f"{store['url']}/__sandbox__/settings", data) as response:
        assert response.status == 200


def _write(profiles: Path, store: dict[str, Any], login: str) -> None:
    (profiles / "admin.toml").write_text(
        f'format = 1\nname = "Acme, as an admin"\n[authentications.admin]\nkind = "request"\n{login}\n'
        f'[clients.shop]\nauthentications = ["admin"]\n'
        f'plugins = [{{ kind = "base-uri", uri = "{store["url"]}/rest/V1" }}]\n'
    )


def test_the_way_in_with_two_factor_sign_in(
    program: Program, environment: dict[str, str], profiles: Path, store: dict[str, Any]
) -> None:
    _set(store, twofactorauth__general__enable="1")
    user = 'username = "admin", password = { env = "ADMIN_PASSWORD" }'
    secrets = {"ADMIN_PASSWORD": store["admin"]["password"], "ADMIN_TOTP": store["admin"]["totp_secret"]}
    _write(profiles, store, f"parameters = {{ {user} }}")
    plain = program("request", "admin", "GET", "modules", environ={**environment, **secrets})
    assert plain.returncode == 3
    assert "Please use the 2fa provider-specific endpoints" in plain.stderr
    with_code = f'parameters = {{ {user}, otp = {{ totp = {{ env = "ADMIN_TOTP" }} }} }}'
    _write(profiles, store, f'uri = "/rest/V1/tfa/provider/google/authenticate"\n{with_code}')
    ended = program("request", "admin", "GET", "modules", environ={**environment, **secrets})
    assert ended.returncode == 0, ended.stderr
    assert "Magento_TwoFactorAuth" in json.loads(ended.stdout)
    assert '"otp": "•••"' in ended.stderr
    for secret in secrets.values():
        assert secret not in plain.stderr + ended.stdout + ended.stderr


def test_the_way_in_through_a_web_servers_password(
    program: Program, environment: dict[str, str], profiles: Path, store: dict[str, Any]
) -> None:
    _set(store, sandbox__basic_auth="staging:gate-CANARY")
    refused = program("request", "acme", "GET", "modules")
    assert refused.returncode == 3
    assert "401" in refused.stderr
    file = profiles / "acme.toml"
    text = file.read_text().replace('authentications = ["integration"]', 'authentications = ["gate", "integration"]')
    file.write_text(
        f'{text}[authentications.gate]\nkind = "basic"\nusername = "staging"\npassword = {{ env = "GATE" }}\n'
    )
    gate = {**environment, "GATE": "gate-CANARY"}
    ended = program("request", "acme", "GET", "modules", environ=gate)
    assert ended.returncode == 0, ended.stderr
    assert "Authorization: Basic •••" in ended.stderr
    checked = program("check", "acme", "--json", environ=gate)
    assert "CANARY" not in ended.stdout + ended.stderr + checked.stdout + checked.stderr
    assert json.loads(checked.stdout)["ok"], checked.stdout
