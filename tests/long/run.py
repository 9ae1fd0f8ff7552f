#!/usr/bin/env python3
"""Runs tests for as long, or at the size, that the time of a usual run has no room for.

usage: run.py BUILDS [NAME…]

They are the same tests; DR_LONG_SECONDS tells them how long. BUILDS is the folder with the builds dev, asan, tsan and
fuzz, all of the commit at which this begins. Prints a line for each run, in the form of docs/LONG_RUNS.md. NAME: a part
of a run's name and build with a comma between, as in "host: every kind of commit, tsan".
"""
import datetime
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent

LOG_UNDER_LOAD = "*(K79),*(K95),*(K96),deadlines that end*"

# What, in which build, the command, and how many seconds each of its cases lasts.
RUNS = [
    ("bench: every append row", "dev", ["dr_bench", "--only", "dr", "--rounds", "1", "--seconds", "60", "append/"], 0),
    ("log: large records, 16 writers", "dev", ["log_test", "*(K79)"], 600),
    ("log: batches over groups and segments", "dev", ["log_test", "*(K95)"], 600),
    ("log: readers beside trims", "dev", ["log_test", "*(K96)"], 600),
    ("log: deadlines under load", "dev", ["log_test", "deadlines that end*"], 300),
    ("host: every kind of commit", "dev", ["host_test", "a host under every kind*"], 1800),
    ("fuzz: the life of a host", "fuzz", ["host_fuzz", "-max_total_time=600"], 0),
    ("log: under load", "tsan", ["log_test", LOG_UNDER_LOAD], 200),
    ("host: every kind of commit", "tsan", ["host_test", "a host under every kind*"], 900),
    ("host: waits that end by themselves", "tsan", ["host_test", "*(K70*"], 60),
    ("log: under load", "asan", ["log_test", LOG_UNDER_LOAD], 200),
    ("host: every kind of commit", "asan", ["host_test", "a host under every kind*"], 900),
    ("host: waits that end by themselves", "asan", ["host_test", "*(K70*"], 60),
    *((f"packaging: README, static, {compiler}, {how}", "dev",
       ["packaging/readme_build", "static", compiler, "{source}", "{work}", f"{{source}}/tests/packaging/{how}.cmake"], 0)
      for compiler, how in (("clang++-14", "unoptimised"), ("g++", "each_alone"))),
    *((f"power cuts: 200 on {kind}", "dev", ["power_cut.py", "real_worker", "--rounds", "200", "--kind", kind], 0)
      for kind in ("ext4", "xfs", "btrfs")),
]


def commit(source):
    return subprocess.run(["git", "-C", str(source), "rev-parse", "--short", "HEAD"], check=True,
                          capture_output=True, text=True).stdout.strip()


def main():
    builds, wanted = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    runs = [run for run in RUNS if not wanted or any(name in f"{run[0]}, {run[1]}" for name in wanted)]
    if not runs:
        sys.exit(f"no long run has a name with {' or '.join(wanted)}")
    failed, today, built_at = 0, datetime.date.today().isoformat(), commit(builds.parent)
    for name, build, command, seconds in runs:
        environment = {**os.environ, "DR_LONG_SECONDS": str(seconds)} if seconds else None
        programs = builds / build / "bin"
        if "/" in command[0]:
            places = {"source": builds.parent, "work": builds / build / "long"}
            program = [str(HERE.parent / command[0]), *(word.format(**places) for word in command[1:])]
        elif command[0].endswith(".py"):
            program = [sys.executable, "-B", str(HERE.parent / "real" / command[0]), str(programs / command[1]), *command[2:]]
        else:
            # A name that no test has would pass.
            program = [str(programs / command[0]), *command[1:], *(["-w", "NoTests"] if "_test" in command[0] else [])]
        start = time.monotonic()
        result = subprocess.run(program, env=environment, capture_output=True, text=True)
        lasted = time.monotonic() - start
        verdict = "passed" if result.returncode == 0 else "FAILED"
        print(f"| {today} | {built_at} | {name} | {build} | {lasted:.0f} s | {verdict} |",
              flush=True)
        if result.returncode != 0:
            failed += 1
            print((result.stdout + result.stderr)[-4000:], flush=True)
    print(f"{100 * (len(runs) - failed) // len(runs)}% tests passed, {failed} tests failed out of {len(runs)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
