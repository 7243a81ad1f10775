"""`check`, `request` and `run` from a shell, on a real store's responses."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import fork_server
import pytest
from profiles import FOUR
from recorded_store import RecordedStore, integration
from recordings import recordings

PROFILE = """format = 1
name = "Acme"

[authentications.integration]
kind = "oauth1"
{secrets}

[clients.magento]
authentications = ["integration"]

[[clients.magento.plugins]]
kind = "base-uri"
uri = "{url}/rest/all/V1"

[[clients.magento.plugins]]
kind = "content-type"

[incoming.orders]
client = "magento"
request = {{ uri = "orders" }}
items = "items"
identifier = "increment_id"
pagination = {{ kind = "keyset", filter = "entity_id", field = "entity_id", page-size = 6 }}
sink = {{ kind = "jsonl", path = "orders.jsonl" }}

[outgoing.stock]
client = "magento"
source = {{ kind = "jsonl", path = "stock.jsonl" }}
identifier = "sku"
request = {{ method = "post", uri = "inventory/source-items", parameters = {{ sourceItems = "&{{@}}" }} }}
"""


@pytest.fixture
def shell(store: RecordedStore, clean_environment: dict[str, str]) -> Shell:
    profiles = Path(clean_environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles"
    profiles.mkdir(parents=True)
    names = {name: name.upper().replace("-", "_") for name in FOUR}
    secrets = "\n".join(f'{name} = {{ env = "{variable}" }}' for name, variable in names.items())
    (profiles / "acme.toml").write_text(PROFILE.format(url=store.url, secrets=secrets))
    return Shell({**clean_environment, **{names[n]: value for n, value in integration("full").items()}}, profiles)


class Shell:
    """Runs the program in a new process."""

    def __init__(self, environment: dict[str, str], profiles: Path) -> None:
        self._environment, self.profiles = environment, profiles

    async def __call__(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        pipe, env = asyncio.subprocess.PIPE, {**self._environment, **environment}
        process = await fork_server.start(*arguments, env=env, stdout=pipe, stderr=pipe)
        output, log = await process.communicate()
        assert process.returncode is not None
        assert "canary" not in (output + log).decode().lower()
        return process.returncode, output.decode(), log.decode()


async def test_check(store: RecordedStore, shell: Shell) -> None:
    entity = {"sku": "24-MB01", "source_code": "default", "quantity": 100, "status": 1}
    (shell.profiles / "stock.jsonl").write_text(json.dumps(entity) + "\n")
    code, output, log = await shell("check", "--trust", "acme", "--json")
    assert (code, json.loads(output)) == (0, {"ok": True, "findings": [], "warnings": []}), log
    words = (await shell("check", "--trust", "acme"))[1]
    assert "3 of 20 items read" in words
    assert "outgoing stock: permitted" in words
    catalogue = {name.upper().replace("-", "_"): value for name, value in integration("catalog").items()}
    code, output, _ = await shell("check", "--trust", "acme", "--json", **catalogue)
    findings = json.loads(output)["findings"]
    assert code != 0
    assert [each["id"] for each in findings] == ["permission-missing", "permission-missing"]
    assert "Sales › Operations › Orders › Actions › View" in findings[0]["remedy"]
    assert "Source Item Assigning" in findings[1]["remedy"]


async def test_check_of_a_store_in_maintenance(store: RecordedStore, shell: Shell) -> None:
    store.maintenance = True
    code, output, _ = await shell("check", "--trust", "acme", "--json")
    assert code != 0
    assert [each["id"] for each in json.loads(output)["findings"]] == ["maintenance"]


async def test_request(store: RecordedStore, shell: Shell) -> None:
    code, output, log = await shell("request", "--trust", "acme", "GET", "orders/1", "--log", "long")
    assert code == 0
    assert output.strip() == next(each.body for each in recordings() if each.name == "order-one")
    assert "Set-Cookie: PHPSESSID=•••" in log
    code, output, log = await shell("request", "--trust", "acme", "GET", "products/NO-SUCH-SKU", "--log", "long")
    assert code != 0
    assert json.loads(output)["message"].startswith("The product that was requested doesn't exist")


async def test_run(store: RecordedStore, shell: Shell) -> None:
    code, _, log = await shell("run", "--trust", "acme", "orders")
    assert code == 0, log
    assert len((shell.profiles / "orders.jsonl").read_text().splitlines()) == 20
