#!/usr/bin/env python3
"""full_disk.py WORKER --rounds N [--seed S] [--kind ext4|xfs|btrfs]: takes the last room on the disk, and gives it back to the same process.

Every round does so twice: to a worker without checkpoints, which refuses, and to one that goes on behind the
checkpoints for which it has put room aside. btrfs, which copies on write, does not get there with what was put aside,
so only the former happens on it.
"""

import pathlib
import tempfile

import disks
from promises import PENDING_MAX
import worker

MEBIBYTES = 24
ENOUGH = 100
CHECKPOINTED = 2000  # operations, after which the worker has taken some


def hear_all(victim, promises):
    """Reads on until no refusal can be left that a kill would keep from being told."""
    victim.read_until(lambda: promises.in_a_row("ack") > ENOUGH)


def all_lanes_are_refused(promises):
    return lambda: promises.in_a_row("no_space") > PENDING_MAX


def whoever_comes_is_refused(promises):
    """Where nothing is overwritten in place, prepared space is none: what was taken waits meanwhile."""
    enough = promises.refused("no_space") + PENDING_MAX
    return lambda: promises.refused("no_space") > enough


def starve(state, filler, kind):
    promises = state.promises
    is_full = whoever_comes_is_refused if kind == "btrfs" else all_lanes_are_refused
    with state.start() as victim:
        for _ in range(3):
            victim.read_acknowledged(ENOUGH)
            refused = is_full(promises)
            disks.fill(filler)
            victim.read_until(refused)
            filler.unlink()
            hear_all(victim, promises)


def go_on(state, filler, _):
    with state.start() as victim:
        for _ in range(3):
            victim.read_acknowledged(CHECKPOINTED)
            victim.pause()  # outside a checkpoint that has just given up its reserve, which the filler would take
            disks.fill(filler)
            victim.go_on()
            victim.read_acknowledged(CHECKPOINTED)
            filler.unlink()
        hear_all(victim, state.promises)


def live(program, kind, seed, folder, fate, *options):
    """One disk."""
    disk, place = folder / "disk.img", folder / "mounted"
    disks.make(kind, disk, MEBIBYTES)
    state = worker.State(program, place / "state", *worker.path_of(seed), *options)
    with disks.mounted(disk, place, "loop", kind):
        fate(state, place / "filler", kind)
        state.recover()
    return state


def main():
    options = worker.arguments(__doc__)
    disks.need_private_mounts(options.rounds)
    states = []
    with tempfile.TemporaryDirectory(prefix="dr_real_full_") as name:
        folder = pathlib.Path(name)
        disks.need_loop_mounts(options.rounds, folder, options.kind)
        for seed in range(options.seed, options.seed + options.rounds):
            states.append(live(options.program, options.kind, seed, folder, starve, "--no-checkpoints"))
            if options.kind != "btrfs":
                states.append(live(options.program, options.kind, seed, folder, go_on))
    buffered = sum(state.path == "buffered" for state in states)
    refused = sum(len(state.promises.refusals) for state in states)
    worker.finish(f"full_disks={len(states)} buffered={buffered} refused={refused}", states)


main()
