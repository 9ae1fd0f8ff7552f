#!/usr/bin/env python3
"""Looks for secrets in all that a test run left: its servers' own, and those that tests are given.

usage: canaries.py SERVERS PLACE...

SERVERS is the folder of scripts/servers, each of whose servers lists its secrets in `canaries`. Files that are older than
the servers are of another run. Prints where a secret was found, and ends with 1 if there is any, or none to look for.
"""

import pathlib
import re
import sys


def files(place):
    return [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]


def hits(path, pattern):
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if pattern.search(line):
                yield f"{path}:{number}"


def main():
    servers, places = pathlib.Path(sys.argv[1]), list(map(pathlib.Path, sys.argv[2:]))
    secrets = [line for path in servers.glob("*/canaries") for line in path.read_text().split()]
    # Those that are written in tests; they are named alike.
    known = [r"drcanary[-\w]*", "c4n4ry", r"canary-(secret|\d)"]
    pattern = re.compile("|".join([*map(re.escape, secrets), *known]).encode())
    if not secrets or not any(True for _ in hits(servers / "env", pattern)):
        print("canaries: no secret is found where they are known to be, so nothing was looked for")
        return 1
    begin = (servers / "env").stat().st_mtime
    looked_at = [path for place in places for path in files(place) if path.stat().st_mtime >= begin]
    found = [hit for path in looked_at for hit in hits(path, pattern)]
    for hit in found[:20]:
        print(f"canaries: a secret is shown in {hit}")
    print(f"canaries: {len(secrets)} secrets of servers and those of tests, {len(looked_at)} files, {len(found)} hits")
    return 1 if found or not looked_at else 0


if __name__ == "__main__":
    sys.exit(main())
