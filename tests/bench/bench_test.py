#!/usr/bin/env python3
"""Runs dr_bench with tiny sizes and checks the shape of what it says.

usage: bench_test.py DR_BENCH
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ALL = [
    "append/durable/100B/1", "append/durable/100B/4", "append/durable/100B/16", "append/durable/1KiB/16",
    "append/durable/16KiB/1", "append/durable/16KiB/16", "append/window64/100B/1", "append/window64/100B/16",
    "append/buffered/100B/1", "commit/100B/16", "replay/100B/1GiB", "recover/1e6x1KiB",
    "oplog/append/1", "oplog/append/2", "oplog/append/4", "checkpoint/pause", "checkpoint/pause/default",
    "checkpoint/overhead",
]
ADAPTERS = {"filesystem": "system calls", "rocksdb": "librocksdb", "redis": "hiredis", "postgres": "libpq", "s3": "libcurl"}
ADAPTER_ROWS = [f"{call}/{size}" for size in ("1KiB", "64KiB", "4MiB") for call in ("save", "load")]
ADAPTER_ROWS += ["batch16/1KiB", "batch16-load/1KiB", "list/1000"]
SERVERS = {"Redis", "Postgres"}
# One row of every kind, and who must take part in it.
PEERS = {
    "append/durable/100B/4": {"RocksDB", "RocksDB unordered", "SQLite", "LMDB"} | SERVERS,
    "append/buffered/100B/1": {"RocksDB log-only"},
    "commit/100B/16": {"dr append"},
    "replay/100B/1GiB": {"RocksDB updates", "RocksDB reopen"},
    "recover/1e6x1KiB": {"RocksDB", "SQLite"},
    "oplog/append/2": {"mutex"},
    "checkpoint/pause": {"RocksDB", "Redis"},
    "checkpoint/pause/default": set(),
    "checkpoint/overhead": set(),
}
NO_LIMIT = {"checkpoint/pause", "checkpoint/pause/default"}


def run(program, *arguments, path=None):
    environment = {"PATH": path} if path else None
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=280, check=False,
                          env=environment)


def check_summary(summary):
    assert 0 < summary["min"] <= summary["median"] <= summary["max"], summary


def check_ratio(row, ratio, other):
    mine, theirs = row["dr"]["median"], other["median"]
    expected = mine / theirs if row["better"] == "higher" else theirs / mine
    assert abs(ratio - expected) < 0.01 * expected, row


def check_row(row, peers):
    assert row["better"] in ("higher", "lower"), row
    assert row["unit"], row
    check_summary(row["dr"])
    for summary in row["peers"].values():
        check_summary(summary)
    assert peers <= row["peers"].keys(), f"{peers - row['peers'].keys()} did not take part in {row['name']}"
    if peers:
        check_ratio(row, row["ratio"], row["peers"][row["best_peer"]])
    else:
        assert row["best_peer"] is None and row["ratio"] is None, row
    if row["name"] in NO_LIMIT:
        assert row["limit"] is None and row["limit_ratio"] is None, row
    else:
        check_summary(row["limit"])
        check_ratio(row, row["limit_ratio"], row["limit"])


def measure(program, scratch, name, *more, path=None):
    """Runs one row. Returns it and what was printed."""
    file = scratch / "rows.json"
    done = run(program, "--quick", "--directory", str(scratch), "--json", str(file), name, *more, path=path)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(file.read_text())
    file.unlink()
    left = [entry.name for entry in scratch.iterdir()]
    assert not left, f"{left} stayed behind"
    assert report["machine"]["cores"], report["machine"]
    (row,) = report["rows"]
    assert row["name"] == name, row
    return row, done.stdout


def check_rows(program, scratch):
    for name, peers in PEERS.items():
        row, _ = measure(program, scratch, name)
        check_row(row, peers)


def check_adapters(program, scratch):
    """Against the servers that scripts/servers has started."""
    file = scratch / "rows.json"
    done = run(program, "--quick", "--directory", str(scratch), "--json", str(file), "adapter/")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["name"]: row for row in json.loads(file.read_text())["rows"]}
    file.unlink()
    expected = {f"adapter/{name}/{row}" for name in ADAPTERS for row in ADAPTER_ROWS}
    assert rows.keys() == expected, rows.keys() ^ expected
    for name, row in rows.items():
        peer = ADAPTERS[name.split("/")[1]]
        check_summary(row["dr"])
        check_ratio(row, row["ratio"], row["peers"][peer])
        low, high = row["ratio_quartiles"]
        assert 0 < low <= high, row


def check_missing_server(program, scratch):
    row, printed = measure(program, scratch, "append/durable/100B/1", path="/nowhere")
    assert "Redis" not in row["peers"], row
    assert "Redis did not take part: redis-server" in printed, printed
    check_row(row, {"RocksDB", "SQLite", "LMDB"})


def check_only(program, scratch):
    """Nobody who is left out is prepared: Redis would be missed."""
    for name in ("append/durable/100B/1", "append/buffered/100B/1", "commit/100B/16", "checkpoint/pause"):
        row, printed = measure(program, scratch, name, "--only", "dr", path="/nowhere")
        assert row["peers"] == {} and row["limit"] is None, row
        assert "did not take part" not in printed, printed
    row, _ = measure(program, scratch, "append/durable/100B/1", "--only", "SQLite", path="/nowhere")
    assert row["peers"].keys() == {"SQLite"} and row["limit"] is None, row


def check_silent_loss(program, scratch):
    done = run(program, "--silent-loss", "3", "--directory", str(scratch))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line[:28].strip(): line[28:].split() for line in done.stdout.splitlines()}
    assert lines["dr"][3:] == ["0", "0"], done.stdout
    assert lines["SQLite (WAL, FULL)"][0] == "3", done.stdout


def check_command_line(program):
    listing = run(program, "--list").stdout
    for name in ALL + [f"adapter/{name}/{row}" for name in ADAPTERS for row in ADAPTER_ROWS]:
        assert f"  {name} " in listing, f"{name} is not listed"
    assert run(program, "--rounds", "none").returncode != 0, "a bad number is a wrong command line"
    assert run(program, "no/such/row").returncode == 2, "a row that is not there is a wrong command line"


def main():
    program = sys.argv[1]
    check_command_line(program)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        scratch = pathlib.Path(directory)
        scratch.chmod(0o711)
        check_rows(program, scratch)
        check_missing_server(program, scratch)
        check_only(program, scratch)
        check_adapters(program, scratch)
        check_silent_loss(program, scratch)


main()
