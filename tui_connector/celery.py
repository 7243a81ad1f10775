"""Celery on RabbitMQ: tasks that plan, run and commit slices, and that send a queue of entities in order.

    celery -A tui_connector.celery worker -c 2

Each task calls a command of the program in a process of its own, so that secrets come from the worker's keyring,
environment or commands, and none is in a message. Messages are acknowledged once their command has ended: RabbitMQ
gives the work of a killed worker to another one at once. (Redis does so after a visibility timeout: it is refused.)
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import re
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .cli.errors import Exit
from .errors import UserError
from .machine import how_to_install, this_machine
from .runs.slices import SlicePlan

try:
    from celery import Celery, Task
    from celery.exceptions import Reject
    from celery.schedules import crontab
    from celery.signals import celeryd_after_setup, worker_ready
    from kombu import Queue
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(f"tui_connector.celery needs an extra. {how_to_install('celery')}") from missing

BROKER = "TUI_CONNECTOR_BROKER"
"""The address of RabbitMQ, such as amqp://user:password@host/vhost."""
QUEUES = "TUI_CONNECTOR_QUEUES"
"""What a worker consumes: "acme" are the slices and runs of a profile, "acme/stock:8" a queue in 8 partitions."""
BEAT = "TUI_CONNECTOR_BEAT"
"""A file for beat: on each line five fields of cron, a profile and the name of a configuration."""

_MACHINE = this_machine()
_PREFIX = "tui-connector"
FAILED_QUEUE = f"{_PREFIX}.failed"
"""Batches that cannot be sent: the setup is wrong, or the store refuses. They are kept until somebody looks."""
_SLICE_RETRIES = 12
_LONGEST_PAUSE = 300
_SEND_SECONDS = 1_200
"""A batch is retried this long, then put back: RabbitMQ closes a channel after 30 minutes (consumer_timeout)."""
_OPTIONS = ("--direction", "--full", "--in-flight", "--keep-going", "--limit", "--quiet", "--since", "--yes-production")
"""What a message may add to a command. It may come from anybody who can reach the broker: no option in it trusts a
profile or names a file."""
_PARTITIONED = re.compile(r"([\w.@-]+)/([\w.-]+):([1-9]\d{0,2})", re.ASCII)


class CommandEnded(Exception):
    """A command ended with an exit code that is not worth a retry."""


def _broker() -> str:
    address = _MACHINE.environ.get(BROKER, "amqp://")
    if not address.startswith(("amqp://", "amqps://", "pyamqp://")):
        raise UserError("broker", f"{BROKER} must be RabbitMQ", "Write amqp://… or amqps://….")
    try:
        urlsplit(address).port  # noqa: B018 - raises if it is no number; Celery's own error shows the password
    except ValueError:
        hint = "Write amqp://USER:PASSWORD@HOST:PORT/, with special characters percent-encoded."
        raise UserError("broker", f"{BROKER} is not a valid address", hint) from None
    return address


def store_queue(profile: str, env: str = "") -> str:
    """The queue of a store: the concurrency of its workers (-c) limits the load on it."""
    return f"{_PREFIX}.{Path(profile).stem}" + (f"@{env}" if env else "")


def partition_queue(profile: str, name: str, partition: int, env: str = "") -> str:
    """A queue whose entities are sent one batch after another."""
    return f"{store_queue(profile, env)}.{name}.{partition}"


def _configured() -> tuple[list[str], dict[tuple[str, str], int]]:
    """The stores, and the partitions of each queue of entities, of `QUEUES`. Raises `UserError`."""
    stores: list[str] = []
    partitions: dict[tuple[str, str], int] = {}
    for each in _MACHINE.environ.get(QUEUES, "").split():
        if match := _PARTITIONED.fullmatch(each):
            partitions[match[1], match[2]] = int(match[3])
        elif re.fullmatch(r"[\w.@-]+", each, re.ASCII):
            stores.append(each)
        else:
            raise UserError("queues", f"{QUEUES}: {each!r} is not a queue", 'Write "acme", or "acme/stock:8".')
    return stores, partitions


def _queues() -> list[Queue]:
    stores, partitions = _configured()
    # one consumer at a time, so that the batches of a partition are sent in order whichever workers there are
    arguments = {
        "x-single-active-consumer": True,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": FAILED_QUEUE,
    }
    found = [Queue(f"{_PREFIX}.{store}", durable=True) for store in stores]
    for (profile, name), number in partitions.items():
        found += [
            Queue(f"{_PREFIX}.{profile}.{name}.{each}", durable=True, queue_arguments=arguments)
            for each in range(number)
        ]
    return found


def _route(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any], task: object = None, **_: Any
) -> dict[str, str] | None:
    if not name.startswith("tui_connector.") or not args:
        return None
    env = str(kwargs.get("env", ""))
    if name == "tui_connector.send":
        return {"queue": partition_queue(str(args[0]), str(args[1]), int(kwargs["partition"]), env)}
    return {"queue": store_queue(str(args[0]), env)}


def _beat_schedule() -> dict[str, dict[str, object]]:
    """The schedule in the file `BEAT`. Raises `UserError`."""
    from .guide.schedules.cron import Cron

    file = _MACHINE.environ.get(BEAT)
    found: dict[str, dict[str, object]] = {}
    for number, line in enumerate(Path(file).read_text().splitlines() if file else (), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) not in (7, 8):
            message = f"{file}, line {number}: not five fields of cron, a profile, a name and an environment, if any"
            raise UserError("beat", message, 'Such as "*/15 * * * * acme products".')
        times, (profile, name, *env) = Cron.parse(" ".join(words[:5])), words[5:]
        found[f"{number} {profile} {name}"] = {
            "task": "tui_connector.run",
            "schedule": crontab(**times.celery()),
            "args": (profile, name),
            "kwargs": {"env": env[0]} if env else {},
        }
    return found


app = Celery("tui_connector", broker=_broker())
app.conf.update(
    accept_content=["json"],
    beat_schedule=_beat_schedule(),
    broker_connection_retry_on_startup=True,
    broker_transport_options={"confirm_publish": True},
    task_acks_late=True,
    task_create_missing_queues=False,
    task_default_queue=_PREFIX,
    task_ignore_result=True,
    task_queues=_queues(),
    task_reject_on_worker_lost=True,
    task_routes=(_route,),
    task_send_sent_event=True,
    task_serializer="json",
    timezone="UTC",
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_prefetch_multiplier=1,
    worker_send_task_events=True,
)


@app.task(bind=True, name="tui_connector.run")
def run(self: Task, profile: str, name: str, *, env: str = "", options: Sequence[str] = ()) -> None:
    """Runs a configuration as `run` does; a run that was stopped resumes with the next one on the schedule."""
    code = _call("run", profile, name, env, *_allowed(options))[0]
    if code:
        raise CommandEnded(f"run {profile} {name} ended with exit code {code}")


@app.task(bind=True, name="tui_connector.plan", max_retries=_SLICE_RETRIES)
def plan(
    self: Task,
    profile: str,
    name: str,
    slices: int,
    run_id: str | None = None,
    *,
    env: str = "",
    direction: str = "",
    full: bool = False,
    options: Sequence[str] = (),
) -> None:
    """Plans a run, and queues its slices. `options` are for `run --slice`, such as --in-flight 4.

    `direction`: "incoming" or "outgoing", where both have this name.

    A task that is repeated has the same id, and so the same plan.
    """
    run_id = run_id or str(self.request.id)
    words = ["--slices", str(slices), "--run-id", run_id, *(["--full"] if full else []), *_direction(direction)]
    code, out = _call("plan", profile, name, env, *words)
    _decide(self, code, "plan", run_id)
    planned = SlicePlan.model_validate_json(out.splitlines()[-1])
    for each in planned.slices:
        more = {"env": env, "direction": direction, "options": list(options)}
        run_slice.apply_async((profile, name, each.index, run_id), more)
    if not planned.slices:
        commit.apply_async((profile, name, run_id), {"env": env, "direction": direction})


@app.task(bind=True, name="tui_connector.run_slice", max_retries=_SLICE_RETRIES)
def run_slice(
    self: Task,
    profile: str,
    name: str,
    number: int,
    run_id: str,
    *,
    env: str = "",
    direction: str = "",
    options: Sequence[str] = (),
) -> None:
    """Runs one slice; the last one of a run queues the commit."""
    words = ["--slice", str(number), "--run-id", run_id, *_direction(direction), *_allowed(options)]
    code, out = _call("run", profile, name, env, *words)
    _decide(self, code, f"slice {number}", run_id)
    if _is_last(out):
        commit.apply_async((profile, name, run_id), {"env": env, "direction": direction})


@app.task(bind=True, name="tui_connector.commit", max_retries=_SLICE_RETRIES)
def commit(self: Task, profile: str, name: str, run_id: str, *, env: str = "", direction: str = "") -> None:
    """Commits a run; a task that does so again changes nothing."""
    code, _ = _call("commit", profile, name, env, "--run-id", run_id, *_direction(direction))
    if code == Exit.FAILED:
        raise CommandEnded(f"The run {run_id} was committed, but some of it failed")
    _decide(self, code, "commit", run_id)


@app.task(bind=True, name="tui_connector.send")
def send(
    self: Task,
    profile: str,
    name: str,
    entities: Sequence[object],
    batch: str,
    *,
    partition: int,
    env: str = "",
    options: Sequence[str] = (),
) -> None:
    """Sends one batch of a partition, and no later one before it is done.

    A batch that was interrupted resumes: nothing is sent again that is known to have arrived. One that cannot be sent
    goes to the queue of failed batches.
    """
    lines = "".join(f"{json.dumps(each)}\n" for each in entities).encode()
    of = ["--run-id", batch, *_direction("outgoing")]
    until, pause = _MACHINE.monotonic() + _SEND_SECONDS, 1.0
    for command, words in (
        ("plan", ["--slices", "1", "--full", *of]),
        ("run", ["--slice", "0", *of, *_allowed(options)]),
        ("commit", ["--append", *of]),
    ):
        while True:
            code, _ = _call(command, profile, name, env, *words, given=lines if command == "plan" else b"")
            if code == Exit.DONE or (code == Exit.FAILED and command == "commit"):
                break
            if code in (Exit.SETUP, Exit.REFUSED):
                raise Reject(f"{command} of batch {batch} ended with exit code {code}", requeue=False)
            if _MACHINE.monotonic() + pause > until:
                raise Reject(f"batch {batch} is put back: {command} ended with exit code {code}", requeue=True)
            time.sleep(pause)
            pause = min(60.0, pause * 2)
    if code == Exit.FAILED:
        raise CommandEnded(
            f"Some entities of batch {batch} failed: tui-connector tasks {shlex.quote(profile)} {shlex.quote(name)}"
        )


def publish(
    profile: str,
    name: str,
    entities: Iterable[Mapping[str, Any]],
    *,
    identifier: str,
    partitions: int,
    batch: int = 100,
    env: str = "",
    options: Sequence[str] = (),
) -> int:
    """Queues entities of an outgoing whose source is standard input; returns the number of batches.

    Entities with the same value of `identifier` are sent in the order in which they were queued. `partitions` must be
    the same number in all producers and workers.
    """
    _declare_failed()
    waiting: dict[int, list[Mapping[str, Any]]] = {}
    number = 0

    def queue(partition: int) -> None:
        nonlocal number
        number += 1
        more = {"partition": partition, "env": env, "options": list(options)}
        send.apply_async((profile, name, waiting.pop(partition), str(uuid.uuid4())), more)

    for entity in entities:
        key = str(entity[identifier]).encode()
        partition = int.from_bytes(hashlib.blake2b(key, digest_size=4).digest()) % partitions
        waiting.setdefault(partition, []).append(entity)
        if len(waiting[partition]) >= batch:
            queue(partition)
    for partition in list(waiting):
        queue(partition)
    return number


@celeryd_after_setup.connect
def _check_concurrency(sender: str, instance: Any, **_: object) -> None:
    """A worker sends one batch at a time: two processes would send two batches of one partition at once."""
    if _configured()[1] and instance.concurrency != 1:
        sys.exit(f"{QUEUES} has partitions: start this worker with -c 1, and as many workers as needed.")


@worker_ready.connect
def _declare_failed(**_: object) -> None:
    """Declares the queue of failed batches: RabbitMQ drops what is sent to one that does not exist."""
    with app.connection_for_write() as connection:
        Queue(FAILED_QUEUE, durable=True)(connection.default_channel).declare()


def _decide(task: Task, code: int, what: str, run_id: str) -> None:
    """Retries the task later, or fails it, as the exit code says."""
    if code == Exit.DONE:
        return
    ended = CommandEnded(f"{what} of the run {run_id} ended with exit code {code}")
    if code in (Exit.SETUP, Exit.REFUSED):
        raise ended
    pause = min(_LONGEST_PAUSE, 5 * 2 ** int(task.request.retries))
    raise task.retry(countdown=pause, exc=ended)


def _allowed(options: Sequence[str]) -> list[str]:
    """The options of a message. Raises `Reject`."""
    for each in options:
        if each.startswith("-") and each.partition("=")[0] not in _OPTIONS:
            raise Reject(f"A message cannot have the option {each}, only {', '.join(_OPTIONS)}", requeue=False)
    return list(options)


def _direction(direction: str) -> list[str]:
    return [f"--direction={direction}"] if direction else []


def _is_last(out: str) -> bool:
    """Whether a slice has printed that all slices of its run are done."""
    events = (json.loads(line) for line in out.splitlines())
    return any(each["done"] == each["planned"] for each in events if each.get("event") == "slices")


def _call(command: str, profile: str, name: str, env: str, *words: str, given: bytes = b"") -> tuple[int, str]:
    """Runs a command of the program; returns its exit code, and what it printed. Messages go to the worker's log."""
    options = ["--json", *words, *([f"--env={env}"] if env else [])]
    process = subprocess.Popen(
        # nothing after "--" is read as an option, whatever the message contains
        [sys.executable, "-m", "tui_connector", command, *options, "--", profile, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=_stop_with_worker if sys.platform == "linux" else None,
    )
    try:
        out, _ = process.communicate(given)
    except BaseException:  # the task was revoked, or the worker ends: the run stops cleanly
        process.terminate()
        process.wait()
        raise
    # killed by a signal, such as when memory ran out: to be tried again
    return (process.returncode if process.returncode >= 0 else Exit.STOPPED), out.decode()


def _stop_with_worker() -> None:
    """Ends the command if its worker is killed (prctl(2), PR_SET_PDEATHSIG): another one starts it again."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
