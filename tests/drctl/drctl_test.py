#!/usr/bin/env python3
"""Runs one case against drctl: drctl_test.py DRCTL HOST CASE."""

import json
import pathlib
import subprocess
import sys
import tempfile

DRCTL, HOST, CASE = sys.argv[1:]
BLOCK = 4096


def drctl(*arguments, code=0):
    done = subprocess.run([DRCTL, *map(str, arguments)], capture_output=True, timeout=60)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == code, f"{arguments}: ended with {done.returncode}, not {code}\n{out}{err}"
    assert "\x1b" not in out + err, f"{arguments}: prints control characters\n{out!r}"
    return out


def ask(*arguments, code=0):
    return json.loads(drctl(*arguments, "--json", code=code))


def host(directory, *steps, code=0):
    done = subprocess.run([HOST, directory, *steps], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, f"{steps}: ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout.split()[-1] if code == 0 else done.stderr


def wal(directory):
    return directory / "g-000001" / "wal"


def segments(directory):
    return sorted(wal(directory).glob("*.wal"))


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x40]))


def picture(directory):
    """Everything that a read-only look must leave alone."""
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size, p.stat().st_ino, p.read_bytes() if p.is_file() else None)
            for p in [directory, *directory.rglob("*")]}


def groups(directory):
    return [(s["segment"], g) for s in ask("wal", "inspect", directory)["segments"] for g in s["groups"]]


def verify_whole(at):
    host(at, "add:40", "shutdown")
    assert len(segments(at)) > 2
    for place in (at, wal(at)):
        found = ask("wal", "verify", place)
        assert found["ok"] and (found["from"], found["last"]) == (1, 40), found
        assert found["segments"] == len(segments(at)), found
    assert drctl("wal", "verify", at).startswith("whole: ")


def verify_damage(at):
    host(at, "add:40", "shutdown")
    segment, group = next((s, g) for s, g in groups(at) if g["first_lsn"] == 21 == g["last_lsn"])
    flip(wal(at) / segment, group["offset"] + 120)
    for place in (at, wal(at)):
        found = ask("wal", "verify", place, code=3)
        damage = found["damage"]
        assert not found["ok"] and damage["kind"] == "wal_corrupt", found
        assert (damage["place"], damage["offset"], damage["lsn"]) == (segment, group["offset"], 21), found
        assert (found["covered"]["from"], found["covered"]["last"]) == (1, 20), found
    assert "operations 1 to 20 can be read" in drctl("wal", "verify", at, code=3)


def verify_gap(at):
    host(at, "add:40", "shutdown")
    lost = segments(at)[1]
    aside = at / "aside"
    lost.rename(aside)
    assert ask("wal", "verify", at, code=3)["damage"]["kind"] == "wal_gap"
    aside.rename(lost)
    host(at, "checkpoint", "add:3", "shutdown")
    lost.unlink()
    found = ask("wal", "verify", at)
    assert found["from"] == 41 and found["last"] == 43, found
    assert ask("wal", "verify", wal(at), code=3)["damage"]["kind"] == "wal_gap"
    (wal(at) / "HEAD").unlink()
    assert ask("wal", "verify", at, code=3)["damage"]["kind"] == "wal_gap"


def read_only(at):
    host(at, "add:25", "checkpoint", "add:5")
    busy = subprocess.Popen([HOST, at, "add:3", "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    busy.stdout.readline()
    before = picture(at)
    for verb in READING:
        drctl(*verb[:2], at, *verb[2:])
        drctl(*verb[:2], at, *verb[2:], "--json")
    assert picture(at) == before
    busy.communicate("\n", timeout=60)
    assert busy.returncode == 0


def inspect(at):
    host(at, "add:12", "shutdown")
    found = ask("wal", "inspect", at)
    first = found["segments"][0]
    assert first["number"] == 1 and first["first_lsn"] == 1 and found["head"] == len(found["segments"]), found
    assert first["groups"][0]["offset"] == BLOCK and first["groups"][0]["first_lsn"] == 1, found
    for a, b in zip(first["groups"], first["groups"][1:]):
        assert a["offset"] + a["bytes"] == b["offset"] and a["last_lsn"] + 1 == b["first_lsn"], found
    assert found["segments"][-1]["stop"]["reason"] == "there is no group here", found
    flip(segments(at)[-1], first["groups"][-1]["offset"] + 200)
    stop = ask("wal", "inspect", at)["segments"][-1]["stop"]
    assert stop["reason"] == "the group's hash does not match its bytes" and stop["headers_behind"] >= 1, stop
    flip(segments(at)[-1], 20)
    assert "error" in ask("wal", "inspect", at, code=3)["segments"][-1]


def usage(at):
    drctl(code=2)
    drctl("wal", code=2)
    drctl("wal", "verify", code=2)
    drctl("wal", "verify", at, "--nonsense", code=2)
    drctl("wal", "verify", at, code=1)
    assert "3 damage found" in drctl("wal", "verify", "--help")


READING = [("wal", "inspect"), ("wal", "verify")]

with tempfile.TemporaryDirectory() as scratch:
    globals()[CASE](pathlib.Path(scratch) / "host")
