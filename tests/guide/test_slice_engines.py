"""The manifest and the DAG that `plan --kubernetes` and `plan --airflow` print, read as strictly as engines do."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from requirements import require_modules

from tui_connector.errors import UserError
from tui_connector.guide.schedules.slice_engines import Engine
from tui_connector.machine import Machine
from tui_connector.profile.problems import check

require_modules("yaml")

import yaml  # noqa: E402

PROFILE = """
format = 1
name = "Acme store"
[authentications.a]
kind = "bearer"
token = { keyring = "acme/a/token" }
[clients.shop]
authentications = ["a"]
production = true
[[clients.shop.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/V1"
[incoming.products]
client = "shop"
request = { uri = "products" }
items = "items"
identifier = "sku"
pagination = { kind = "keyset", filter = "entity_id", field = "id" }
sink = { kind = "jsonl", path = "products.jsonl" }
[outgoing.stock]
client = "shop"
source = { kind = "csv", path = "stock.csv" }
identifier = "sku"
request = { method = "post", uri = "rows", parameters = { rows = "&{@}" } }
[environments.staging]
clients.shop.plugins.base-uri.uri = "https://staging.acme.example/rest/V1"
"""

# Job, PodSpec and Container of the Kubernetes API v1.31 (https://kubernetes.io/docs/reference/kubernetes-api/): the
# fields used here, and the type of each; a field that is not listed is an error
_JOB = {
    "completionMode": str,
    "completions": int,
    "parallelism": int,
    "backoffLimit": int,
    "backoffLimitPerIndex": int,
    "maxFailedIndexes": int,
    "activeDeadlineSeconds": int,
    "podFailurePolicy": dict,
    "template": dict,
}
_POD = {"restartPolicy": str, "securityContext": dict, "volumes": list, "initContainers": list, "containers": list}
_CONTAINER = {
    "name": str,
    "image": str,
    "command": list,
    "env": list,
    "volumeMounts": list,
    "resources": dict,
    "securityContext": dict,
}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that occurs twice, which YAML forbids and readers take silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key) for key, _ in node.value]
        assert len(set(keys)) == len(keys), f"{keys} at {node.start_mark}"
        return super().construct_mapping(node, deep)


def engine(machine: Machine, name: str = "products", number: int = 16, **more: Any) -> Engine:
    saved, problems = check(PROFILE, more.pop("environment", ""))
    assert saved is not None, problems
    direction = saved.direction_of(name, None)
    return Engine(
        saved, Path("/etc/tui/acme.toml"), name, direction, machine, number, more.pop("run_id", "r:1"), **more
    )


def jobs(text: str) -> list[dict[str, Any]]:
    found = list(yaml.load_all(text, _StrictLoader))
    for job in found:
        assert (job["apiVersion"], job["kind"], {*job}) == (
            "batch/v1",
            "Job",
            {"apiVersion", "kind", "metadata", "spec"},
        )
        assert _NAME.fullmatch(job["metadata"]["name"])
        _has_fields(job["spec"], _JOB)
        pod = job["spec"]["template"]["spec"]
        _has_fields(pod, _POD)
        assert pod["restartPolicy"] == "Never"  # required by a podFailurePolicy
        containers = [*pod.get("initContainers", []), *pod["containers"]]
        volumes = {each["name"] for each in pod["volumes"]}
        for container in containers:
            _has_fields(container, _CONTAINER)
            assert all(isinstance(word, str) for word in container["command"])
            assert {each["name"] for each in container["volumeMounts"]} == volumes
            for variable in container["env"]:
                assert len({"value", "valueFrom"} & {*variable}) == 1
                assert isinstance(variable.get("value", ""), str)
        for rule in job["spec"]["podFailurePolicy"]["rules"]:
            assert rule["action"] in ("FailJob", "FailIndex", "Ignore", "Count")
            assert rule["onExitCodes"]["containerName"] in {each["name"] for each in containers}
            assert rule["onExitCodes"]["operator"] == "In"
            assert 0 not in rule["onExitCodes"]["values"]
    return found


def _has_fields(found: dict[str, Any], known: dict[str, type]) -> None:
    assert {*found} <= {*known}
    for name, value in found.items():
        assert type(value) is known[name], name


def test_a_manifest_is_an_indexed_job_and_a_commit(machine: Machine) -> None:
    slices, commit = jobs(engine(machine, options=["--full"]).kubernetes())
    spec = slices["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 16, 4)
    assert spec["backoffLimitPerIndex"] > 0  # required by the action FailIndex
    pod = spec["template"]["spec"]
    [plan], [run] = pod["initContainers"], pod["containers"]
    run_id = ["--run-id", "r:1"]
    assert plan["command"][1:] == ["plan", "/data/acme.toml", "products", "--slices", "16", "--full", *run_id]
    assert {"name": "TUI_CONNECTOR_SHARED", "value": "/data/slices"} in run["env"]
    assert run["command"][:6] == [
        "tui-connector",
        "run",
        "/data/acme.toml",
        "products",
        "--slice",
        "$(JOB_COMPLETION_INDEX)",
    ]
    assert run["command"][-2:] == run_id
    rules = {rule["onExitCodes"]["containerName"]: rule for rule in spec["podFailurePolicy"]["rules"]}
    assert {name: rule["onExitCodes"]["values"] for name, rule in rules.items()} == {"plan": [2, 3], "slice": [2, 3]}
    assert commit["metadata"]["name"] != slices["metadata"]["name"]
    actions = {rule["action"]: rule["onExitCodes"]["values"] for rule in commit["spec"]["podFailurePolicy"]["rules"]}
    assert actions == {"FailJob": [1, 2, 3], "Ignore": [4]}


def test_secrets_are_referred_to_and_trust_is_pinned(machine: Machine) -> None:
    text = engine(machine, "stock", environment="staging").kubernetes()
    assert "# The store is marked as production" in text
    [container] = jobs(text)[0]["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each for each in container["env"]}
    secrets = [each["valueFrom"]["secretKeyRef"] for each in variables.values() if "valueFrom" in each]
    assert [each["name"] for each in secrets] == ["tui-connector-acme"]
    assert len(variables["TUI_CONNECTOR_TRUST"]["value"]) >= 16
    assert container["command"][-2:] == ["--env", "staging"]


def test_the_password_of_a_shared_ledger_is_a_secret_too(machine: Machine) -> None:
    ledger = '[ledger]\nkind = "postgres"\nhost = "db.test"\ndatabase = "etl"\npassword = { env = "LEDGER_PASSWORD" }\n'
    saved, problems = check(PROFILE.partition("[environments")[0] + ledger)
    assert saved is not None, problems
    made = Engine(saved, Path("/etc/tui/acme.toml"), "products", "incoming", machine, 4, "r1")
    for job in jobs(made.kubernetes()):
        [container] = job["spec"]["template"]["spec"]["containers"]
        assert "LEDGER_PASSWORD" in [each["name"] for each in container["env"] if "valueFrom" in each]
    assert "LEDGER_PASSWORD" in made.airflow()


def test_the_secrets_of_the_client_that_sends_alerts_are_needed_too(machine: Machine) -> None:
    alerts = """
[authentications.pager]
kind = "bearer"
token = { env = "PAGER_TOKEN" }
[clients.pager]
authentications = ["pager"]
[on-failure]
client = "pager"
request = { method = "post", uri = "https://alerts.example/hook" }
"""
    saved, problems = check(PROFILE.partition("[environments")[0] + alerts)
    assert saved is not None, problems
    made = Engine(saved, Path("/etc/tui/acme.toml"), "products", "incoming", machine, 4, "r1")
    commit = jobs(made.kubernetes())[-1]["spec"]["template"]["spec"]["containers"][0]
    assert "PAGER_TOKEN" in [each["name"] for each in commit["env"] if "valueFrom" in each]
    assert "PAGER_TOKEN" in made.airflow()


def test_a_variable_is_called_what_it_is_called(machine: Machine) -> None:
    one_store = PROFILE.partition("[environments")[0]
    saved, problems = check(one_store.replace('{ keyring = "acme/a/token" }', '{ env = "NO" }'))
    assert saved is not None, problems
    for job in jobs(Engine(saved, Path("/etc/tui/acme.toml"), "products", "incoming", machine, 4, "r1").kubernetes()):
        [container] = job["spec"]["template"]["spec"]["containers"]
        [secret] = [each for each in container["env"] if "valueFrom" in each]
        assert (secret["name"], secret["valueFrom"]["secretKeyRef"]["key"]) == ("NO", "NO")  # not false


@pytest.mark.parametrize("run_id", ["manual__2026-01-01T00:00:00+00:00", "x" * 100])
def test_names_are_valid_whatever_the_run_is_called(machine: Machine, run_id: str) -> None:
    names = {job["metadata"]["name"] for job in jobs(engine(machine, run_id=run_id, number=1).kubernetes())}
    assert len(names) == 2


@pytest.mark.parametrize("name", ["products", "stock"])
def test_a_dag_is_a_valid_module_that_calls_the_commands(machine: Machine, name: str) -> None:
    text = engine(machine, name, environment="staging", options=["--by", "id"]).airflow()
    tree = ast.parse(text)
    compile(tree, "dag.py", "exec")
    assert max(map(len, text.splitlines())) <= 120
    functions = {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
    assert functions == {"call", "plan", "run_slice", "commit"}
    constants = {
        each.targets[0].id: ast.literal_eval(each.value)
        for each in tree.body
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name) and each.targets[0].id.isupper()
    }
    assert (constants["NAME"], constants["SLICES"], constants["OPTIONS"]) == (name, 16, ["--by", "id"])
    assert constants["WHICH"] == ["--env", "staging"]


HOSTILE = r"""{ keyring = "x\"\"\"\nimport os\nos.abort()\n\"\"\"\\" }"""


def test_names_in_a_profile_cannot_add_statements_or_keys(machine: Machine) -> None:
    saved, problems = check(PROFILE.replace('{ keyring = "acme/a/token" }', HOSTILE))
    assert saved is not None, problems
    path = Path("/etc/tui/ein $(HOME) $$ \"x\": 'y' \\ 😀.toml")
    hostile = Engine(saved, path, "products", "incoming", machine, 16, "r1")
    tree = ast.parse(hostile.airflow())
    plain = ast.parse(engine(machine).airflow())
    assert [type(each) for each in tree.body] == [type(each) for each in plain.body]
    [constant] = [each for each in tree.body if ast.unparse(each).startswith("PROFILE =")]
    assert isinstance(constant, ast.Assign)
    assert ast.literal_eval(constant.value) == str(path)
    slices, commit = jobs(hostile.kubernetes())
    for container in (
        slices["spec"]["template"]["spec"]["containers"] + commit["spec"]["template"]["spec"]["containers"]
    ):
        expanded = re.sub(r"\$(\$|\((\w+)\))", lambda found: "$" if found[1] == "$" else "?", container["command"][2])
        assert expanded == f"/data/{path.name}"  # as Kubernetes expands variables in a command


def test_a_path_that_no_manifest_can_hold_is_refused(machine: Machine) -> None:
    saved, _ = check(PROFILE)
    assert saved is not None
    with pytest.raises(UserError, match="no manifest can hold"):
        Engine(saved, Path("/etc/tui/x\nkind: Secret.toml"), "products", "incoming", machine, 4, "r1")


def test_a_secret_that_needs_its_user_is_refused(machine: Machine) -> None:
    saved, _ = check(PROFILE.replace('{ keyring = "acme/a/token" }', "{ ask = true }"))
    assert saved is not None
    with pytest.raises(UserError, match="No engine can prompt for"):
        Engine(saved, Path("/etc/tui/acme.toml"), "products", "incoming", machine, 4, "r1")
