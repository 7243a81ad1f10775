"""Parts of a profile get another name: the rest of the profile refers to them by it, and comments stay."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tui_connector.errors import UserError
from tui_connector.files import ChangedOnDisk
from tui_connector.guide.part_families import Family
from tui_connector.guide.profiles.edit import renaming
from tui_connector.guide.profiles.saved_changes import SavedChange
from tui_connector.guide.sending.kept_samples import keep_samples, read_samples
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.outgoing.task_ledger import TaskLedger, last_task_run, tasks_file
from tui_connector.runs.database import read_only
from tui_connector.runs.ledger import Ledger, last_run, ledger_file

PROFILE = """\
format = 1
name = "Acme"

# the integration
[authentications.integration]
kind = "bearer"
token = { env = "A_TOKEN" }

[clients.magento] # ours
authentications = ["integration"]
[[clients.magento.plugins]]
kind = "base-uri"
uri = "http://127.0.0.1:9/rest/V1"

# all products
[incoming."products"]
client = "magento"
items = "items" # of the page
request.uri = "products"

[incoming.media]
client = "magento"
parent = { incoming = "products" }
request = { uri = "products/&{sku}/media" }

[outgoing.copy]
client = "magento"
source = { kind = "incoming", name = "products" }
request = { method = "put", uri = "products/&{sku}", parameters = "&{@}" }

[environments.staging]
clients.magento.timeout = "5s"
authentications = { integration = { token = { env = "B_TOKEN" } } }

[environments.staging.incoming.products]
items = "items[:5]"
"""


@pytest.mark.parametrize(
    ("family", "name", "count"),
    [("incoming", "products", 4), ("clients", "magento", 6), ("authentications", "integration", 3)],
)
def test_rename_changes_the_table_the_references_and_the_environments(
    tmp_path: Path, family: Family, name: str, count: int
) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(PROFILE)
    edit = renaming(tmp_path / "state", path, family, name, "other")
    assert edit.problems == []
    text = edit.setup.document.text()
    assert text.count("other") == count
    assert text.count("#") == PROFILE.count("#")
    data = tomllib.loads(text)
    assert "other" in data[family]
    assert "other" in data["environments"]["staging"][family]
    assert [name in data[family], name in data["environments"]["staging"][family]] == [False, False]


def test_taken_and_invalid_names_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(PROFILE)
    with pytest.raises(UserError, match="incoming already has media"):
        renaming(tmp_path / "state", path, "incoming", "products", "media")
    with pytest.raises(UserError, match="not a valid name"):
        renaming(tmp_path / "state", path, "incoming", "products", "a b")


class Recorded:
    """A saved profile whose outgoing has sent, and whose incoming was read, also in its environment."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.state = machine, machine.directories.state
        self.path = machine.directories.profiles / "acme.toml"
        self.path.parent.mkdir(parents=True)
        self.path.write_text(PROFILE)
        for environment in ("", "staging"):
            with TaskLedger(tasks_file(self.state, self.path, "copy", environment)) as tasks:
                tasks.begin("2026-11-29 10:00:00", environment, None)
            tasks_file(self.state, self.path, "copy", environment).with_suffix(".plan").write_text(environment)
            with Ledger(ledger_file(self.state, self.path, "products", environment=environment)) as ledger:
                ledger.begin("2026-11-29 10:00:00", environment, "", None, moves_mark=True, forget=False)
                ledger.confirm()

    async def rename(self, family: Family, name: str, new: str) -> SavedChange:
        workbench = Workbench(self.machine)
        try:
            edit = renaming(self.state, self.path, family, name, new)
            return await edit.save(workbench, self.machine.directories.profiles)
        finally:
            workbench.close()

    def sent(self, name: str) -> list[str | None]:
        """In which environments an outgoing of this name has sent, as its ledgers say."""
        found = [last_task_run(tasks_file(self.state, self.path, name, each)) for each in ("", "staging")]
        return [each[0].fingerprint if each is not None else None for each in found]

    def read(self, name: str) -> list[str | None]:
        paths = [ledger_file(self.state, self.path, name, environment=each) for each in ("", "staging")]
        return [row.fingerprint if (row := last_run(each)[0]) is not None else None for each in paths]


BOTH, NEITHER = ["", "staging"], [None, None]


async def test_the_state_of_runs_gets_the_new_name_and_back(machine: Machine) -> None:
    recorded = Recorded(machine)
    keep_samples(recorded.state, recorded.path, {"copy": '{"sku": "A"}'})
    change = await recorded.rename("outgoing", "copy", "other")
    assert read_samples(recorded.state, recorded.path, ["copy", "other"]) == {"other": '{"sku": "A"}'}
    assert (recorded.sent("copy"), recorded.sent("other")) == (NEITHER, BOTH)
    plan = tasks_file(recorded.state, recorded.path, "other", "staging").with_suffix(".plan")
    assert plan.read_text() == "staging"
    redo = change.revert()
    assert (recorded.sent("copy"), recorded.sent("other")) == (BOTH, NEITHER)
    assert recorded.path.read_text() == PROFILE
    undo = redo.revert()
    assert (recorded.sent("copy"), recorded.sent("other")) == (NEITHER, BOTH)
    undo.revert()

    change = await recorded.rename("incoming", "products", "goods")
    assert (recorded.read("products"), recorded.read("goods")) == (NEITHER, BOTH)
    recorded.path.write_text(f"{recorded.path.read_text()}# changed since\n")
    with pytest.raises(ChangedOnDisk):
        change.revert()
    assert (recorded.read("products"), recorded.read("goods")) == (NEITHER, BOTH)


async def test_a_part_is_not_renamed_during_its_run(machine: Machine) -> None:
    recorded = Recorded(machine)
    with (
        TaskLedger(tasks_file(recorded.state, recorded.path, "copy", "staging")),
        pytest.raises(UserError, match="copy is already being sent"),
    ):
        await recorded.rename("outgoing", "copy", "other")
    assert (recorded.sent("copy"), recorded.sent("other")) == (BOTH, NEITHER)
    assert recorded.path.read_text() == PROFILE


async def test_the_states_of_an_earlier_part_are_not_replaced(machine: Machine) -> None:
    recorded = Recorded(machine)
    with TaskLedger(tasks_file(recorded.state, recorded.path, "other", "staging")) as tasks:
        tasks.begin("2026-11-29 09:00:00", "of the earlier one", None)
    with pytest.raises(UserError, match="earlier outgoing was called other"):
        await recorded.rename("outgoing", "copy", "other")
    assert (recorded.sent("copy"), recorded.sent("other")) == (BOTH, [None, "of the earlier one"])
    plan = tasks_file(recorded.state, recorded.path, "copy").with_suffix(".plan")
    assert plan.exists()
    assert recorded.path.read_text() == PROFILE


def test_a_ledger_moves_once_a_page_has_read_its_last_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "items.sqlite"
    Ledger(path).close()
    reader = read_only(path)
    waits: list[float] = []

    def ends_reading(seconds: float) -> None:
        waits.append(seconds)
        reader.close()

    monkeypatch.setattr("tui_connector.runs.database.time.sleep", ends_reading)
    with Ledger(path) as ledger:
        reader.execute("begin")
        reader.execute("select count(*) from run").fetchone()
        ledger.move(tmp_path / "products.sqlite")
    assert waits
    assert not path.exists()
    Ledger(tmp_path / "products.sqlite").close()
