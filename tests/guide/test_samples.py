"""A sample of an outgoing: sent and undone without a run, and kept as it was edited."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from memory_keyring import MemoryKeyring
from profiles import full, signed
from user_errors import user_error

from tui_connector.errors import UserError
from tui_connector.guide.sending.kept_samples import keep_samples, read_samples, sample_file
from tui_connector.guide.sending.plans import Sender
from tui_connector.guide.sending.sample import SampleSender
from tui_connector.guide.workbench import Workbench, profile_of
from tui_connector.machine import Machine
from tui_connector.magento.entities import WRITABLE
from tui_connector.sandbox.server import Sandbox
from tui_connector.templates import Json


@pytest.fixture
def bench(machine: Machine, sandbox: Sandbox, tmp_path: Path) -> Iterator[Workbench]:
    found = Workbench(machine, directory=tmp_path)
    for name, secret in full(sandbox).items():
        found.vault.hold(f"shop/integration/{name}", secret, sandbox.url)
    yield found
    found.close()


def sender(bench: Workbench, sandbox: Sandbox, view: str = "all") -> Sender:
    plugins: list[Json] = [{"kind": "base-uri", "uri": f"{sandbox.url}/rest/{view}/V1"}, {"kind": "content-type"}]
    data: dict[str, Json] = {
        "format": 1,
        "name": "Shop",
        "authentications": {"integration": signed()},
        "clients": {"magento": {"authentications": ["integration"], "plugins": plugins}},
        "outgoing": {"products": WRITABLE["products"].configuration("magento")},
    }
    return Sender(bench, profile_of(data), bench.directory / "shop.toml", "products")


def product(sku: str, price: int) -> Json:
    return {"sku": sku, "name": "A new one", "attribute_set_id": 4, "type_id": "simple", "price": price, "status": 1}


async def test_what_a_sample_has_created_is_deleted_and_what_it_has_changed_is_restored(
    bench: Workbench, sandbox: Sandbox
) -> None:
    sample = SampleSender(sender(bench, sandbox), product("NEW-1", 5))
    created = await sample.plan()
    assert created.entry.change.action == "create"
    assert await sample.send(created) == "finished"

    dearer = SampleSender(sender(bench, sandbox), product("NEW-1", 9))
    changed = await dearer.plan()
    assert await dearer.send(changed) == "finished"
    undo = await dearer.undo_plan(changed)
    assert [each.field for each in undo.restore[0].change.changes] == ["price"]
    await dearer.undo(changed, undo)
    with user_error("plan-outdated", match="nothing was sent"):
        await dearer.undo(changed, undo)

    undo = await sample.undo_plan(created)
    assert [each.identifier for each in undo.created] == ["NEW-1"]
    await sample.undo(created, undo)
    assert (await sample.plan()).entry.change.action == "create"


async def test_a_sample_is_undone_only_in_the_store_that_it_was_sent_to(bench: Workbench, sandbox: Sandbox) -> None:
    sample = SampleSender(sender(bench, sandbox), product("24-MB01", 5))
    sent = await sample.plan()
    await sample.send(sent)
    before = len(sandbox.journal())
    with user_error("undo-store", match="not to this store"):
        await SampleSender(sender(bench, sandbox, "nl"), product("24-MB01", 5)).undo_plan(sent)
    assert len(sandbox.journal()) == before


def test_a_sample_is_kept_as_it_was_typed_but_never_with_a_secret(
    tmp_path: Path, machine: Machine, memory_keyring: MemoryKeyring
) -> None:
    profile, secret = tmp_path / "shop.toml", "CANARY-of-a-sample-0123456789"
    bench = Workbench(machine)
    bench.vault.hold("shop/integration/access-token", secret, "https://shop.example")
    typed = {"stock": '{"sku": "ü', "products": f'{{"sku": "{secret}"}}'}
    keep_samples(tmp_path, profile, typed)
    assert read_samples(tmp_path, profile, [*typed, "others"]) == {"stock": '{"sku": "ü'}
    assert not sample_file(tmp_path, profile, "products").exists()
    bench.close()


async def test_a_store_that_is_down_is_reported_and_not_waited_for(bench: Workbench, sandbox: Sandbox) -> None:
    sample = SampleSender(sender(bench, sandbox), product("24-MB01", 5))
    planned = await sample.plan()
    sandbox.change({"sandbox/maintenance": "1"})
    for action in (sample.plan, partial(sample.send, planned), partial(sample.undo_plan, planned)):
        with pytest.raises(UserError, match="503") as refused:
            await action()
        assert "patience" not in str(refused.value)
