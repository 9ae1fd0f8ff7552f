#!/usr/bin/env python3
"""Runs one case against drctl: drctl_test.py DRCTL HOST CASE."""

import base64
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


def shown(directory, *arguments, code=0):
    return [json.loads(line) for line in drctl("log", "show", directory, "--json", *arguments, code=code).splitlines()]


def content(record):
    return {key: record[key] for key in ("lsn", "time", "kind", "component", "schema", "subject", "payload_base64")}


def group_of(directory, lsn):
    return next((s, g) for s, g in groups(directory) if g["first_lsn"] == lsn <= g["last_lsn"])


def salvage(directory, to, output, code=0):
    return ask("wal", "salvage", directory, "--to", to, "--output", output, code=code)


def refused(directory, to, output):
    done = subprocess.run([DRCTL, "wal", "salvage", directory, "--to", str(to), "--output", output], capture_output=True, text=True)
    assert done.returncode == 2, (done.returncode, done.stderr)
    return done.stderr


def salvage_host(at):
    new = at.parent / "new"
    host(at, "digests", "add:25", "batch:3", "add:10")
    old = shown(at, "--full")
    segment, group = group_of(at, 31)
    flip(wal(at) / segment, group["offset"] + 120)
    before = picture(at)
    found = salvage(at, 30, new)
    assert (found["from"], found["last"]) == (1, 30) and any("damage" in line for line in found["given_up"]), found
    assert picture(at) == before
    assert list(map(content, shown(new, "--full"))) == list(map(content, old[:30]))
    operations = sum(record["kind"] == "operation" for record in old[:30])
    assert host(new, "add:1") == str(operations + 1)
    assert ask("wal", "verify", new)["last"] == 31
    assert not (at.parent / "new.partial").exists()


def salvage_checkpoint(at):
    new = at.parent / "new"
    host(at, "add:40", "checkpoint", "add:20", "checkpoint", "add:20", "checkpoint", "add:2")
    assert segments(at)[0].name > "0000000000000001.wal", "nothing was trimmed"
    sequences = ask("checkpoint", "list", at)["checkpoints"]
    assert [c["as_of"] for c in sequences] == [80, 60], sequences
    found = salvage(at, 70, new)
    assert found["last"] == 70 and found["checkpoints_as_of"] == [60], found
    assert any("includes operations up to 80" in line for line in found["given_up"]), found
    assert host(new) == "70"
    assert ask("checkpoint", "list", new, "--verify")["checkpoints"][0]["as_of"] == 60
    exact = at.parent / "exact"
    salvage(at, 60, exact)
    assert host(exact, "add:2") == "62"
    assert "cannot be reached" in refused(at, 10, at.parent / "early") and not (at.parent / "early").exists()


def salvage_folder(at):
    new = at.parent / "folder"
    host(at, "add:30")
    salvage(wal(at), 12, new)
    found = ask("wal", "verify", new)
    assert (found["from"], found["last"], found["durable_recorded"]) == (1, 12, 12), found
    flip(new / "0000000000000001.wal", BLOCK + 100)
    assert ask("wal", "verify", new, code=3)["damage"]["offset"] == BLOCK


def salvage_refusals(at):
    new = at.parent / "new"
    host(at, "add:5", "batch:3", "add:2")
    assert "inside a batch" in refused(at, 6, new)
    assert "the last one that can be is 10" in refused(at, 11, new)
    new.mkdir()
    (new / "mine").write_text("keep")
    assert "not empty" in refused(at, 5, new)
    assert "not empty" in refused(at, 5, at)
    assert sorted(p.name for p in at.parent.iterdir()) == ["host", "new"] and (new / "mine").read_text() == "keep"
    (new / "mine").unlink()
    salvage(at, 5, new)
    assert host(new) == "5"


def log_show(at):
    host(at, "digests", "add:25", "batch:2", "shutdown")
    found = shown(at, "--full")
    assert [r["lsn"] for r in found] == list(range(1, len(found) + 1))
    first = found[0]
    assert (first["kind"], first["component"], first["schema"], first["schema_version"]) == ("operation", "tally", "tally.v", 2), first
    assert first["payload"] == r"\x1b[31mred\n" + '"1"' + r"\xff", first
    assert base64.b64decode(first["payload_base64"]) == b'\x1b[31mred\n"1"\xff'
    assert [r["batch_continues"] for r in found][-3:-1].count(True) == 1, found[-3:]
    markers = shown(at, "--kind", "marker")
    assert markers and all(m["payload"].startswith("digest ") for m in markers), markers
    assert [r["lsn"] for r in shown(at, "--from", 3, "--to", 5)] == [3, 4, 5]
    assert shown(at, "--component", "other") == []
    drctl("log", "show", at, "--kind", "nonsense", code=2)
    assert len(drctl("log", "show", at).splitlines()) == len(found)


def log_damage(at):
    host(at, "add:30", "shutdown")
    segment, group = group_of(at, 21)
    flip(wal(at) / segment, group["offset"] + 120)
    assert [r["lsn"] for r in shown(at, code=3)] == list(range(1, 21))


def checkpoints(at):
    host(at, "add:5", "checkpoint", "add:5", "checkpoint")
    listed = ask("checkpoint", "list", at, "--verify")["checkpoints"]
    assert [(c["sequence"], c["as_of"], c["components"], c["verified"]) for c in listed] == [(2, 10, 1, True), (1, 5, 1, True)], listed
    shown_one = ask("checkpoint", "show", at, 1, "--verify")
    component = shown_one["components"][0]
    assert (component["component"], component["records"], component["as_of"], component["verified"]) == ("tally", 1, 5, True), shown_one
    assert len(component["digest"]) == 32 and component["chunks"][0]["bytes"] > 0
    drctl("checkpoint", "show", at, 9, code=1)
    drctl("checkpoint", "list", wal(at), code=2)
    newest = ask("checkpoint", "show", at)["components"][0]["chunks"][0]["key"]
    damaged = [p for p in at.rglob("*") if p.is_file() and p.name in newest]
    assert len(damaged) == 1, damaged
    flip(damaged[0], 300)
    assert ask("checkpoint", "list", at)["checkpoints"][0]["sequence"] == 2
    found = ask("checkpoint", "list", at, "--verify", code=3)["checkpoints"]
    assert found[0]["error"]["kind"] == "auth_failed" and found[1]["verified"], found
    assert ask("checkpoint", "show", at, 2, "--verify", code=3)["components"][0]["verified"] is False


def doctor(at):
    host(at, "add:1")
    names = sorted(map(str, at.rglob("*")))
    found = ask("doctor", at)
    assert sorted(map(str, at.rglob("*"))) == names
    assert found["generation"] == "g-000001" and found["mode"] == "0700" and found["format_version"] == 1, found
    assert found["durable_write_us"] > 0 and found["open_files_max"] > 0 and found["free_bytes"] > 0, found
    drctl("doctor", at)
    at.chmod(0o755)
    assert any("chmod 700" in w for w in ask("doctor", at)["warnings"])
    if pathlib.Path("/dev/shm").is_dir():
        with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
            assert any("power cut" in w for w in ask("doctor", memory)["warnings"])
    (at / "CURRENT").write_text("g-000009 0\n")
    assert ask("doctor", at, code=3)["error"]["kind"] == "incomplete"


READING = [("wal", "inspect"), ("wal", "verify"), ("log", "show"), ("checkpoint", "list", "--verify"),
           ("checkpoint", "show", "--verify")]

with tempfile.TemporaryDirectory() as scratch:
    globals()[CASE](pathlib.Path(scratch) / "host")
