"""The README tells what there is: every command, every kind, and an example of a new kind that works."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import click

from tui_connector import cli
from tui_connector.cli import errors, slices
from tui_connector.cli.check import check as check_command
from tui_connector.cli.run import run_command
from tui_connector.cli.tap import tap
from tui_connector.kinds import kebab
from tui_connector.outgoing.comparison import Comparison, FieldRule
from tui_connector.profile.model import kind_schemas
from tui_connector.profile.model import schema as profile_schema
from tui_connector.profile.problems import check
from tui_connector.tui.key_settings import all_bindings, check_keys
from tui_connector.tui.keys import key_label

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def block(language: str, word: str) -> str:
    """The example in this language that has this word in it."""
    [found] = [text for name, text in BLOCKS if name == language and word in text]
    return found


PROFILE = block("toml", 'name = "Acme store"')


def block_of(heading: str) -> str:
    """The first indented block below this heading."""
    found = re.search(r"(?ms)^ {4}\S.*?(?=\n\n\S)", README[README.index(heading) :])
    assert found is not None
    return found[0]


def test_every_command_is_named() -> None:
    named = set(re.findall(r"(?m)^    tui-connector ([a-z]+)", README)) | {"profiles", "schema"}
    assert set(cli._COMMANDS) == named


def _options(name: str) -> set[str]:
    """The options of a command, its subcommands and the program itself."""
    command = cli._command(name)
    group = list(command.commands.values()) if isinstance(command, click.Group) else []
    every = [param for each in (cli.commands, command, *group) for param in each.params]
    return {option for param in every for option in (*param.opts, *param.secondary_opts)} | {"--help", "--version"}


def test_the_options_in_it_are_those_of_the_commands() -> None:
    entries = re.split(r"(?m)^    tui-connector ", block_of("## Commands"))[1:]
    entries += re.findall(r"(?m)^    tui-connector (.+)", README) + re.findall(r"`tui-connector (.+?)`", README)
    wrong = {
        f"{name} {option}"
        for name, _, rest in (re.split(r"\n(?!  )", entry)[0].partition(" ") for entry in entries)
        if name in cli._COMMANDS
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest.partition(" | ")[0])
        if option not in _options(name) | (_options("run") if name == "plan" else set())
    }
    assert wrong == set()
    others = {"--args", "--force"}  # of Celery and pipx
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))
    assert named - others - {option for name in cli._COMMANDS for option in _options(name)} == set()


def test_what_needs_trust_accepts_it_for_once() -> None:
    """README and the message about an untrusted profile promise `--trust`."""
    folder = Path(cli.__file__).parent
    needing = {
        name
        for name, module in cli._COMMANDS.items()
        if re.search(r"\b(allowed|Slices\.open)\(", (folder / f"{module}.py").read_text())
    }
    assert len(needing) > 8
    assert {name for name in needing if "--trust" not in _options(name)} == set()


def test_the_keys_in_it_are_those_of_the_schema() -> None:
    """The keys that all kinds of a table share; those of one kind are listed by `kinds NAME`."""
    schema = profile_schema()
    tables = {name: table for name, table in schema["definitions"].items() if not name.startswith("Override")}
    shared = [schema, *(table for table in tables.values() if "kind" not in table.get("properties", {}))]
    keys = {key for table in shared for key in table.get("properties", {})}
    assert len(keys) > 80
    assert sorted(key for key in keys if not re.search(rf"[`.\s{{]{key}(`|\s=|\.)", README)) == []


def test_the_links_in_it_lead_somewhere() -> None:
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?s)```.*?```", "", README))
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(#(.*?)\)", README)
    assert len(links) > 20
    assert [link for link in links if link not in anchors] == []


def exit_codes_of(command: click.Command) -> dict[int, str]:
    """What the help of a command says about its exit codes."""
    return {int(code): meaning for code, meaning in re.findall(r"(?m)^  ([0-4])  (.+)$", command.epilog or "")}


def test_the_exit_codes_in_it_are_those_of_the_helps() -> None:
    listed = {int(code): meaning for code, meaning in re.findall(r"(?m)^\| ([0-4]) \| ([^|]+) \|$", README)}
    assert listed == {int(code): meaning for code, meaning in errors._MEANINGS.items()}
    for command in (run_command, check_command, tap):
        said = exit_codes_of(command)
        assert said.items() <= listed.items()
        assert {0, 2, 3, 4} <= set(said), command.name


def test_the_exit_codes_of_slices_in_it_are_those_of_the_helps() -> None:
    lines = re.findall(r"(?m)^\| ([0-4] \|.*\|.*\|.*\|.*) \|$", README)
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert len(rows) == 5
    for code, planned, _, committed, advice in rows:
        for command, cell in ((slices.plan, planned), (slices.commit, committed)):
            meaning, _, engine = exit_codes_of(command).get(int(code), "").partition(": ")
            assert meaning == cell
            assert engine in advice


def test_the_kinds_in_it_exist() -> None:
    """`tui-connector kinds` lists all of them, so that a new kind is one new file."""
    listed = [re.sub(r"\(.*?\)", "", cell) for cell in re.findall(r"`kind`: (.*?) \|", README)]
    named = {kind for cell in listed for kind in re.findall(r"`([a-z0-9-]+)`", cell)}
    assert len(named) > 20
    assert named - {kind for kinds in kind_schemas().values() for kind in kinds} == set()


def test_the_profile_in_it_is_one() -> None:
    profile, problems = check(PROFILE)
    assert problems == []
    assert profile is not None


def test_the_profile_of_another_api_in_it_is_one() -> None:
    profile, problems = check(block("toml", 'name = "Other shop"'))
    assert problems == []
    assert profile is not None


def test_the_chain_in_it_is_one() -> None:
    profile, problems = check(PROFILE + block("toml", "[[outgoing.customers.steps]]"))
    assert problems == []
    assert profile is not None
    first = profile.outgoing["customers"].request_for({"email": "a+b@example.com"}, {}, "find")
    criteria = "searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D"
    assert first.uri == f"customers/search?{criteria}%5Bfield%5D=email&{criteria}%5Bvalue%5D=a%2Bb%40example.com"


def test_the_criteria_in_it_are_valid() -> None:
    profile, problems = check(PROFILE + block("toml", "where = ["))
    assert problems == []
    assert profile is not None


def test_the_child_list_in_it_is_one() -> None:
    parent = block("toml", "where = [")
    profile, problems = check(PROFILE + parent + block("toml", "[incoming.order-comments]"))
    assert problems == []
    assert profile is not None


def test_the_alerts_in_it_are_valid() -> None:
    for word in ("./notify.sh", "alerts.example"):
        profile, problems = check(PROFILE + "[clients.alerts]\n" + block("toml", word))
        assert problems == []
        assert profile is not None
        assert profile.on_failure is not None


def test_the_logins_in_it_are_valid() -> None:
    for word in ("otp = { totp", "ims-na1", '"./token.sh", "staging"'):
        profile, problems = check(PROFILE + block("toml", word))
        assert problems == []
        assert profile is not None


def test_the_environment_in_it_is_one() -> None:
    profile, problems = check(PROFILE + block("toml", "[environments.staging]"), "staging")
    assert problems == []
    assert profile is not None
    assert profile.base_uri("magento") == "https://staging.acme.example/rest/all/V1"


def test_the_environment_of_a_replay_in_it_needs_no_secret() -> None:
    profile, problems = check(PROFILE + block("toml", "[environments.replay]"), "replay")
    assert problems == []
    assert profile is not None
    assert profile.base_uri("magento") == "http://127.0.0.1:8424/rest/all/V1"
    assert profile.clients["magento"].authentications == []


def test_the_bulk_in_it_is_one() -> None:
    profile, problems = check(PROFILE + block("toml", 'delivery = "bulk"'))
    assert problems == []
    assert profile is not None
    assert profile.outgoing["names"].delivery == "bulk"


def test_the_comparison_in_it_is_one() -> None:
    profile, problems = check(PROFILE + block("toml", "[outgoing.quantities.compare]"))
    assert problems == []
    assert profile is not None
    written, known = profile.outgoing["quantities"].compare, Comparison(preset="stock").resolved
    assert written is not None
    assert (written.lookup, written.identifier, written.rules) == (known.lookup, known.identifier, known.rules)


def test_the_keys_of_a_comparison_are_in_it() -> None:
    fields = [model.model_fields for model in (Comparison, FieldRule)]
    named = {kebab(name) for each in fields for name in each}
    assert sorted(name for name in named if f"`{name}`" not in README and f"{name} = " not in README) == []


def test_the_keys_in_it_can_be_set() -> None:
    settings = tomllib.loads(block("toml", "theme ="))
    assert check_keys(settings["keys"], all_bindings()) == (settings["keys"], [])


def test_the_keys_of_the_keyboard_in_it_are_bound_and_each_has_its_action() -> None:
    bindings = [binding for each in all_bindings() for binding in each.bindings]
    bound = {key_label(key) for binding in bindings for key in binding.key.split(",")}
    bound |= {binding.key_display for binding in bindings if binding.key_display}
    bound.add("←")  # a list beside a field handles it
    table = README[README.index("| where | keys |") :].partition("\n\n")[0]
    entries = [entry for line in table.splitlines()[2:] for entry in line.split("|")[2].strip().split(" · ")]
    assert len(entries) > 150
    begins = [re.match(r"((?:`[^` ]+`[ /])+)\w", entry) for entry in entries]
    assert [entry for entry, begin in zip(entries, begins, strict=True) if begin is None] == []
    keys = {key for begin in begins if begin is not None for key in re.findall(r"`(.+?)`", begin[1])}
    assert sorted(keys - bound) == []


def test_the_pictures_in_it_are_there() -> None:
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert pictures
    assert [name for name in pictures if not (Path(__file__).parent.parent / name).is_file()] == []


def test_the_new_kind_in_it_works(tmp_path: Path, clean_environment: dict[str, str]) -> None:
    (tmp_path / "acme_kinds.py").write_text(block("python", "acme-department"))
    information = tmp_path / "acme-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    points = tomllib.loads(block("toml", "entry-points"))["project"]["entry-points"]["tui_connector.kinds"]
    lines = [f"{name} = {module}\n" for name, module in points.items()]
    (information / "entry_points.txt").write_text("[tui_connector.kinds]\n" + "".join(lines))
    environment = {**clean_environment, "PYTHONPATH": f"{tmp_path}:{clean_environment['PYTHONPATH']}"}
    command = [sys.executable, "-m", "tui_connector", "schema"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert "acme-department" in ended.stdout
    assert "Sent in X-Department." in ended.stdout


def test_the_script_that_draws_the_screenshots_can_be_loaded() -> None:
    script = Path(__file__).parent.parent / "screenshots" / "draw.py"
    assert callable(runpy.run_path(str(script))["draw"])
