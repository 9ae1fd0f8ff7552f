#!/usr/bin/env python3
"""power_cut.py WORKER --rounds N [--seed S] [--kind ext4|xfs|btrfs]: takes the disk away under the worker and goes on with what was on it.

The disk is a file. What the file system has not sent there when the file is copied is what a power cut loses.
"""

import pathlib
import random
import tempfile
import time

import disks
import worker

ROUNDS_EACH = 10  # on one disk and its copies
FULL_EVERY = 3  # of the rounds
MEBIBYTES = 64
ACKNOWLEDGED_FIRST = [0, 1, 20, 100, 300]
# The file system does not sync by itself meanwhile, where it can be told.
OPTIONS = {"ext4": "loop,commit=600", "xfs": "loop", "btrfs": "loop,commit=600"}


def cut(state, chance, disk, copy, filler):
    """What the power cut leaves of the disk is the copy; what was promised is what was read before it began."""
    with state.start() as victim:
        first = chance.choice(ACKNOWLEDGED_FIRST)
        victim.read_acknowledged(max(first, 1) if filler else first)  # a disk that is full already opens no log
        if filler:
            disks.fill(filler)
        time.sleep(chance.uniform(0, 0.03))
        victim.pause()
        disks.run("cp", "--sparse=always", disk, copy)
        if filler:  # what was refused for want of room, and could not say so, says it now
            state.promises.cut()
            filler.unlink()
            victim.go_on()
            victim.read_until(state.promises.heard_out)


def live(program, kind, seed, folder):
    """One disk and all its power cuts; half of the disks are written through the page cache."""
    chance = random.Random(seed)
    disk, copy, place = folder / "disk.img", folder / "copy.img", folder / "mounted"
    state = worker.State(program, place / "state", *worker.path_of(seed))
    disks.make(kind, disk, MEBIBYTES)
    filler = place / "filler"
    state.cuts, was_full = 0, False  # cuts whose outcome was looked at
    try:
        for number in range(ROUNDS_EACH + 1):
            with disks.mounted(disk, place, OPTIONS[kind], kind):
                filler.unlink(missing_ok=True)
                state.recover()  # and what it recovers must not be lost in the next power cut
                state.cuts = number
                if number < ROUNDS_EACH:
                    was_full = number % FULL_EVERY == 0
                    cut(state, chance, disk, copy, filler if was_full else None)
            if number < ROUNDS_EACH:
                copy.replace(disk)
    except disks.NeedsRoomToBeMounted:
        assert was_full, "a disk with free space was not mounted for want of space"
    assert state.path == ("buffered" if seed % 2 == 0 else "direct"), state.path
    for refusal in state.promises.refusals:
        assert " no_space: " in refusal or "the disk is full" in refusal, refusal
    return state


def main():
    options = worker.arguments(__doc__)
    disks.need_private_mounts(options.rounds)
    disks_max = 2 * options.rounds // ROUNDS_EACH  # one that does not come back is made up for by another
    states = []
    with tempfile.TemporaryDirectory(prefix="dr_real_power_") as name:
        folder = pathlib.Path(name)
        disks.need_loop_mounts(options.rounds, folder, options.kind)
        while sum(state.cuts for state in states) < options.rounds:
            assert len(states) < disks_max, f"of {len(states)} disks too few were mounted again"
            states.append(live(options.program, options.kind, options.seed + len(states), folder))
    cuts = sum(state.cuts for state in states)
    direct = sum(state.cuts for state in states if state.path == "direct")
    unmounted = sum(state.cuts < ROUNDS_EACH for state in states)
    worker.finish(f"power_cuts={cuts} direct={direct} disks_not_mounted_again={unmounted}", states)


main()
