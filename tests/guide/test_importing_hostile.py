"""Broken, huge and hostile texts: imported or refused with a typed error, and never obeyed."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imported_profiles import carried_out, planned, refusal
from memory_keyring import MemoryKeyring

from tui_connector.errors import UserError
from tui_connector.guide.profiles.importing import ImportResult, carry_out, plan_profile, set_secrets
from tui_connector.machine import Machine, NoPrompt
from tui_connector.profile.importers.detection import read
from tui_connector.profile.importers.model import MAX_CONFIGURATIONS, InvalidImport
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.vault import Vault

ESCAPES = "\x1b]0;title\x07\x1b[2J\u202egnp.exe"


def collection(*requests: dict[str, Any], **more: Any) -> str:
    return json.dumps({"info": {"name": "x"}, "item": [{"name": "a", "request": each} for each in requests], **more})


def test_escape_sequences_reach_neither_screen_nor_file(machine: Machine, tmp_path: Path) -> None:
    request = {"method": "GET", "url": "https://acme.example/rest/V1/modules", "description": ESCAPES}
    data = json.loads(collection(request))
    data["info"]["name"] = data["item"][0]["name"] = ESCAPES
    data["item"].append({"name": ESCAPES, "request": {"method": ESCAPES, "url": f"https://acme.example/{ESCAPES}"}})
    plan = planned(json.dumps(data), machine, tmp_path)
    for text in (plan.document.text(), *plan.created(), *map(str, plan.not_imported), *plan.capabilities):
        assert not set(text) & {"\x1b", "\x07", "\u202e"}


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "https://user:passwordCANARY@acme.example/x", "https://acme.example/../../etc", "http://",
        "",
        "https://acme.example\r\nX: y/", "javascript:alert(1)", "//acme.example/x", "https://acme.example:99999/x",
        "https://[::1/x", "https://acme.example/%zz%E4", "https://acme.example/&{@}/@{run}/?{", "\0", 5, None, {}, [],
    ],
)  # fmt: skip
def test_odd_addresses(url: Any, machine: Machine, tmp_path: Path) -> None:
    try:
        plan = planned(collection({"method": "GET", "url": url}), machine, tmp_path)
        told = plan.document.text() + str(plan.not_imported)
    except InvalidImport as error:
        told = str(error)
    assert "CANARY" not in told


def test_names_cannot_leave_the_folder(machine: Machine, tmp_path: Path) -> None:
    request = {"method": "PUT", "url": "https://acme.example/x", "body": {"mode": "raw", "raw": '{"a": 1}'}}
    data = json.loads(collection(request))
    data["item"][0]["name"] = "../../../.bashrc"
    plan = planned(json.dumps(data), machine, tmp_path)
    folder = machine.directories.profiles
    assert [path.relative_to(folder).as_posix() for path in plan.samples] == ["imported/outgoing/bashrc.jsonl"]


def test_a_command_as_secret_in_an_imported_text_is_no_command(machine: Machine, tmp_path: Path) -> None:
    auth = {"type": "bearer", "bearer": [{"key": "token", "value": {"command": ["rm", "-rf", "/"]}}]}
    plan = planned(
        collection({"method": "GET", "url": "https://acme.example/rest/V1/modules"}, auth=auth), machine, tmp_path
    )
    assert "command" not in plan.document.text()
    assert not any("command" in line for line in plan.capabilities)


async def test_existing_files_and_keyring_entries_are_kept(machine: Machine, tmp_path: Path) -> None:
    command = (
        "curl -X PUT https://acme.example/rest/V1/products/a -H 'Authorization: Bearer newCANARY'"
        """ -d '{"product": {"name": "b"}}'"""
    )
    keyring = machine.keyring() if machine.keyring else None
    assert keyring is not None
    keyring.set_password("tui-connector/imported/integration/access-token", "tui-connector", "of another")
    plan = planned(command, machine, tmp_path)
    [path] = plan.samples
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    result = await carried_out(plan, machine)
    assert path.read_text() == "mine"
    assert str(path) in result.notes[0]
    assert result.stored == ("imported/integration/access-token-2",)
    assert keyring.get_password("tui-connector/imported/integration/access-token", "tui-connector") == "of another"
    assert 'keyring = "imported/integration/access-token-2"' in result.path.read_text()


TWO_SECRETS = (
    "curl https://acme.example/rest/V1/modules -u web:CANARY-one\n"
    "curl https://acme.example/rest/V1/store/websites -H 'Authorization: Bearer CANARY-two'"
)


async def test_only_what_the_keyring_refused_is_kept_for_the_session(
    machine: Machine, tmp_path: Path, memory_keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(TWO_SECRETS, machine, tmp_path)
    first, second = plan.profile.secrets()
    assert first.source.keyring is not None
    vault = Vault(machine, Mask())
    await vault.store(first.source.keyring, "CANARY-of another", "https://other.example")
    store = memory_keyring.set_password

    def full(service: str, username: str, password: str) -> None:
        if "-2" not in service:
            raise RuntimeError("the keyring is full")
        store(service, username, password)

    monkeypatch.setattr(memory_keyring, "set_password", full)
    result = await carry_out(plan, vault, keep_for_session=True)
    vault.close()
    assert result.stored == (f"{first.source.keyring}-2",)
    assert result.for_session == (second.source.keyring,)


async def test_secrets_of_an_import_that_failed_are_deleted_or_named(
    machine: Machine, tmp_path: Path, memory_keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, again = planned(TWO_SECRETS, machine, tmp_path), planned(TWO_SECRETS, machine, tmp_path)
    machine.directories.profiles.parent.mkdir(parents=True, exist_ok=True)
    machine.directories.profiles.write_text("a file in place of the folder")
    with pytest.raises((UserError, OSError)) as caught:
        await carried_out(plan, machine)
    assert "keyring" not in str(caught.value)
    assert not memory_keyring.entries

    def locked(service: str, username: str) -> None:
        raise RuntimeError("locked")

    monkeypatch.setattr(memory_keyring, "delete_password", locked)
    with pytest.raises(UserError, match="still in the keyring: imported/") as named:
        await carried_out(again, machine)
    assert named.value.code == "import-incomplete"


def test_many_requests_are_limited_and_the_rest_is_counted(machine: Machine, tmp_path: Path) -> None:
    requests = [{"method": "GET", "url": f"https://acme.example/rest/V1/x/{n}"} for n in range(MAX_CONFIGURATIONS + 50)]
    plan = planned(collection(*requests), machine, tmp_path)
    assert len(plan.parts["incoming"]) == MAX_CONFIGURATIONS
    assert "50 requests: one import creates at most 200 configurations" in "\n".join(map(str, plan.not_imported))


GROWING = {
    "shell": "a=xxxxxxxxxx\n" + "a=$a$a$a$a\n" * 40 + "curl https://acme.example/$a",
    "shell in quotes": 'a="xxxxxxxxxx"\n' + 'a="$a${a}$a$a"\n' * 40 + 'curl "https://acme.example/$a"',
    "PowerShell": '$a = "xxxxxxxxxx"\n' + '$a = "$a$a$a$a"\n' * 40 + 'Invoke-RestMethod "https://acme.example/$a"',
    "Postman": collection(
        {"method": "GET", "url": "https://acme.example/{{a9}}"},
        variable=[{"key": "a0", "value": "x" * 10_000}]
        + [{"key": f"a{n + 1}", "value": f"{{{{a{n}}}}}" * 10} for n in range(9)],
    ),
    "Postman in one step": collection(
        {"method": "GET", "url": "https://acme.example/" + "{{a}}" * 2_000},
        variable=[{"key": "a", "value": "x" * 500_000}],
    ),
    "OpenAPI": json.dumps(
        {
            "openapi": "3.0.0",
            "paths": {"/a": {"get": {}}},
            "servers": [
                {"url": "https://acme.example/" + "{a}" * 2_000, "variables": {"a": {"default": "x" * 500_000}}}
            ],
        }
    ),
}


@pytest.mark.parametrize("name", GROWING)
def test_variables_that_insert_each_other_do_not_fill_the_memory(name: str) -> None:
    tracemalloc.start()
    try:
        error = refusal(GROWING[name])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "insert more than 10,000,000 characters" in str(error)
    assert peak < 100_000_000


def test_deep_json_in_a_body_is_refused(machine: Machine, tmp_path: Path) -> None:
    deep = '{"a":' * 5_000 + "1" + "}" * 5_000
    plan_or_error = refusal(f"curl https://acme.example/rest/V1/x -d '{deep}'")
    assert plan_or_error.code == "import-empty"


async def test_the_secrets_of_a_profile_are_asked_for_one_by_one(machine: Machine) -> None:
    class Typing(NoPrompt):
        asked: list[str] = []  # noqa: RUF012 - one instance

        async def secret(self, label: str) -> str | None:
            self.asked.append(label)
            return "typedCANARY" if "key" in label.partition("consumer-")[2] else ""

        async def allow(self, question: str) -> bool:
            return True

    machine = Machine(machine.directories, machine.environ, keyring=machine.keyring, prompt=Typing())
    names = ("consumer-key", "consumer-secret", "access-token", "access-token-secret")
    sources = "\n".join(f'{name} = {{ keyring = "theirs/integration/{name}" }}' for name in names)
    text = f"""format = 1
name = "Acme"
[authentications.integration]
kind = "oauth1"
{sources}
[clients.magento]
authentications = ["integration"]
[[clients.magento.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/V1"
"""
    plan = plan_profile(text, "shop", machine)
    vault = Vault(machine, Mask())
    try:
        result = ImportResult(plan.path, (), tuple(plan.missing_secrets()))
        result = await set_secrets(plan, result, vault, machine)
        assert await vault.origins_of("shop/integration/consumer-key") == ("https://acme.example",)
    finally:
        vault.close()
    assert result.stored == ("shop/integration/consumer-key",)
    assert result.to_set == tuple(f"shop/integration/{name}" for name in names[1:])
    assert len(Typing.asked) == 4


KEYS = """
    info item request url method header body mode raw auth type bearer key value log entries paths swagger openapi host
    servers get post /x $ref identifier object subscriber parameters prototype name description variable query
"""
FORMATS = ("info item", "log", "swagger paths host", "openapi paths servers", "type identifier object")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.sampled_from(["http://a/b", "{{x}}", "#/a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=5),
    max_leaves=25,
)


@given(st.sampled_from(FORMATS), json_values)
def test_any_json_is_imported_or_refused(keys: str, value: Any) -> None:
    data = {**dict.fromkeys(keys.split(), value), **(value if isinstance(value, dict) else {})}
    if keys == "log":
        data = {"log": {"entries": [value, {"request": value}]}}
    if keys == "info item":
        data["item"] = [value, {"name": "a", "request": value}]
    try:
        read(json.dumps(data))
    except InvalidImport as error:
        assert error.code.startswith("import-")  # noqa: PT017
