#!/usr/bin/env python3
"""Runs tests for as long, or at the size, that the time of a usual run has no room for.

usage: run.py BUILDS [NAME…]

They are the same tests; DR_LONG_SECONDS and DR_LONG tell them how long and how large. BUILDS is the folder with the
builds dev, asan and tsan. Prints a line for each run, in the form of docs/LONG_RUNS.md. NAME: a part of a run's name.
"""
import datetime
import os
import pathlib
import subprocess
import sys
import time

# What, in which build, the command, how long each of its cases lasts, and further settings.
RUNS = [
    ("log: large records, 16 writers", "dev", ["log_test", "*(K79)"], 1200, {}),
    ("log: batches over groups and segments", "dev", ["log_test", "*(K95)"], 1200, {}),
    ("log: readers beside trims", "dev", ["log_test", "*(K96)"], 600, {}),
    ("log: deadlines under load", "dev", ["log_test", "deadlines that end*"], 600, {}),
    ("host: every kind of commit", "dev", ["host_test", "a host under every kind*"], 1800, {}),
    ("log: everything", "tsan", ["log_test", "*(K*)"], 260, {}),
    ("log: everything", "asan", ["log_test", "*(K*)"], 260, {}),
    ("host: every kind of commit", "tsan", ["host_test", "a host under every kind*"], 900, {}),
    ("host: every kind of commit", "asan", ["host_test", "a host under every kind*"], 900, {}),
    ("host: waits that end by themselves", "tsan", ["host_test", "*(K70*"], 60, {}),
    ("host: waits that end by themselves", "asan", ["host_test", "*(K70*"], 60, {}),
    ("fuzz: the life of a host", "dev", ["host_fuzz"], 600, {}),
]


def commit(source):
    return subprocess.run(["git", "-C", str(source), "rev-parse", "--short", "HEAD"], check=True,
                          capture_output=True, text=True).stdout.strip()


def main():
    builds, wanted = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    runs = [run for run in RUNS if not wanted or any(name in run[0] for name in wanted)]
    if not runs:
        sys.exit(f"no long run has a name with {' or '.join(wanted)}")
    failed, today = 0, datetime.date.today().isoformat()
    for name, build, command, seconds, settings in runs:
        environment = {**os.environ, **settings, "DR_LONG_SECONDS": str(seconds)}
        start = time.monotonic()
        program = [str(builds / build / "bin" / command[0]), *command[1:]]
        result = subprocess.run(program, env=environment, capture_output=True, text=True)
        lasted = time.monotonic() - start
        verdict = "passed" if result.returncode == 0 else "FAILED"
        print(f"| {today} | {commit(builds.parent)} | {name} | {build} | {lasted:.0f} s | {verdict} |",
              flush=True)
        if result.returncode != 0:
            failed += 1
            print((result.stdout + result.stderr)[-4000:], flush=True)
    print(f"{100 * (len(runs) - failed) // len(runs)}% tests passed, {failed} tests failed out of {len(runs)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
