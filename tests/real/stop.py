#!/usr/bin/env python3
"""stop.py WORKER --rounds N [--seed S]: a storm of SIGTERM ends the worker in order, whatever it is doing."""

import pathlib
import random
import signal
import tempfile

import worker

STORM = 200


def main():
    options = worker.arguments(__doc__)
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="dr_real_stop_") as folder:
        state = worker.State(options.program, pathlib.Path(folder) / "state")
        for _ in range(options.rounds):
            with state.start() as victim:
                victim.read_acknowledged(chance.randrange(1, 300))  # a checkpoint begins with each hundred
                for _ in range(STORM):
                    victim.send(signal.SIGTERM)
                assert victim.wait() == 0, "it did not end in order"
            state.recover()
    worker.finish(f"storms={options.rounds}", [state])


main()
