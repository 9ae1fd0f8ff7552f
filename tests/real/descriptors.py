#!/usr/bin/env python3
"""descriptors.py WORKER --rounds N [--seed S]: lets a running worker open no more files, and then again."""

import pathlib
import random
import resource
import tempfile

from promises import PENDING_MAX
import worker

FEWER_THAN_ARE_OPEN = 5
ENOUGH = 1024


def live(program, seed, folder):
    """One directory; every second one is written through the page cache."""
    chance = random.Random(seed)
    state = worker.State(program, folder / str(seed), *worker.path_of(seed))
    with state.start() as victim:
        for _ in range(3):
            victim.read_acknowledged(chance.randrange(1, 300))
            victim.limit(resource.RLIMIT_NOFILE, FEWER_THAN_ARE_OPEN)
            victim.read_until(lambda: state.promises.in_a_row("io") > PENDING_MAX)
            victim.limit(resource.RLIMIT_NOFILE, ENOUGH)
            victim.read_until(lambda: state.promises.in_a_row("ack") > PENDING_MAX)
    state.recover()
    return state


def main():
    options = worker.arguments(__doc__)
    with tempfile.TemporaryDirectory(prefix="dr_real_descriptors_") as name:
        states = [live(options.program, options.seed + i, pathlib.Path(name)) for i in range(options.rounds)]
    refused = sum(len(state.promises.refusals) for state in states)
    worker.finish(f"out_of_descriptors={len(states)} refused={refused}", states)


main()
