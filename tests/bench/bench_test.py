#!/usr/bin/env python3
"""Runs a few short rows of dr_bench and checks the shape of what it says.

usage: bench_test.py DR_BENCH
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ROWS = {
    "append/durable/100B/4": {"RocksDB", "RocksDB unordered", "SQLite", "LMDB", "Redis", "Postgres"},
    "append/buffered/100B/1": {"RocksDB log-only"},
    "oplog/append/2": {"mutex"},
}


def run(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=280, check=False)


def check_summary(summary):
    assert 0 < summary["min"] <= summary["median"] <= summary["max"], summary


def check_row(row, peers):
    assert row["better"] in ("higher", "lower"), row
    assert row["unit"], row
    check_summary(row["dr"])
    check_summary(row["limit"])
    for summary in row["peers"].values():
        check_summary(summary)
    assert peers <= row["peers"].keys(), f"{peers - row['peers'].keys()} did not take part in {row['name']}"
    best = row["peers"][row["best_peer"]]["median"]
    assert abs(row["ratio"] - row["dr"]["median"] / best) < 0.01 * row["ratio"], row
    assert abs(row["limit_ratio"] - row["dr"]["median"] / row["limit"]["median"]) < 0.01 * row["limit_ratio"], row


def check_rows(program, scratch):
    for name, peers in ROWS.items():
        file = scratch / "rows.json"
        done = run(program, "--rounds", "2", "--seconds", "0.05", "--directory", str(scratch), "--json", str(file), name)
        assert done.returncode == 0, done.stdout + done.stderr
        report = json.loads(file.read_text())
        assert report["machine"]["cores"], report["machine"]
        (row,) = report["rows"]
        assert row["name"] == name, row
        check_row(row, peers)
        left = [path.name for path in scratch.iterdir() if path != file]
        assert not left, f"{left} stayed behind"


def check_command_line(program):
    assert run(program, "--help").stdout.startswith("usage: dr_bench"), "--help"
    listing = run(program, "--list").stdout
    for name in ("checkpoint/pause", "checkpoint/overhead", "recover/1e6x1KiB", "replay/100B/1GiB", "commit/100B/16"):
        assert name in listing, f"{name} is not listed"
    assert run(program, "--rounds", "none").returncode == 2, "a bad number is a wrong command line"


def main():
    program = sys.argv[1]
    check_command_line(program)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as scratch:
        pathlib.Path(scratch).chmod(0o711)
        check_rows(program, pathlib.Path(scratch))


main()
