#!/usr/bin/env python3
"""kill.py WORKER --rounds N [--seed S]: kills the worker, at its work and in its recovery, and counts what is left."""

import concurrent.futures
import pathlib
import random
import tempfile
import time

import worker

ROUNDS_EACH = 25  # on one directory
ACKNOWLEDGED_FIRST = [0, 0, 1, 30, 200]  # half of the rounds ends before much was done


def live(program, seed):
    """One directory and all its lives; half of the directories are written through the page cache."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="dr_real_kill_") as folder:
        state = worker.State(program, pathlib.Path(folder) / "state", *worker.path_of(seed))
        for _ in range(ROUNDS_EACH):
            with state.start() as victim:
                victim.read_acknowledged(chance.choice(ACKNOWLEDGED_FIRST))
                time.sleep(chance.uniform(0, 0.03))
                victim.kill()
            state.recover()
    assert not state.promises.refusals, state.promises.refusals[0]
    return state


def main():
    options = worker.arguments(__doc__)
    seeds = range(options.seed, options.seed + options.rounds // ROUNDS_EACH)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        states = list(pool.map(lambda seed: live(options.program, seed), seeds))
    direct = sum(state.path == "direct" for state in states)
    worker.finish(f"kills={ROUNDS_EACH * len(states)} direct={ROUNDS_EACH * direct}", states)


main()
