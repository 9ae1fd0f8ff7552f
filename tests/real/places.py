#!/usr/bin/env python3
"""places.py WORKER --rounds N [--kind ext4|xfs|btrfs]: what a host makes of a file system.

On btrfs the log's files must not be copied on write; on xfs and btrfs spares whose space a reflink copy shares must go.
"""

import pathlib
import subprocess
import tempfile

import disks
import worker

ENOUGH = 2000


def is_nocow(path):
    return "C" in disks.run("lsattr", path).split()[0]


def shares_space(path):
    return "shared" in disks.run("filefrag", "-v", path)


def check_reflinked(state, log):
    """A copy of the spares, as a backup makes it, must not be what the log writes into afterwards."""
    with state.start() as victim:
        victim.read_acknowledged(ENOUGH)  # until there are spares
    copies = log.parent / "copies"
    copies.mkdir()
    if is_nocow(log / "HEAD"):
        disks.run("chattr", "+C", copies)  # or nothing can be shared
    spares = list(log.glob("*.spare"))
    assert spares, "no spares"
    whole = max(spare.stat().st_size for spare in spares)
    spares = [spare for spare in spares if spare.stat().st_size == whole]
    for spare in spares:
        done = subprocess.run(["cp", "--reflink=always", spare, copies], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    disks.run("sync", "-f", log)
    assert all(shares_space(spare) for spare in spares), "the copies share nothing"
    state.recover()
    files = list(log.glob("*.wal")) + list(log.glob("*.spare"))
    assert not any(shares_space(file) for file in files), "a spare that shares its space was kept"


def live(program, kind, folder):
    disk, place = folder / "disk.img", folder / "mounted"
    disks.make(kind, disk, 64)
    state = worker.State(program, place / "state")
    log = place / "state" / "g-000001" / "wal"
    with disks.mounted(disk, place, "loop", kind):
        with state.start() as victim:
            victim.read_acknowledged(ENOUGH)
        if kind == "btrfs":
            files = list(log.glob("*.wal")) + list(log.glob("*.spare"))
            assert files and all(is_nocow(file) for file in files), "a file of the log is copied on write"
        if kind != "ext4":
            check_reflinked(state, log)
        state.recover()
    return state


def main():
    options = worker.arguments(__doc__)
    disks.need_private_mounts(options.rounds)
    with tempfile.TemporaryDirectory(prefix="dr_real_places_") as name:
        folder = pathlib.Path(name)
        disks.need_loop_mounts(options.rounds, folder, options.kind)
        states = [live(options.program, options.kind, folder) for _ in range(options.rounds)]
    worker.finish(f"places={len(states)}", states)


main()
