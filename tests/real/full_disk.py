#!/usr/bin/env python3
"""full_disk.py WORKER --rounds N [--seed S]: takes the last room on the disk, and gives it back to the same process."""

import pathlib
import random
import tempfile

import disks
from promises import PENDING_MAX
import worker

MEBIBYTES = 24
ENOUGH = 100


def starve(state, chance, filler):
    promises = state.promises
    with state.start() as victim:
        for _ in range(3):
            victim.read_acknowledged(chance.randrange(1, 300))
            disks.fill(filler)
            victim.read_until(lambda: promises.in_a_row("no_space") > PENDING_MAX)
            filler.unlink()
            victim.read_until(lambda: promises.in_a_row("ack") > ENOUGH)


def live(program, seed, folder):
    """One disk; every second one is written through the page cache."""
    disk, place = folder / "disk.img", folder / "mounted"
    disks.make_ext4(disk, MEBIBYTES)
    state = worker.State(program, place / "state", buffered=seed % 2 == 0)
    with disks.mounted(disk, place, "loop"):
        starve(state, random.Random(seed), place / "filler")
        state.recover()
    return state


def main():
    options = worker.arguments(__doc__)
    disks.need_private_mounts(options.rounds)
    with tempfile.TemporaryDirectory(prefix="dr_real_full_") as name:
        folder = pathlib.Path(name)
        disks.need_loop_mounts(options.rounds, folder)
        states = [live(options.program, options.seed + i, folder) for i in range(options.rounds)]
    buffered = sum(state.path == "buffered" for state in states)
    refused = sum(len(state.promises.refusals) for state in states)
    worker.finish(f"full_disks={len(states)} buffered={buffered} refused={refused}", states)


main()
