"""Reads 50,000 items of 2 KB into PostgreSQL, DuckDB and Parquet, beside dlt's destinations PostgreSQL and DuckDB.

python tests/benchmarks/destinations.py [--smoke] [--dlt PYTHON]

All read the same pages of the same store at 0 ms a page, in turn; whole processes are measured, without the server's
part. `--dlt` names a Python that has dlt with its extras postgres and duckdb (or TUI_CONNECTOR_DLT_PYTHON does). In the
end, what both wrote must be equal, row for row. PostgreSQL is a server of its own that does not sync its files.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from incoming import PROFILE, Cost, measured, store
from postgres import PASSWORD, Cluster, shared_cluster

_JSONL = 'sink = {{ kind = "jsonl", path = "ours.jsonl" }}'
_FIELDS = "id, sku, name, price, updated_at, custom_attributes"
DLT = """
import os, sys
port, pages, folder, credentials = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["DLT_DATA_DIR"] = folder
import dlt
from dlt.sources.rest_api import rest_api_source
paginator = {"type": "page_number", "base_page": 1, "page_param": "searchCriteria[currentPage]", "total_path": None,
             "maximum_page": pages + 1, "stop_after_empty_page": False}
source = rest_api_source({"client": {"base_url": f"http://127.0.0.1:{port}"}, "resources": [{
    "name": "products", "write_disposition": "replace", "primary_key": "sku", "max_table_nesting": 0,
    "endpoint": {"path": "rest/V1/products", "data_selector": "items", "paginator": paginator}}]})
is_file = credentials.endswith(".duckdb")
target = dlt.destinations.duckdb(credentials) if is_file else dlt.destinations.postgres(credentials)
dlt.pipeline("benchmark_" + ("duckdb" if is_file else "postgres"), destination=target, dataset_name="dlt").run(source)
"""


class Benchmark:
    """The contenders, on one store."""

    def __init__(self, folder: Path, cluster: Cluster, port: int, items: int, dlt: str | None) -> None:
        self._folder, self._cluster, self._port, self._items, self._dlt = folder, cluster, port, items, dlt

    def run(self) -> None:
        server = {"host": "127.0.0.1", "port": self._cluster.port, "database": "postgres", "user": "admin"}
        sinks: dict[str, dict[str, Any]] = {
            "jsonl": {"kind": "jsonl", "path": "ours.jsonl"},
            "postgres": {"kind": "postgres", **server, "password": {"env": "PG"}, "schema": "ours"},
            "duckdb": {"kind": "duckdb", "path": "ours.duckdb"},
            "parquet": {"kind": "parquet", "path": "ours.parquet"},
        }
        url = f"postgresql://admin:{PASSWORD}@127.0.0.1:{self._cluster.port}/postgres"
        peers = {"postgres": url, "duckdb": str(self._folder / "peer.duckdb")}
        self._cluster.new_schema("ours")
        self._ours({"kind": "jsonl", "path": "warm.jsonl"})  # compiles the modules
        for kind, sink in sinks.items():
            ours = self._ours(sink)
            self._print(f"ours, {kind}", ours)
            if self._dlt is not None and kind in peers:
                arguments = [str(self._port), str(self._items // 100), str(self._folder / kind), peers[kind]]
                theirs = measured([self._dlt, "-c", DLT, *arguments], dict(os.environ))
                self._print(f"dlt, {kind}", theirs, ours)
        self._check("Parquet", self._parquet(), self._duckdb("ours.duckdb", "products"))
        if self._dlt is not None:
            self._check("DuckDB", self._duckdb("ours.duckdb", "products"), self._duckdb("peer.duckdb", "dlt.products"))
            self._check("PostgreSQL", self._postgres("ours.products"), self._postgres("dlt.products"))
        self._check("PostgreSQL and DuckDB", self._postgres("ours.products"), self._duckdb("ours.duckdb", "products"))

    def _ours(self, sink: dict[str, Any]) -> Cost:
        fields = ", ".join(f"{name} = {_toml(value)}" for name, value in sink.items())
        profile = self._folder / "benchmark.toml"
        profile.write_text(PROFILE.replace(_JSONL, f"sink = {{{{ {fields} }}}}").format(port=self._port))
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PG": PASSWORD, "BENCHMARK_TOKEN": "x" * 32, "XDG_STATE_HOME": str(self._folder / "state")}
        return measured([sys.executable, "-m", "tui_connector", "run", "--trust", str(profile), "--full"], environment)

    def _print(self, name: str, cost: Cost, ours: Cost | None = None) -> None:
        beside = ""
        if ours is not None:
            ratios = cost.wall / ours.wall, cost.cpu / ours.cpu
            beside = f"  ours is {ratios[0]:.1f} × as fast, {ratios[1]:.1f} × by CPU"
        print(
            f"  {name:<16} {cost.wall:7.2f} s  {self._items / cost.wall:>8,.0f} items/s  {cost.cpu:6.2f} s CPU"
            f"  {cost.memory:5.0f} MB{beside}",
            flush=True,
        )

    def _check(self, name: str, one: Iterable[Any], other: Iterable[Any]) -> None:
        rows = 0
        for rows, (first, second) in enumerate(zip(one, other, strict=True), 1):  # noqa: B007  # counts them
            assert first == second, f"{name}: {first} is not {second}"
        assert rows == self._items, f"{name}: {rows} rows of {self._items}"
        print(f"  {name}: {rows:,} rows are equal")

    def _postgres(self, table: str) -> Iterator[Any]:
        with self._cluster.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.execute(f"SELECT {_FIELDS} FROM {table} ORDER BY id".encode())
            yield from map(_row, cursor)

    def _duckdb(self, file: str, table: str) -> Iterator[Any]:
        import duckdb  # only now: a process that is started would count its memory

        with closing(duckdb.connect(str(self._folder / file), read_only=True)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            cursor = connection.execute(f"SELECT {_FIELDS} FROM {table} ORDER BY id")
            while rows := cursor.fetchmany(1_000):
                yield from map(_row, rows)

    def _parquet(self) -> Iterator[Any]:
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(self._folder / "ours.parquet") as file:
            for batch in file.iter_batches(1_000, columns=_FIELDS.split(", ")):
                yield from (_row(tuple(row.values())) for row in batch.to_pylist())


def _row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row in which types that mean the same are the same."""
    id_, sku, name, price, updated_at, nested = row
    if isinstance(updated_at, datetime):
        updated_at = updated_at.replace(tzinfo=updated_at.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return (
        id_,
        sku,
        name,
        float(price),
        updated_at,
        json.loads(nested) if isinstance(nested, str) else nested,
    )


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{{ " + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + " }}"
    return json.dumps(value)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--smoke", action="store_true", help="few items; without dlt where it is not given")
    arguments.add_argument("--dlt", default=os.environ.get("TUI_CONNECTOR_DLT_PYTHON"), help="a Python that has dlt")
    given = arguments.parse_args()
    items = 1_000 if given.smoke else 50_000
    if given.dlt is None:
        print("  without dlt: give its Python with --dlt")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(shared_cluster(folder))
        port = stack.enter_context(store(items, 0))
        print(f"{items:,} items; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        Benchmark(folder, cluster, port, items, given.dlt).run()


if __name__ == "__main__":
    main()
