"""`schedule`: what it prints is read by systemd, run by a shell as cron does, and loaded as Celery does."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest
from program import Program
from requirements import require

from tui_connector import cli
from tui_connector.errors import UserError
from tui_connector.guide.schedules.cron import Cron
from tui_connector.guide.schedules.schedule import Schedule
from tui_connector.machine import Machine
from tui_connector.profile.problems import check

PROFILE = """
format = 1
name = "Acme"
[clients.shop]
[incoming.products]
client = "shop"
request = { uri = "https://acme.example/rest/V1/products" }
sink = { kind = "jsonl", path = "products.jsonl" }
"""
SINK = 'sink = { kind = "jsonl", path = "products.jsonl" }\n'


@pytest.fixture
def acme(profiles: Path) -> Path:
    """The profile, with a sink."""
    profile = profiles / "acme.toml"
    profile.write_text(profile.read_text() + SINK)
    return profile


def test_the_units_are_accepted_by_systemd(program: Program, acme: Path, tmp_path: Path) -> None:
    require("systemd-analyze")
    ended = program("schedule", "acme", "products", "0 3 1,15 * mon", "--print", "systemd")
    assert (ended.returncode, ended.stderr) == (0, "")
    parts = re.split(r"(?m)^# ~/\.config/systemd/user/(\S+)\n", ended.stdout)
    assert parts[1::2] == ["tui-connector-acme-products.service", "tui-connector-acme-products.timer"]
    files = []
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        files.append(tmp_path / name)
        files[-1].write_text(text)
    assert "OnCalendar=*-*-01,15 03:00:00\nOnCalendar=Mon *-*-* 03:00:00\n" in files[1].read_text()
    assert f"EnvironmentFile=-{os.path.abspath(acme.parent.parent)}/tui-connector-acme-products.env" in ended.stdout
    _verify(files, tmp_path)


def test_units_name_a_program_whatever_its_path_is(machine: Machine, tmp_path: Path) -> None:
    require("systemd-analyze")
    odd = tmp_path / "$HOME $$ 100% é"
    odd.mkdir()
    (odd / "tui").symlink_to("/bin/true")
    planned = _planned(machine, odd, str(odd / "tui"))
    service, _, _ = planned.systemd().rpartition("\n# ~/")
    file = tmp_path / "tui-connector-odd.service"
    file.write_text(service)
    _verify([file], tmp_path)


@pytest.mark.parametrize("folder", ["it's", 'the "shop"', "a\\b"])
def test_a_program_that_systemd_would_not_start_is_refused(machine: Machine, tmp_path: Path, folder: str) -> None:
    program = str(tmp_path / folder / "tui-connector")
    planned = _planned(machine, tmp_path, program)
    with pytest.raises(UserError, match="contains a quote or a backslash"):
        planned.systemd()
    assert shlex.quote(program) in planned.crontab()


@pytest.mark.parametrize("value", ['/srv/the "shop"', "/srv/a\nb"])
def test_a_variable_that_no_file_can_hold_is_named_and_refused(machine: Machine, tmp_path: Path, value: str) -> None:
    planned = _planned(replace(machine, environ={"XDG_STATE_HOME": value}), tmp_path, "/bin/true")
    for scheduler in (planned.systemd, planned.crontab):
        with pytest.raises(UserError, match="The variable XDG_STATE_HOME has the value"):
            scheduler()


DATABASE = 'kind = "postgres", host = "db.test", database = "etl"'


def test_the_passwords_of_databases_are_secrets_of_the_run_too(machine: Machine, tmp_path: Path) -> None:
    sink = f'sink = {{ {DATABASE}, password = {{ env = "SINK_PASSWORD" }} }}\nidentifier = "sku"\n'
    ledger = '[ledger]\nkind = "postgres"\nhost = "db.test"\ndatabase = "etl"\npassword = { env = "LEDGER_PASSWORD" }\n'
    planned = _planned(machine, tmp_path, "/bin/true", PROFILE.replace(SINK, sink) + ledger)
    for text in (planned.systemd(), planned.crontab()):
        assert "SINK_PASSWORD='…'" in text
        assert "LEDGER_PASSWORD='…'" in text


def test_a_database_whose_password_needs_the_user_is_refused(machine: Machine, tmp_path: Path) -> None:
    sink = f'sink = {{ {DATABASE}, password = {{ ask = true }} }}\nidentifier = "sku"\n'
    with pytest.raises(UserError, match="cannot prompt for products/sink/password"):
        _planned(machine, tmp_path, "/bin/true", PROFILE.replace(SINK, sink)).check()


def _planned(machine: Machine, folder: Path, program: str, profile: str = PROFILE) -> Schedule:
    saved, problems = check(profile)
    assert saved is not None, problems
    return Schedule(saved, folder / "acme.toml", "products", Cron.parse("@daily"), machine, [program])


def _verify(files: list[Path], folder: Path) -> None:
    checked = subprocess.run(
        ["systemd-analyze", "--user", "verify", *files],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert [line for line in checked.stderr.splitlines() if "tui-connector" in line] == []
    assert checked.returncode == 0, checked.stderr


def _crontab(text: str) -> tuple[dict[str, str], str]:
    """The variables and the command of a crontab with one entry, as cron reads them."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pairs = (line.split("=", 1) for line in lines[:-1])
    variables = {name: value.strip('"') for name, value in pairs}
    assert lines[-1].startswith("*/15 * * * * ")
    return variables, lines[-1].removeprefix("*/15 * * * * ").replace("\\%", "%")


def test_the_crontab_line_reads_the_items_without_a_session(
    program: Program, acme: Path, environment: dict[str, str], may_hold_canary: set[Path]
) -> None:
    odd = acme.with_name("100% acme's.toml")
    acme.rename(odd)
    assert program("trust", str(odd), "--yes").returncode == 0
    ended = program("schedule", str(odd), "products", "*/15 * * * *", "--print", "cron")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "not trusted" not in ended.stdout
    variables, command = _crontab(ended.stdout)
    assert "LANG" in variables
    found = re.search(r"# The file (.+) \(create it with mode 600\)", ended.stdout)
    assert found is not None
    secrets = Path(found[1])
    secrets.write_text("".join(f"{name}='{environment[name]}'\n" for name in environment if "TOKEN" in name))
    with secrets.open("a") as file:
        file.write("".join(f"{name}='{environment[name]}'\n" for name in environment if "CONSUMER" in name))

    def run_by_cron() -> subprocess.CompletedProcess[str]:
        given = {"HOME": environment["HOME"], "PYTHONPATH": environment["PYTHONPATH"], **variables}
        return subprocess.run(["/bin/sh", "-c", command], env=given, capture_output=True, text=True, timeout=120)

    done = run_by_cron()
    [errors] = re.findall(r"/tui-connector-100__acme_s-products-\w{8}\.err", ended.stdout.split("\n*/15", 1)[1])
    errors = Path(variables["XDG_STATE_HOME"], "tui-connector", errors[1:])
    assert (done.returncode, done.stdout, done.stderr, errors.read_text()) == (0, "", "", "")
    assert len(odd.with_name("products.jsonl").read_text().splitlines()) == 30
    if "flock" in command:
        lock = errors.with_suffix(".lock")
        held = ["flock", str(lock), "sh", "-c", "echo held; cat"]
        with subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as holder:
            assert holder.stdin is not None
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            items = odd.with_name("products.jsonl")
            items.unlink()
            assert (run_by_cron().returncode, items.exists()) == (0, False)
            holder.stdin.close()


def test_the_beat_entry_is_one(program: Program, acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f'{acme.read_text()}\n[environments.staging]\nname = "Staging"\n'
    acme = acme.with_name("acme 🛒.toml")
    acme.write_text(text)
    ended = program("schedule", str(acme), "products", "0 8-10 * * 1-5", "--print", "celery", "--env", "staging")
    assert (ended.returncode, ended.stderr) == (0, "")
    schedules, tasks = types.ModuleType("celery.schedules"), types.ModuleType("tui_connector.celery")
    app = types.SimpleNamespace(conf=types.SimpleNamespace(beat_schedule={}))
    monkeypatch.setattr(schedules, "crontab", dict, raising=False)
    monkeypatch.setattr(tasks, "app", app, raising=False)
    for name, module in (("celery.schedules", schedules), ("tui_connector.celery", tasks)):
        monkeypatch.setitem(sys.modules, name, module)
    exec(compile(ended.stdout, "beat", "exec"), {})
    [(name, entry)] = app.conf.beat_schedule.items()
    assert re.fullmatch(r"tui-connector-acme__-staging-products-\w{8}", name)
    assert entry["schedule"]["day_of_week"] == "1,2,3,4,5"
    assert entry["task"] == "tui_connector.run"
    assert f'name="{entry["task"]}"' in (Path(cli.__file__).parents[1] / "celery.py").read_text()
    assert (entry["args"], entry["kwargs"]) == (["acme 🛒", "products"], {"env": "staging"})
    refused = program("schedule", "acme", "products", "0 0 13 * 5", "--print", "celery")
    assert (refused.returncode, "Make two schedules" in refused.stderr) == (2, True)


def test_one_of_two_with_the_same_name_is_scheduled(program: Program, acme: Path) -> None:
    outgoing = f"""
[outgoing.products]
client = "magento"
source = {{ kind = "csv", path = "{acme.with_name("products.csv")}" }}
request = {{ method = "put", uri = "products/&{{sku}}", parameters = {{ product = "&{{@}}" }} }}
"""
    acme.write_text(acme.read_text() + outgoing)
    for direction in ("incoming", "outgoing"):
        words = ("schedule", "acme", "products", "@daily", "--direction", direction, "--print")
        ended = program(*words, "cron")
        assert (ended.returncode, f" --direction {direction} " in ended.stdout) == (0, True), ended.stderr
        assert f"['--direction', '{direction}']" in program(*words, "celery").stdout
    refused = program("schedule", "acme", "nothing", "@daily", "--direction", "outgoing", "--print", "cron")
    assert (refused.returncode, "named 'nothing'" in refused.stderr) == (2, True)


def test_no_two_schedules_share_a_lock_or_a_file_of_secrets(program: Program, acme: Path, tmp_path: Path) -> None:
    text = acme.read_text()
    acme.write_text(f'{text}\n[environments.staging]\nname = "Staging"\n')
    paths = [acme.with_name(name) for name in ("acme-staging.toml", "a b.toml", "a_b.toml")] + [tmp_path / acme.name]
    for path in paths:
        path.write_text(text)
    words = [[str(path)] for path in (acme, *paths)] + [["acme", "--env", "staging"]]
    words += [["acme", "--direction", "incoming"]]
    printed = [program("schedule", *each, "products", "@daily", "--print", "cron").stdout for each in words]
    for pattern in (r"# Errors are appended to (\S+)\.err\.", r"# The file (\S+\.env) "):
        found = [re.search(pattern, text) for text in printed]
        assert len({each and each[1] for each in found} - {None}) == len(words), found


def test_secrets_and_trust_are_named(program: Program, acme: Path) -> None:
    text = acme.read_text()
    acme.write_text(text.replace('{ env = "ACCESS_TOKEN" }', '{ keyring = "acme/integration/access-token" }'))
    printed = program("schedule", "acme", "products", "@daily", "--print", "cron").stdout
    assert "TUI_CONNECTOR_ACME_INTEGRATION_ACCESS_TOKEN='…'    keyring entry" in printed
    assert "CONSUMER_KEY='…'" in printed
    assert "not trusted yet, so the run would refuse: tui-connector trust acme" in printed
    assert "CANARY" not in printed


@pytest.mark.parametrize(
    ("change", "name", "why"),
    [
        ((SINK, ""), "products", "writes its items to standard output"),
        ((SINK, f"{SINK}disabled = true\n"), "products", "is disabled"),
        (('{ env = "ACCESS_TOKEN" }', "{ ask = true }"), "products", "cannot prompt for integration/access-token"),
        ((SINK, SINK), "orders", "no incoming or outgoing named 'orders'"),
    ],
)
def test_a_run_that_needs_its_user_is_refused(
    program: Program, acme: Path, change: tuple[str, str], name: str, why: str
) -> None:
    acme.write_text(acme.read_text().replace(*change))
    ended = program("schedule", "acme", name, "@daily", "--print", "systemd")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert why in ended.stderr


def test_sending_to_production_has_to_be_allowed(program: Program, acme: Path) -> None:
    text = acme.read_text().replace("[clients.magento]\n", "[clients.magento]\nproduction = true\n")
    acme.write_text(
        f"""{text}
[outgoing.stock]
client = "magento"
source = {{ kind = "csv", path = "stock.csv" }}
identifier = "sku"
request = {{ method = "post", uri = "inventory/source-items", parameters = {{ sourceItems = ["&{{@}}"] }} }}
"""
    )
    ended = program("schedule", "acme", "stock", "@daily", "--print", "systemd")
    assert (ended.returncode, "marked as production" in ended.stderr) == (2, True)
    ended = program("schedule", "acme", "stock", "@daily", "--print", "systemd", "--yes-production")
    assert "run --quiet --yes-production" in ended.stdout
    ended = program("schedule", "acme", "stock", "@daily", "--print", "celery", "--yes-production")
    assert """"kwargs": {'options': ['--yes-production']}""" in ended.stdout
