"""File systems in files, for tests that take disks away."""

import contextlib
import errno
import itertools
import os
import re
import subprocess
import sys

SKIPPED = 77  # as CMakeLists.txt has it
BLOCK_BYTES = 4096
PRIVATE = "DR_REAL_PRIVATE_MOUNTS"


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.returncode} {done.stderr}"
    return done.stdout


def need_private_mounts(rounds):
    """Starts this program again where nobody else sees its mounts, and where they end with it however it ends."""
    if os.environ.get(PRIVATE):
        return
    probe = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        skip(rounds, f"no mount namespace ({probe.stderr.strip()})")
    os.environ[PRIVATE] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", *sys.argv])


def need_loop_mounts(rounds, folder, kind="ext4"):
    """Tries a mount, because being root is not enough in every container."""
    image, place = folder / "probe.img", folder / "probe"
    try:
        make(kind, image, 8)
        with mounted(image, place, "loop", kind):
            pass
    except (AssertionError, OSError) as error:
        skip(rounds, f"{kind} cannot be mounted on a loop device here ({error})")
    image.unlink()


def skip(rounds, reason):
    print(f"skipped: {rounds} rounds, {reason}")
    sys.exit(SKIPPED)


MEBIBYTES_MIN = {"ext4": 0, "xfs": 300, "btrfs": 128}  # with less, mkfs refuses
MKFS = {
    # Nothing is left for the kernel to initialise behind the test's back.
    "ext4": ["mkfs.ext4", "-q", "-F", "-b", BLOCK_BYTES, "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f", "--mixed"],
}


def make(kind, image, mebibytes, *options):
    """A file system of that size, or of the least that there is of its kind."""
    with open(image, "wb") as file:
        file.truncate(max(mebibytes, MEBIBYTES_MIN[kind]) << 20)
    run(*MKFS[kind], *options, image)


def extents(path):
    """Where the blocks of a file are on its disk: pairs of offset and length, in bytes."""
    for line in run("filefrag", "-v", f"-b{BLOCK_BYTES}", path).splitlines():
        found = re.match(r" +\d+: +\d+\.\. +\d+: +(\d+)\.\. +\d+: +(\d+):", line)
        if found:
            yield tuple(int(blocks) * BLOCK_BYTES for blocks in found.groups())


def dig_holes(disk, path):
    """Takes from the disk what it has for those blocks of the file that are zero: they read as before, and need room."""
    with open(disk, "rb") as content:
        for offset, length in extents(path):
            blocks = range(offset, offset + length, BLOCK_BYTES)
            for is_zero, row in itertools.groupby(blocks, lambda at: not any(os.pread(content.fileno(), BLOCK_BYTES, at))):
                row = list(row)
                if is_zero:
                    run("fallocate", "--punch-hole", "--offset", row[0], "--length", len(row) * BLOCK_BYTES, disk)


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 12))
        except OSError as error:
            assert error.errno == errno.ENOSPC, error


class NeedsRoomToBeMounted(Exception):
    """btrfs, full, behind a power cut: its own log can only be replayed into free space."""


@contextlib.contextmanager
def mounted(source, place, options, kind="ext4"):
    place.mkdir(exist_ok=True)
    try:
        run("mount", "-t", kind, "-o", options, source, place)
    except AssertionError as error:
        if kind == "btrfs" and "No space left on device" in str(error):
            raise NeedsRoomToBeMounted() from error
        raise
    try:
        yield place
    finally:
        run("umount", place)  # the loop device goes with it
