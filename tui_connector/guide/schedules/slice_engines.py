"""Prints what an engine needs to run a configuration in slices: an Indexed Job of Kubernetes, or a DAG of Airflow.

Both call the program's commands, and plan the slices where they run. They contain no secret: those are in environment
variables, which a Secret or the workers have.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ... import __version__
from ...errors import UserError
from ...machine import Machine
from ...profile.capabilities import capabilities
from ...profile.model import NamedSecret, Profile
from ...profile.trust_records import folder_of
from ...secrets.capability import digest
from ...text import count, env_option
from ..secret_states import secret_variables, secrets_of_run

_PARALLEL = 4
"""Slices that run at the same time, unless the text is edited."""
_DATA = "/data"
"""Where the pods have the shared volume."""
_POD = """\
      restartPolicy: Never
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000  # the same one in all pods: files are private
        runAsGroup: 1000
        fsGroup: 1000
      volumes:
        - name: data
          persistentVolumeClaim:
            claimName: tui-connector
        - name: home
          emptyDir: {}
"""
"""The beginning of the spec of a pod."""
_TASKS = '''

def call(command, run_id, *words, final=(2, 3)):
    """Runs a command; an exit code in `final` fails the task, any other one is retried."""
    shared = {"TUI_CONNECTOR_SHARED": f"{SHARED}/slices", "XDG_STATE_HOME": f"{SHARED}/state"}
    environment = {**os.environ, "TUI_CONNECTOR_TRUST": TRUST, **shared}
    run = ["--run-id", run_id, *WHICH]
    done = subprocess.run(["tui-connector", command, PROFILE, NAME, *words, *run], env=environment)
    if done.returncode in final:
        raise AirflowFailException(f"{command} ended with {done.returncode}: see the log")
    done.check_returncode()


retried = {"retries": 8, "retry_delay": timedelta(seconds=30), "retry_exponential_backoff": True}


@task(**retried)
def plan(run_id=None):
    call("plan", run_id, "--slices", str(SLICES), *OPTIONS)
    return list(range(SLICES))


# a pool for each store limits what several DAGs send to it: @task(pool="…", …)
@task(**retried, max_active_tis_per_dagrun=PARALLEL)
def run_slice(number, run_id=None):
    call("run", run_id, "--slice", str(number))


@task(**retried)
def commit(run_id=None):
    call("commit", run_id, final=(1, 2, 3))


with DAG(DAG_ID, schedule=None, start_date=datetime(2026, 1, 1), max_active_runs=1):
    run_slice.expand(number=plan()) >> commit()
'''
"""The DAG, after its constants."""


@dataclass(frozen=True)
class Engine:
    """The run of one incoming or outgoing of a profile in slices. Raises `UserError` if it would need its user."""

    saved: Profile
    path: Path
    """Of the profile."""
    name: str
    direction: Literal["incoming", "outgoing"]
    machine: Machine
    number: int
    """Of slices."""
    run_id: str
    options: Sequence[str] = ()
    """Of `plan`, such as --full."""

    def __post_init__(self) -> None:
        asked = [each.name for each in self._secrets() if each.source.ask]
        if asked:
            raise UserError(
                "slices-unusable",
                f"No engine can prompt for {', '.join(asked)}",
                "Use { keyring = … }, { env = … } or { command = … } as its source.",
            )
        if not str(self.path).isprintable():
            message = f"The path {str(self.path)!r} contains characters that no manifest can hold"
            raise UserError("slices-unusable", message, "Rename the profile.")

    def kubernetes(self) -> str:
        """Two Jobs: the slices, and the commit."""
        profile = f"{_DATA}/{self.path.name}".replace("$", "$$")  # "$(NAME)" is a variable in a command
        plan = ["plan", profile, self.name, "--slices", str(self.number), *self.options]
        run = ["run", profile, self.name, "--slice", "$(JOB_COMPLETION_INDEX)", "--json"]
        commit = ["commit", profile, self.name, "--json"]
        create = " ".join(f"--from-literal={name}=…" for name, _ in secret_variables(self._secrets()))
        secrets = [f"Secrets: kubectl create secret generic {self._secret} {create}"] if create else []
        notes = "".join(f"# {line}\n" for line in [*secrets, *self._notes()])
        job = self._kubernetes_name("")
        return f"""\
# {self._description} in {count(self.number, "slice")}, then one commit. Kubernetes 1.31 or newer.
#
# {_DATA} is one volume for all pods (ReadWriteMany), with the profile {self.path.name}, the files that
# it reads and writes, the slices and the ledgers. The image has the program, installed from its clone.
{notes}#
# Exit code 4 (retry later) starts a pod again. 2 and 3 (do not retry) fail the slice, or the commit. The
# commit waits for the slices in this way: it ends with 4, and names the missing ones until all are done.
# Each run needs a run id of its own. kubectl logs job/{job}
apiVersion: batch/v1
kind: Job
metadata:
  name: {job}
spec:
  completionMode: Indexed
  completions: {self.number}
  parallelism: {self._parallel}  # each has up to 8 requests in flight
  backoffLimitPerIndex: 8
  maxFailedIndexes: {self.number}
  podFailurePolicy:
    rules:
      - action: FailIndex
        onExitCodes:
          containerName: plan
          operator: In
          values: [2, 3]
      - action: FailIndex
        onExitCodes:
          containerName: slice
          operator: In
          values: [2, 3]
  template:
    spec:
{_POD}\
      initContainers:  # the first pod makes the plan, the others find it
{self._container("plan", plan)}\
      containers:
{self._container("slice", run)}\
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {self._kubernetes_name("-commit")}
spec:
  backoffLimit: 4
  activeDeadlineSeconds: 86400  # how long it waits for the slices
  podFailurePolicy:
    rules:
      - action: FailJob
        onExitCodes:
          containerName: commit
          operator: In
          values: [1, 2, 3]
      - action: Ignore  # 4: slices are missing; the pod starts again, later and later
        onExitCodes:
          containerName: commit
          operator: In
          values: [4]
  template:
    spec:
{_POD}\
      containers:
{self._container("commit", commit)}"""

    def airflow(self) -> str:
        """A DAG that plans, maps one task to each slice, and commits."""
        variables = [f"    {name}    {_docstring(what)}" for name, what in secret_variables(self._secrets())]
        secrets = ["The workers' environment holds the secrets:", "", *variables] if variables else []
        notes = "".join(f"{line}\n" for line in [*map(_docstring, self._notes()), *secrets])
        direction = [self.direction] if self.saved.direction_option(self.direction, self.name) else []
        dag_id = re.sub(r"[^A-Za-z0-9_.-]", "_", "-".join(["tui-connector", self.path.stem, self.name, *direction]))
        return f'''\
"""{_docstring(self._description)} in {count(self.number, "slice")}, then one commit. Airflow 3.

The workers have the program, the profile and the directory SHARED, which also holds the ledgers.
{notes}"""

import os
import subprocess
from datetime import datetime, timedelta

from airflow.exceptions import AirflowFailException
from airflow.sdk import DAG, task

DAG_ID = {_quoted(dag_id)}
PROFILE = {_quoted(os.path.abspath(self.path))}  # the same path on all workers
NAME = {_quoted(self.name)}
SHARED = "/srv/tui-connector"
SLICES = {self.number}
PARALLEL = {self._parallel}  # slices at the same time; each has up to 8 requests in flight
OPTIONS = {_list(self.options)}
WHICH = {_list(self._which())}
TRUST = {_quoted(self._digest())}  # tui-connector trust PROFILE --digest
{_TASKS}'''

    @property
    def _description(self) -> str:
        which = self.saved.direction_option(self.direction, self.name)
        return f"tui-connector: {self.path.stem}{env_option(self.saved.environment)} {self.name}{which}"

    def _which(self) -> list[str]:
        """The options of all commands that say which configuration is meant."""
        direction = self.saved.direction_option(self.direction, self.name).split()
        return [*direction, *(["--env", self.saved.environment] if self.saved.environment else [])]

    def _kubernetes_name(self, ending: str) -> str:
        """A name as RFC 1123 wants it, that no other run has."""
        unique = hashlib.sha256(self.run_id.encode()).hexdigest()[:8]
        whole = _label(f"{self.path.stem}-{self.name}")
        return f"{whole[: 63 - len(unique) - 1 - len(ending)].rstrip('-')}-{unique}{ending}"

    @property
    def _secret(self) -> str:
        """The name of the Secret."""
        return f"tui-connector-{_label(self.path.stem)}"

    @property
    def _parallel(self) -> int:
        return min(_PARALLEL, self.number)

    def _container(self, name: str, words: Sequence[str]) -> str:
        """An element of a list of containers. `words`: of the command; the options of all commands are added."""
        run = ["--run-id", self.run_id, *self._which()]
        secrets = "".join(
            f"""\
            - name: {_quoted(variable)}
              valueFrom:
                secretKeyRef:
                  name: {self._secret}
                  key: {_quoted(variable)}
"""
            for variable, _ in secret_variables(self._secrets())
        )
        return f"""\
        - name: {name}
          image: registry.example/tui-connector:{__version__}  # yours
          command: {_list(["tui-connector", *words, *run])}
          env:
            - name: HOME
              value: /home/tui
            - name: TUI_CONNECTOR_SHARED
              value: {_DATA}/slices
            - name: XDG_STATE_HOME
              value: {_DATA}/state
            - name: TUI_CONNECTOR_TRUST
              value: {_quoted(self._digest())}
{secrets}\
          volumeMounts:
            - name: data
              mountPath: {_DATA}
            - name: home
              mountPath: /home/tui
          resources:
            requests:
              cpu: "500m"
              memory: "128Mi"
            limits:
              memory: "512Mi"
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
"""

    def _digest(self) -> str:
        """Of what the profile can do: the run is trusted with nothing else."""
        return digest(capabilities(self.saved, folder_of(self.path), self.machine))

    def _secrets(self) -> list[NamedSecret]:
        return secrets_of_run(self.saved, self.name, self.direction)

    def _notes(self) -> list[str]:
        """Sentences on what else is needed."""
        lines = []
        if named := ", ".join(each.name for each in self._secrets() if each.source.command):
            lines.append(f"A command prints {named}; it must exist there, and work without a terminal.")
        outgoing = self.saved.outgoing[self.name] if self.direction == "outgoing" else None
        client = self.saved.clients.get(outgoing.client) if outgoing is not None else None
        if client is not None and client.production:
            lines.append("The store is marked as production: to send to it, add --yes-production to `run`.")
        return [line if line.isprintable() else ascii(line)[1:-1] for line in lines]


def _label(text: str) -> str:
    """Lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "run"


def _docstring(text: str) -> str:
    """On one line, and without a quote that could end the docstring."""
    return repr(text)[1:-1].replace('"', "'")


def _quoted(text: str) -> str:
    """A literal of Python and of YAML, which unlike JSON have one escape for any character."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if " " <= each <= "~" else f"\\U{ord(each):08x}" for each in escaped) + '"'


def _list(words: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, words))}]"
