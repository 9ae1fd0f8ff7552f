#!/usr/bin/env python3
"""Runs one case against dr_demo: demo_test.py PROGRAM CASE."""

import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

KEYS = ["operations", "acknowledged", "lost", "kills", "recover_ms_p50", "recover_ms_max", "checkpoint_pause_us_p99"]
SKIPPED = 77
GROUP_BYTES_MAX = 1 << 20
PROGRAM = os.path.abspath(sys.argv[1])


def start(*arguments, before=()):
    return subprocess.Popen([*before, PROGRAM, *map(str, arguments)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(*arguments, code=0):
    process = start(*arguments)
    out, err = process.communicate(timeout=240)
    assert process.returncode == code, f"{arguments}: ended with {process.returncode}, not {code}\n{out}{err}"
    return out, err


def digest(directory):
    out, _ = run("--directory", directory, "--digest")
    assert len(out) == 33 and out[-1] == "\n" and int(out, 16) >= 0, out
    return out


def log_files(directory):
    return sorted(p for p in directory.rglob("wal/*") if p.is_file() and p.stat().st_size > 65536)


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x40]))


def kills(scratch):
    out, _ = run("--operations", 3000, "--kills", 5, "--seed", 3, "--json")
    figures = json.loads(out.splitlines()[-1])
    assert list(figures) == KEYS, out
    assert (figures["operations"], figures["acknowledged"], figures["lost"], figures["kills"]) == (3000, 3000, 0, 5), out
    out, _ = run("--operations", 3000, "--kills", 2)
    line = out.splitlines()[-1]
    assert line.startswith("demo: operations=3000 acknowledged=3000 lost=0 kills=2 recover_ms_p50="), out
    assert [field.split("=")[0] for field in line.split()[1:]] == KEYS, out


def checkpoints(scratch):
    out, _ = run("--operations", 160000, "--kills", 6, "--json")
    figures = json.loads(out)
    assert (figures["lost"], figures["kills"]) == (0, 6) and figures["checkpoint_pause_us_p99"] > 0, out


def same_seed(scratch):
    runs = {"plain": [], "one": ["--threads", 1], "killed": ["--kills", 5, "--threads", 16]}
    digests = {}
    for name, options in runs.items():
        run("--directory", scratch / name, "--operations", 3000, "--seed", 7, *options)
        digests[name] = digest(scratch / name)
    assert len(set(digests.values())) == 1, digests
    run("--directory", scratch / "other", "--operations", 3000, "--seed", 8)
    assert digest(scratch / "other") != digests["plain"]
    # In two steps, and repeated recovery, change nothing.
    run("--directory", scratch / "steps", "--operations", 1000, "--seed", 7)
    assert digest(scratch / "steps") != digests["plain"]
    run("--directory", scratch / "steps", "--operations", 3000, "--seed", 7)
    assert digest(scratch / "steps") == digest(scratch / "steps") == digests["plain"]


def outside(scratch):
    run("--directory", scratch / "whole", "--operations", 20000)
    chance = random.Random(os.getpid())
    for attempt in range(8):
        process = start("--directory", scratch / "killed", "--operations", 20000)
        time.sleep(chance.uniform(0.1, 0.6))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        # A host that was killed while it made its directory has left nothing to recover.
        if (scratch / "killed" / "CURRENT").exists():
            run("--directory", scratch / "killed", "--digest")
    run("--directory", scratch / "killed", "--operations", 20000)
    assert digest(scratch / "killed") == digest(scratch / "whole")


def in_order(scratch):
    run("--directory", scratch / "whole", "--operations", 60000)
    process = start("--directory", scratch / "stopped", "--operations", 60000)
    while not list(scratch.rglob("stopped/*/wal/*.wal")):
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "lost=0" in out, out + err
    run("--directory", scratch / "stopped", "--operations", 60000)
    assert digest(scratch / "stopped") == digest(scratch / "whole")


def changing_calls(scratch):
    if shutil.which("strace") is None:
        return "strace is not installed"
    run("--directory", scratch / "whole", "--operations", 300, "--threads", 2)
    killed = 0
    for call in ("pwrite64", "fdatasync,fsync", "openat", "renameat,renameat2", "linkat", "mkdirat", "unlinkat", "ftruncate"):
        for nth in (1, 2, 3, 5, 8, 13, 21, 34):
            directory = scratch / "killed"
            shutil.rmtree(directory, ignore_errors=True)
            trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={nth}"]
            process = start("--directory", directory, "--operations", 300, "--threads", 2, before=trace)
            out, err = process.communicate(timeout=120)
            if "ptrace" in err or "not permitted" in err:
                return "strace may not trace here"
            killed += process.returncode == -signal.SIGKILL
            if not directory.exists():
                continue
            run("--directory", directory, "--operations", 300)
            assert digest(directory) == digest(scratch / "whole"), f"{call} number {nth}"
    assert killed >= 10, killed


def rot(scratch):
    run("--directory", scratch / "good", "--operations", 5000)
    name = log_files(scratch / "good")[0].relative_to(scratch / "good")
    written = len((scratch / "good" / name).read_bytes().rstrip(b"\0"))
    for offset in (4096 + 300, 3 * 4096 + 5, written // 2):
        damaged = scratch / "damaged"
        shutil.copytree(scratch / "good", damaged)
        flip(damaged / name, offset)
        out, err = run("--directory", damaged, "--digest", code=3)
        assert out == "", out
        assert "wal_corrupt" in err and name.name in err, err
        group = int(re.search(r"offset (\d+)", err)[1])  # of one block or, on a busy machine, of several
        assert group % 4096 == 0 and group <= offset < group + GROUP_BYTES_MAX, err
        run("--directory", damaged, "--operations", 6000, code=3)
        shutil.rmtree(damaged)


def damaged_checkpoint(scratch):
    run("--directory", scratch, "--operations", 5000)
    whole = digest(scratch)
    for component in ("graph", "journal", "queue"):
        title = f"{len(component)} {component} ".encode()
        state = next(p for p in scratch.rglob("data+/*/*") if title in p.read_bytes())
        flip(state, state.stat().st_size // 2)
        assert digest(scratch) == whole, component


def missing(scratch):
    run("--directory", scratch / "good", "--operations", 5000)
    for path in log_files(scratch / "good"):
        path.unlink()
    out, err = run("--directory", scratch / "good", "--digest", code=3)
    assert out == "" and "wal" in err, err


def in_use(scratch):
    process = start("--directory", scratch, "--operations", 400000)
    try:
        while not list(scratch.rglob("wal/*.wal")):
            time.sleep(0.01)
        _, err = run("--directory", scratch, "--digest", code=4)
        assert "busy" in err, err
    finally:
        process.kill()
        process.communicate()


def refusals(scratch):
    _, err = run("--directory", scratch / "none", "--digest", code=1)
    assert "nothing to recover" in err and not (scratch / "none").exists(), err
    run("--directory", scratch / "seven", "--operations", 500, "--seed", 7)
    before = digest(scratch / "seven")
    _, err = run("--directory", scratch / "seven", "--operations", 600, "--seed", 8, code=2)
    assert "seed" in err, err
    assert digest(scratch / "seven") == before
    for wrong in (["--operations", "many"], ["--threads", "0"], ["--digest"], ["--nonsense", "1"], ["--seed"], ["--worker"]):
        _, err = run(*wrong, code=2)
        assert wrong[0] in err, err
    out, _ = run("--help")
    for option in ("--directory", "--operations", "--seed", "--threads", "--kills", "--digest", "--json", "--version"):
        assert option in out, out
    assert run("--version")[0].startswith("dr_demo ")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="dr_demo_test.") as temporary:
        os.environ["TMPDIR"] = temporary
        skipped = globals()[sys.argv[2]](pathlib.Path(temporary))
    if skipped:
        print(f"skipped: {skipped}")
        sys.exit(SKIPPED)
