"""On the screen: a profile from elsewhere asks once, at its first use; what its user makes is trusted with the save."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest
from guide_steps import no_demo
from memory_keyring import MemoryKeyring
from screens import shown, until, until_shown

from tui_connector.guide.profiles.duplicate import duplicate
from tui_connector.guide.profiles.edit import begin_edit, removal
from tui_connector.guide.profiles.save import save
from tui_connector.guide.profiles.saved_changes import SavedChange
from tui_connector.guide.steps.setup import Setup
from tui_connector.guide.trust import ProfileTrust, Untrusted, copy_trust
from tui_connector.guide.workbench import Workbench, profile_of
from tui_connector.machine import Machine, NoPrompt
from tui_connector.profile.capabilities import capabilities
from tui_connector.profile.document import Document
from tui_connector.profile.library import Library
from tui_connector.profile.problems import check
from tui_connector.profile.text_checker import Checker
from tui_connector.profile.trust_records import TrustRecords
from tui_connector.sandbox.server import Sandbox
from tui_connector.secrets.errors import OtherStore
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.toml_editor.saving import TextSaver
from tui_connector.tui.widgets.questions import AllowScreen

pytestmark = pytest.mark.untrusted
ENTRY = "acme/integration/access-token"
PROFILE = f"""format = 1
name = "Acme store"

[authentications.integration]
kind = "bearer"
token = {{ keyring = "{ENTRY}" }}

[clients.magento]
authentications = ["integration"]

[[clients.magento.plugins]]
kind = "base-uri"
uri = "URL/rest/all/V1"
"""


def write(machine: Machine, url: str, more: str = "") -> Path:
    machine.directories.profiles.mkdir(parents=True, exist_ok=True)
    path = machine.directories.profiles / "acme.toml"
    path.write_text(PROFILE.replace("URL", url) + more)
    return path


def asked(app: ConnectorApp) -> bool:
    return isinstance(app.screen, AllowScreen)


async def test_opening_a_profile_asks_nothing_and_the_first_test_asks_once(
    machine: Machine, sandbox: Sandbox, memory_keyring: MemoryKeyring
) -> None:
    path = write(machine, sandbox.url)
    memory_keyring.entries[f"tui-connector/{ENTRY}", "tui-connector"] = "a-CANARY-token-of-32-characters"
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "Acme store")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "magento" in shown(app))
        await pilot.press("t")
        await until(pilot, lambda: asked(app))
        assert f"sends the keyring's {ENTRY}" in shown(app)
        await pilot.press("enter")
        assert asked(app), "an Enter is no response"
        await pilot.press("n")
        await until_shown(pilot, "is not trusted to do this")
        assert sandbox.journal() == []
        await pilot.press("t")
        await until(pilot, lambda: asked(app))
        await pilot.press("y")
        await until(pilot, lambda: bool(sandbox.journal()))
        await until(pilot, lambda: not asked(app) and "✘ magento" in shown(app))
        requests = len(sandbox.journal())
        await pilot.press("t")
        await until(pilot, lambda: len(sandbox.journal()) > requests)
        assert not asked(app)
        # another program adds a command: only that is asked for
        changed = path.read_text().replace(f'{{ keyring = "{ENTRY}" }}', '{ command = ["printf", "a-%s", "b"] }')
        path.write_text(changed)
        page = app.screen
        assert isinstance(page, ProfilePage)
        await until(
            pilot,
            lambda: (
                page.opened is not None and "printf" in str(page.opened.document and page.opened.document.text_as_read)
            ),
        )
        await pilot.press("t")
        await until(pilot, lambda: asked(app))
        assert "runs the command printf a-%s b" in shown(app)
        assert ENTRY not in shown(app)
        await pilot.press("n")
        await until(pilot, lambda: not asked(app))


class ScriptedUser(NoPrompt):
    """A user who gives this answer to each question; `questions` are those so far."""

    def __init__(self, response: bool) -> None:
        self.response, self.questions = response, list[str]()

    async def secret(self, label: str) -> str | None:
        return None

    async def allow(self, question: str) -> bool:
        self.questions.append(question)
        return self.response


def _with(machine: Machine, user: ScriptedUser) -> Machine:
    return Machine(machine.directories, machine.environ, machine.keyring, user)


async def test_setup_made_in_the_guide_is_trusted_when_saved(machine: Machine) -> None:
    user = ScriptedUser(False)
    here = _with(machine, user)
    bench = Workbench(here)
    path = machine.directories.profiles / "acme.toml"
    document = Document.new({})
    text = PROFILE.replace("URL", "http://127.0.0.1:9") + '[clients.magento.proxy]\nuri = "http://127.0.0.1:8"\n'
    document.draft = tomllib.loads(text)
    setup = Setup("acme", document)
    bench.vault.hold(ENTRY, "a-CANARY-token", "http://127.0.0.1:9")
    async with bench.session(profile_of(setup.draft)):
        pass
    saved = await save(setup, path, bench.vault, trust=bench.trust)
    assert saved.trusted
    assert user.questions == []
    again = Workbench(here, directory=path.parent, trust=ProfileTrust(here, path))
    async with again.session(profile_of(setup.draft)):
        pass
    assert user.questions == []
    bench.close()
    again.close()


FOREIGN = [f"sends the keyring's {ENTRY} (or the variable TUI_CONNECTOR_ACME_INTEGRATION_ACCESS_TOKEN) to URL"]
INCOMING = {"client": "magento", "request": {"uri": "products"}, "sink": {"kind": "jsonl", "path": "/data/x.jsonl"}}


async def test_saving_a_foreign_profile_trusts_only_what_its_user_adds(machine: Machine) -> None:
    user = ScriptedUser(False)
    here = _with(machine, user)
    path = write(machine, "http://127.0.0.1:9")
    foreign = [each.replace("URL", "http://127.0.0.1:9") for each in FOREIGN]
    bench = Workbench(here, directory=path.parent, trust=ProfileTrust(here, path))
    edit = begin_edit(path)
    edit.setup.edit(("incoming", "products"), INCOMING)  # type: ignore[arg-type]
    change = await edit.save(bench, path.parent)
    assert user.questions == [], "saving uses nothing"
    [record] = bench.trust.records()
    assert [each.text for each in record.capabilities] == ["writes the file /data/x.jsonl, outside its own folder"]
    profile, _ = check(path.read_text())
    assert profile is not None
    with pytest.raises(Untrusted) as refused:
        await bench.trust.require(profile, parts=[("incoming", "products")])
    assert [each.text for each in refused.value.capabilities] == foreign

    user.response = True
    await bench.trust.require(profile, parts=[("clients", "magento")])
    assert len(user.questions) == 2
    await bench.trust.require(profile)
    assert len(user.questions) == 2, "what was added here was never a question"
    # undone and deleted again: nothing of it is asked for once more
    await asyncio.to_thread(change.revert)
    assert "incoming" not in path.read_text()
    deleted = await removal_of_a_new_part(path, bench)
    await asyncio.to_thread(deleted.revert)
    profile, _ = check(path.read_text())
    assert profile is not None
    await bench.trust.require(profile)
    assert len(user.questions) == 2
    bench.close()


async def removal_of_a_new_part(path: Path, bench: Workbench) -> SavedChange:
    edit = begin_edit(path)
    edit.setup.edit(("incoming", "products"), INCOMING)  # type: ignore[arg-type]
    await edit.save(bench, path.parent)
    return await removal(path, "incoming", "products").save(bench, path.parent)


async def test_fixing_an_invalid_foreign_profile_does_not_trust_it(machine: Machine) -> None:
    path = write(machine, "http://127.0.0.1:9", "[clients.other]\ntimeuot = 3\n")
    document = Document.read(path)
    saver = TextSaver(machine, path, document)
    document.edit_text(document.text().replace("timeuot = 3\n", ""))
    await saver.save(Checker().check(document.text()), is_new=False)
    assert TrustRecords(machine.directories.state).find(path) is None


async def test_what_is_made_of_something_foreign_is_not_the_users_own(machine: Machine) -> None:
    path = write(machine, "http://127.0.0.1:9")
    bench = Workbench(machine, directory=path.parent, trust=ProfileTrust(machine, path))
    for place, value in (
        (("clients", "magento", "proxy"), {"uri": "http://127.0.0.1:8"}),
        (("clients", "magento", "plugins", 0, "uri"), "http://127.0.0.1:7/rest/V1"),
        (("authentications", "integration", "token"), {"keyring": "acme/other"}),
    ):
        edit = begin_edit(path)
        edit.setup.edit(place, value)  # type: ignore[arg-type]
        await edit.save(bench, path.parent)
        assert not [each for found in bench.trust.records() for each in found.capabilities if each.kind == "secret"]
    bench.close()


async def test_what_is_saved_while_it_is_invalid_is_the_users_own(machine: Machine) -> None:
    path = write(machine, "http://127.0.0.1:9")
    profile, _ = check(path.read_text())
    assert profile is not None
    records = TrustRecords(machine.directories.state)
    records.grant(path, capabilities(profile, path.parent, machine), machine.now())
    document = Document.read(path)
    saver, valid = TextSaver(machine, path, document), document.text()
    for address in ("wrong", "http://127.0.0.1:10/rest/V1"):
        document.edit_text(valid.replace("http://127.0.0.1:9/rest/all/V1", address))
        await saver.save(Checker().check(document.text()), is_new=False)
    [only] = records.list()
    assert [str(each.facts["to"]) for each in only.capabilities] == ["http://127.0.0.1:10"]


async def test_environments_trust_what_is_added_in_a_form(machine: Machine) -> None:
    user = ScriptedUser(True)
    here = _with(machine, user)
    path = write(machine, "http://127.0.0.1:9", '[environments.staging]\nname = "Staging"\n')
    bench = Workbench(here, directory=path.parent, trust=ProfileTrust(here, path))
    staging = ProfileTrust(here, path, environment="staging")
    profile, _ = check(path.read_text(), "staging")
    assert profile is not None
    await staging.require(profile)
    edit = begin_edit(path)
    edit.setup.edit(("incoming", "products"), INCOMING)  # type: ignore[arg-type]
    await edit.save(bench, path.parent)
    profile, _ = check(path.read_text(), "staging")
    assert profile is not None
    await ProfileTrust(here, path, environment="staging").require(profile)
    assert len(user.questions) == 1
    bench.close()


async def test_copy_is_trusted_as_far_as_its_original(machine: Machine) -> None:
    user = ScriptedUser(False)
    here = _with(machine, user)
    sink = 'sink = { kind = "jsonl", path = "/data/acme/x.jsonl" }\n'
    path = write(machine, "http://127.0.0.1:9", f'[incoming.x]\nclient = "magento"\nrequest = {{ uri = "x" }}\n{sink}')
    profile, _ = check(path.read_text())
    assert profile is not None
    whole = capabilities(profile, path.parent, here)
    records = TrustRecords(machine.directories.state)
    library = Library(machine.directories.profiles)
    for trusted in (whole[:1], whole[1:], whole):
        records.grant(path, trusted, here.now(), only=True)
        copied = duplicate(path, f"shop-{len(trusted)}-{trusted[0].kind}", library).path
        copy_trust(here, path, copied)
        found, copy = records.find(copied), check(copied.read_text())[0]
        assert found is not None
        assert copy is not None
        kinds = [each.kind for each in ProfileTrust(here, copied).missing(capabilities(copy, copied.parent, here))]
        # a file of the copy's own is trusted only with everything that the original can do
        assert kinds == [] if trusted is whole else "write" in kinds


async def test_typed_secret_of_a_foreign_profile_is_trusted_and_its_entry_replaced_after_a_question(
    machine: Machine,
) -> None:
    user = ScriptedUser(False)
    here = _with(machine, user)
    path = write(machine, "http://127.0.0.1:9")
    setup = Setup.from_document("acme", Document.read(path))
    trust = ProfileTrust(here, path)
    bench = Workbench(here, directory=path.parent, trust=trust)
    await bench.vault.store(ENTRY, "their-CANARY-token", "https://theirs.example")
    bench.vault.hold(ENTRY, "a-CANARY-token", "http://127.0.0.1:9")

    async def confirm_replace(error: OtherStore) -> bool:
        return await user.allow(f"Replace {error.name}?")

    with pytest.raises(OtherStore):
        await save(setup, path, bench.vault, trust=trust, confirm_replace=confirm_replace)
    assert await bench.vault.origins_of(ENTRY) == ("https://theirs.example",)
    assert bench.trust.records() == []

    user.response = True
    saved = await save(setup, path, bench.vault, trust=trust, confirm_replace=confirm_replace)
    assert user.questions == [f"Replace {ENTRY}?"] * 2
    assert saved.trusted
    assert await bench.vault.origins_of(ENTRY) == ("http://127.0.0.1:9",)
    bench.close()


async def test_capabilities_added_in_a_form_are_trusted_and_listed_when_saved(machine: Machine) -> None:
    user = ScriptedUser(False)
    here = _with(machine, user)
    path = write(machine, "http://127.0.0.1:9")
    records = TrustRecords(machine.directories.state)
    profile, _ = check(path.read_text())
    assert profile is not None
    records.grant(path, capabilities(profile, path.parent, here), here.now())
    setup = Setup.from_document("acme", Document.read(path))
    trust = ProfileTrust(here, path)
    bench = Workbench(here, directory=path.parent, trust=trust)
    setup.edit(("incoming", "products"), INCOMING)  # type: ignore[arg-type]
    saved = await save(setup, path, bench.vault, trust=trust)
    assert saved.trusted
    assert user.questions == []
    assert [each.text for each in saved.allowed] == ["writes the file /data/x.jsonl, outside its own folder"]
    assert trust.missing(saved.allowed) == []
    bench.close()


@pytest.mark.parametrize(
    ("entry", "goes"),
    [
        ('{"v": 1, "origins": ["http://127.0.0.1:9"], "secret": "a-CANARY"}', True),
        ('{"v": 1, "origins": ["http://127.0.0.1:8"], "secret": "a-CANARY"}', False),
        ('{"v": 2, "origins": ["http://127.0.0.1:9"], "secret": "a-CANARY"}', False),
        ("a-CANARY", False),
    ],
)
async def test_entry_bound_by_an_earlier_version_still_works(
    machine: Machine, memory_keyring: MemoryKeyring, entry: str, goes: bool, tmp_path: Path
) -> None:
    memory_keyring.entries[f"tui-connector/{ENTRY}", "tui-connector"] = entry
    path = write(machine, "http://127.0.0.1:9")
    profile, _ = check(path.read_text())
    assert profile is not None
    if goes:
        assert await ProfileTrust(machine, path).require(profile)
    else:
        with pytest.raises(Untrusted):
            await ProfileTrust(machine, path).require(profile)
    elsewhere = tmp_path / "clone.toml"  # it counts for profiles of the user's own directory only
    elsewhere.write_text(path.read_text())
    with pytest.raises(Untrusted):
        await ProfileTrust(machine, elsewhere).require(profile)


async def test_schema_link_cannot_overwrite_other_files(machine: Machine, tmp_path: Path) -> None:
    for kind in ("a link", "a file", "a folder"):
        folder = tmp_path / kind.replace(" ", "-")
        folder.mkdir()
        mine = tmp_path / "bashrc"
        mine.write_text("export MINE=1\n")
        schema = folder / "tui-connector.schema.json"
        if kind == "a link":
            schema.symlink_to(mine)
        elif kind == "a file":
            schema.write_text('{"title": "mine"}')
        else:
            schema.mkdir()
        setup = Setup("acme", Document.new({}))
        setup.document.draft = tomllib.loads(PROFILE.replace("URL", "http://127.0.0.1:9"))
        bench = Workbench(machine, directory=folder)
        saved = await save(setup, folder / "acme.toml", bench.vault, trust=bench.trust)
        assert len(saved.notes) == 1, kind
        assert mine.read_text() == "export MINE=1\n"
        assert (folder / "acme.toml").exists()
        bench.close()


async def test_question_for_an_unsaved_profile_names_it_and_all_the_secrets_that_are_sent(machine: Machine) -> None:
    user = ScriptedUser(False)
    here = _with(machine, user)
    names = ["consumer-key", "consumer-secret", "access-token", "access-token-secret"]
    entries = [f"acme/integration/{each}" for each in names]
    fields = "\n".join(f'{name} = {{ keyring = "{entry}" }}' for name, entry in zip(names, entries, strict=True))
    text = PROFILE.replace(f'kind = "bearer"\ntoken = {{ keyring = "{ENTRY}" }}', f'kind = "oauth1"\n{fields}')
    profile, problems = check(text.replace("URL", "http://127.0.0.1:9"))
    assert profile is not None, problems
    bench = Workbench(here)
    bench.vault.hold(entries[0], "a-CANARY-key", "http://127.0.0.1:9")
    with pytest.raises(Untrusted, match="The profile Acme store is not trusted"):
        await bench.trust.require(profile, bench.vault)
    [question] = user.questions
    assert question.startswith("The profile Acme store is not yet trusted to do this:")
    assert "sends 4 secrets (" in question
    assert all(each in question for each in entries)
    for each in entries[1:]:
        bench.vault.hold(each, "a-CANARY-secret", "http://127.0.0.1:9")
    await bench.trust.require(profile, bench.vault)  # all were typed in this session, so there is no question
    assert len(user.questions) == 1
    bench.close()
