"""One profile for two stores: what `--env` reads, writes, remembers, trusts and sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import environment_profile
import fork_server
import pytest
from environment_profile import with_secret, write
from listing import Listing, listing, products
from sending import storing

PROFILE = with_secret(environment_profile.PROFILE, '{ keyring = "shop/a/token" }').replace(
    "sink = ", 'pagination = { kind = "keyset", filter = "entity_id", field = "id", page-size = 10 }\nsink = '
)


class TwoStores:
    """The program with one profile for a live and a staging store, and a token for each."""

    def __init__(self, folder: Path, environment: dict[str, str], live: Listing, staging: Listing) -> None:
        self.folder, self.live, self.staging = folder, live, staging
        self.profile = write(folder, live.url, staging.url, PROFILE)
        self.environment = {
            **environment,
            "TUI_CONNECTOR_SHOP_A_TOKEN": "live-CANARY-token",
            "TUI_CONNECTOR_SHOP_A_TOKEN_STAGING": "staging-CANARY-token",
        }

    async def run(self, *arguments: str, trust: bool = True) -> tuple[int, str, str]:
        command, *rest = arguments
        words = [command, *(["--trust"] if trust else []), str(self.profile), *rest]
        pipe = asyncio.subprocess.PIPE
        process = await fork_server.start(*words, env=self.environment, stdout=pipe, stderr=pipe)
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    def lines(self, name: str) -> int:
        path = self.folder / name
        return len(path.read_bytes().splitlines()) if path.exists() else 0


def tokens(store: Listing) -> set[str]:
    """The tokens that this store was sent."""
    return {each.header("Authorization") for each in store.server.received}


@pytest.fixture
async def stores(tmp_path: Path, clean_environment: dict[str, str]) -> AsyncIterator[TwoStores]:
    async with listing(products(*range(1, 31))) as live, listing(products(*range(1, 21))) as staging:
        yield TwoStores(tmp_path, clean_environment, live, staging)


async def test_each_environment_reads_its_own_store_with_its_own_secret(stores: TwoStores) -> None:
    code, _, err = await stores.run("run", "--env", "staging")
    assert code == 0
    assert "items (staging): 20 items" in err
    assert stores.live.server.received == []
    assert (stores.lines("staging.jsonl"), stores.lines("live.jsonl")) == (20, 0)
    code, _, err = await stores.run("run")
    assert code == 0
    assert "items (default): 30 items" in err
    assert (stores.lines("staging.jsonl"), stores.lines("live.jsonl")) == (20, 30)
    assert tokens(stores.live) == {"Bearer live-CANARY-token"}
    assert tokens(stores.staging) == {"Bearer staging-CANARY-token"}


async def test_a_run_of_one_environment_moves_no_mark_of_another(stores: TwoStores) -> None:
    await stores.run("run", "--env", "staging", "--limit", "5")
    _, out, _ = await stores.run("run", "--dry-run", "--json")
    first: dict[str, Any] = json.loads(out.splitlines()[0])
    assert first["environment"] == "default"
    _, out, _ = await stores.run("run", "--dry-run", "--json", "--env", "staging")
    second: dict[str, Any] = json.loads(out.splitlines()[0])
    assert second["environment"] == "staging"
    assert first["begins"] != second["begins"]


async def test_the_secret_of_the_live_store_is_never_sent_to_staging(stores: TwoStores) -> None:
    del stores.environment["TUI_CONNECTOR_SHOP_A_TOKEN_STAGING"]
    code, _, err = await stores.run("run", "--env", "staging")
    assert code in (2, 3)
    assert "TUI_CONNECTOR_SHOP_A_TOKEN_STAGING" in err
    assert stores.staging.server.received == []
    assert stores.live.server.received == []


async def test_sending_to_production_needs_consent_and_names_the_environment(stores: TwoStores) -> None:
    code, _, err = await stores.run("run", "stock")
    assert code == 2
    assert "stock would be sent to Shop (default), which is marked as production" in err
    assert stores.live.server.received == []
    _, _, err = await stores.run("run", "stock", "--env", "staging")
    assert "stock (staging): " in err
    assert "marked as production" not in err
    assert {each.head.split(b" ")[1] for each in stores.staging.server.received} == {b"/rest/V1/inventory/source-items"}
    assert stores.live.server.received == []
    _, out, _ = await stores.run("tasks", "stock", "--env", "staging", trust=False)
    assert out.startswith("stock (staging): run 1")
    code, _, err = await stores.run("tasks", "stock", trust=False)
    assert code == 2
    assert "has not been run yet" in err


async def test_each_environment_is_trusted_by_itself(stores: TwoStores) -> None:
    code, out, _ = await stores.run("trust", "--yes", "--env", "staging", trust=False)
    assert code == 0
    assert "sends the keyring's shop/a/token@staging" in out
    assert stores.staging.url in out
    assert stores.live.url not in out
    assert (await stores.run("run", "--env", "staging", trust=False))[0] == 0
    code, _, err = await stores.run("run", trust=False)
    assert code == 2
    assert "is not trusted to do this" in err
    assert stores.live.server.received == []
    digests = [(await stores.run("trust", "--digest", *env, trust=False))[1] for env in ((), ("--env", "staging"))]
    assert digests[0] != digests[1]
    code, out, _ = await stores.run("trust", "--revoke", trust=False)
    assert (code, out) == (0, f"No longer trusted: {stores.profile}\n")
    assert (await stores.run("run", "--env", "staging", trust=False))[0] == 2


async def test_check_and_request_name_and_use_the_environment(stores: TwoStores) -> None:
    _, out, _ = await stores.run("check", "--env", "staging")
    assert out.splitlines()[0] == "Environment: staging"
    code, out, err = await stores.run("request", "GET", "products", "--env", "staging", "--log", "curl")
    assert code == 0
    assert f"tui-connector header {stores.profile.stem} GET" in err
    assert "--env staging" in err
    assert stores.live.server.received == []
    code, _, err = await stores.run("check", "--env", "stagng")
    assert code == 2
    assert "no environment 'stagng'. It has: staging." in err


async def test_a_log_is_kept_for_each_environment(stores: TwoStores) -> None:
    await stores.run("run", "--env", "staging")
    _, out, _ = await stores.run("log", "--env", "staging", trust=False)
    assert "products" in out
    assert (await stores.run("log", trust=False))[1] == ""


async def test_the_difference_is_printed(stores: TwoStores) -> None:
    code, out, _ = fork_server.run("profiles", "diff", str(stores.profile), "staging", env=stores.environment)
    assert code == 0
    assert out.decode().splitlines() == [
        "[authentications.a] (line 5): token.keyring",
        '  staging  "shop/a/token@staging"',
        '  default  "shop/a/token"',
        "[clients.shop] (line 8): production",
        "  staging  false",
        "  default  true",
        '[[clients.shop.plugins]] "base-uri" (line 11): uri',
        f'  staging  "{stores.staging.url}/rest/V1"',
        f'  default  "{stores.live.url}/rest/V1"',
        "[incoming.items] (line 18): sink.path",
        '  staging  "staging.jsonl"',
        '  default  "live.jsonl"',
    ]
    code, out, _ = fork_server.run("profiles", "diff", str(stores.profile), "staging", "x", env=stores.environment)
    assert code == 2


async def test_an_output_file_of_another_environment_is_not_changed(stores: TwoStores) -> None:
    text = stores.profile.read_text()
    stores.profile.write_text(text.replace('incoming.items.sink.path = "staging.jsonl"\n', ""))
    assert (await stores.run("run"))[0] == 0
    before = (stores.folder / "live.jsonl").read_bytes()
    code, _, err = await stores.run("run", "--env", "staging")
    assert code == 2
    assert "live.jsonl was written by the incoming items in the environment default" in err
    assert (stores.folder / "live.jsonl").read_bytes() == before


COPIES = """format = 1
name = "Copies"
[clients.shop]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "TARGET/rest/all/V1"
[outgoing.copies]
client = "shop"
source = { kind = "incoming", profile = "../shop.toml", name = "items", mapping = "{sku: sku}" }
identifier = "sku"
batch = 10
request = { method = "post", uri = "rows", parameters = { rows = "&{@}" } }
[environments.staging]
outgoing.copies.title = "Copies of staging"
"""


async def test_an_incoming_of_another_profile_is_read_in_the_environment_of_the_run(stores: TwoStores) -> None:
    shop, text = stores.profile, COPIES
    async with storing() as target:
        stores.profile = stores.folder / "copies" / "copies.toml"  # a relative path starts at its folder
        stores.profile.parent.mkdir()
        stores.profile.write_text(text := text.replace("TARGET", target.server.url))

        code, _, err = await stores.run("run", "copies", "--env", "staging")
        assert code == 0, err
        assert len(target.skus()) == 20
        assert stores.live.server.received == []
        assert tokens(stores.staging) == {"Bearer staging-CANARY-token"}

        code, _, err = await stores.run("run", "copies")
        assert code == 0, err
        assert len(target.skus()) == 20 + 30
        assert tokens(stores.live) == {"Bearer live-CANARY-token"}

        stores.live.server.received.clear()
        shop.write_text(shop.read_text().replace("[environments.staging]", "[environments.test]"))
        code, _, err = await stores.run("run", "copies", "--env", "staging", "--full")
        assert code == 2
        assert "The source reads the profile ../shop.toml, which has no environment 'staging'" in err
        assert 'environment = "default" for the base values' in err
        assert stores.live.server.received == []

        stores.profile.write_text(text.replace('name = "items"', 'name = "items", environment = "default"'))
        code, _, err = await stores.run("run", "copies", "--env", "staging", "--full")
        assert code == 0, err
        assert stores.live.server.received != []

        stores.profile.write_text(text.replace('profile = "../shop.toml"', 'environment = "default"'))
        code, _, err = await stores.run("run", "copies")
        assert code == 2
        assert "outgoing.copies.source.environment: is for another profile" in err
