#!/usr/bin/env python3
"""small_volume.py WORKER --rounds N: defaults on volumes that are smaller than a segment of the usual size."""

import pathlib
import signal
import tempfile

import disks
import worker

ENOUGH = 20_000  # some volumes full of log
MEBIBYTES = [10, 40]


def live(program, mebibytes, folder):
    disk, place = folder / "disk.img", folder / "mounted"
    disks.make("ext4", disk, mebibytes)
    state = worker.State(program, place / "state", "--sizes-by-volume")
    with disks.mounted(disk, place, "loop"):
        with state.start() as victim:
            victim.read_acknowledged(ENOUGH)
            victim.send(signal.SIGTERM)
            code = victim.wait()
            assert code == 0, f"the shutdown ended with {code}"
        state.recover()
    wrong = [refusal for refusal in state.promises.refusals if " usage: " not in refusal]  # after the signal
    assert not wrong, wrong[0]
    return state


def main():
    options = worker.arguments(__doc__)
    disks.need_private_mounts(options.rounds)
    with tempfile.TemporaryDirectory(prefix="dr_real_small_") as name:
        folder = pathlib.Path(name)
        disks.need_loop_mounts(options.rounds, folder)
        states = [live(options.program, size, folder) for size in MEBIBYTES for _ in range(options.rounds)]
    worker.finish(f"small_volumes={len(states)}", states)


main()
