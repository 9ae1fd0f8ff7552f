#!/usr/bin/env python3
"""failing_sync.py WORKER --rounds N [--seed S]: a disk whose syncs fail, and then succeed although data is gone.

The disk is a file on a memory file system that gets full. The file has a hole wherever the log prepared space and did
not use it yet, so that nothing but the log's own groups is lost, and the kernel reports that to one sync only. A direct
write is refused instead, which says that nothing was written: the log stalls, and goes on when there is room. So does a
rotation, which writes anew what it syncs again.
"""

import os
import pathlib
import random
import tempfile

import disks
from promises import PENDING_MAX
import worker

MEBIBYTES = 64
ROOM = "size=72m"
LINES_IN_A_PIPE_MAX = 65536 // 100


def check_syncs_succeed(log):
    for file in log.iterdir():
        with open(file, "rb") as opened:
            os.fsync(opened.fileno())


def fail(state, options, chance, disk, filler, place):
    """Whether a sync failed for good: on the buffered path, unless a rotation came first."""
    promises, log = state.promises, place / "state" / "g-000001" / "wal"
    with state.start() as victim:
        victim.read_acknowledged(chance.randrange(1, 300))
        victim.pause()
        for file in log.iterdir():
            disks.dig_holes(disk, file)
        disks.fill(filler)
        victim.go_on()
        # What was taken and nobody waits for stays under way, so not every lane is refused.
        stalls = lambda: promises.refused("no_space") > PENDING_MAX
        poisoned = lambda: promises.in_a_row("poisoned") > PENDING_MAX
        victim.read_until(lambda: stalls() or ("--buffered" in options and poisoned()))
        filler.unlink()
        if stalls():
            victim.read_acknowledged(100)
            return False
        victim.read_until(poisoned)
        check_syncs_succeed(log)
        acknowledged, poisoned = promises.acknowledged, promises.in_a_row("poisoned")
        victim.read_until(lambda: promises.in_a_row("poisoned") > poisoned + LINES_IN_A_PIPE_MAX)
        assert promises.acknowledged == acknowledged, "acknowledged after a sync had failed"
    assert any(" poisoned: " not in refusal for refusal in promises.refusals), "nobody was told why"
    return True


def live(program, seed, folder):
    """One disk; every second one is written through the page cache."""
    room, place = folder / "room", folder / "mounted"
    with disks.mounted("tmpfs", room, ROOM, kind="tmpfs"):
        disk = room / "disk.img"
        disks.make("ext4", disk, MEBIBYTES)
        disks.run("fallocate", "--length", disk.stat().st_size, disk)
        state = worker.State(program, place / "state", *worker.path_of(seed))
        with disks.mounted(disk, place, "loop"):
            failed = fail(state, worker.path_of(seed), random.Random(seed), disk, room / "filler", place)
        with disks.mounted(disk, place, "loop"):
            state.recover()
            with state.start() as victim:
                victim.read_acknowledged(1)
            state.recover()
    return state, failed


def main():
    options = worker.arguments(__doc__)
    disks.need_private_mounts(options.rounds)
    with tempfile.TemporaryDirectory(prefix="dr_real_sync_") as name:
        folder = pathlib.Path(name)
        disks.need_loop_mounts(options.rounds, folder)
        lives = [live(options.program, options.seed + i, folder) for i in range(options.rounds)]
    states, failed = [state for state, _ in lives], sum(failed for _, failed in lives)
    buffered = sum(state.path == "buffered" for state in states)
    assert 2 * failed >= buffered, f"of {buffered} logs behind the page cache only {failed} met a sync that failed"
    refused = sum(len(state.promises.refusals) for state in states)
    worker.finish(f"failed_syncs={failed} rounds={len(states)} buffered={buffered} refused={refused}", states)


main()
