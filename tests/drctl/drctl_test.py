#!/usr/bin/env python3
"""Runs one case against drctl: drctl_test.py DRCTL HOST CASE."""

import base64
import collections
import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

DRCTL, HOST, CASE = sys.argv[1:]
BLOCK = 4096


def drctl(*arguments, code=0):
    done = subprocess.run([DRCTL, *map(str, arguments)], capture_output=True, timeout=60)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == code, f"{arguments}: ended with {done.returncode}, not {code}\n{out}{err}"
    assert "\x1b" not in out + err, f"{arguments}: prints control characters\n{out!r}"
    return out


def refused(*arguments, code=2):
    """The error, when nothing else is printed."""
    done = subprocess.run([DRCTL, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == code and done.stdout == "", (arguments, done.returncode, done.stdout, done.stderr)
    assert done.stderr.startswith("error: ") and "; " in done.stderr, done.stderr
    return done.stderr


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


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


def beside_writer(at):
    """What a host changes between two reads is no damage, and nothing that looks can end the host."""
    seconds = max(8, int(os.environ.get("DR_LONG_SECONDS", "0")))
    busy = subprocess.Popen([HOST, at, "load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    busy.stdout.readline()
    codes = collections.Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for verb in (*READING, ("checkpoint", "list"), ("doctor",)):
            for options in ([], ["--json"]):
                if verb == ("doctor",) and codes[verb] > 20:
                    continue  # it writes, and so takes long
                done = subprocess.run([DRCTL, *verb[:2], at, *verb[2:], *options] if verb[0] != "doctor" else
                                      [DRCTL, "doctor", at, *options], capture_output=True, text=True, timeout=60)
                assert done.returncode in (0, 4), (verb, done.returncode, done.stdout[-2000:], done.stderr)
                codes[verb] += 1
                codes[done.returncode] += 1
                if verb == ("log", "show") and options and done.returncode == 0:
                    lsns = [json.loads(line)["lsn"] for line in done.stdout.splitlines()]
                    assert lsns == list(range(lsns[0], lsns[0] + len(lsns))), lsns
    assert busy.poll() is None
    out, _ = busy.communicate("\n", timeout=60)
    print(dict(codes), "operations:", out.strip())
    assert busy.returncode == 0 and codes[0] > codes[4], codes
    assert ask("wal", "verify", at)["ok"]


def doctor_beside_open(at):
    """Doctor's temporary file and the host that cleans up do not hurt each other."""
    host(at, "add:1")
    done = threading.Event()
    failed = []

    def look():
        while not done.is_set():
            looked = subprocess.run([DRCTL, "doctor", at], capture_output=True, text=True, timeout=60)
            if looked.returncode != 0:
                failed.append(looked)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(40):
            host(at)
    finally:
        done.set()
        for looker in lookers:
            looker.join()
    assert not failed, failed[0]
    assert not list(wal(at).glob("*.tmp"))


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
    drctl("wal", "verify", at, "--nonsense\x1b[31m", code=2)
    drctl("checkpoint", "show", at, "0", code=2)
    for position in ("x", "0", "-1", "\x1b", "99999999999999999999999"):
        drctl("log", "show", at, "--from", position, code=2)
    assert "--help" in refused("wal", "salvage", at)
    drctl("wal", "verify", at, code=1)
    for verb in ALL:
        text = drctl(*verb[:2], "--help") if verb != ("doctor",) else drctl("doctor", "--help")
        assert "3 damage found" in text and "DIR" in text and "--json" in text, text


def shown(directory, *arguments, code=0):
    return [json.loads(line) for line in drctl("log", "show", directory, "--json", *arguments, code=code).splitlines()]


def content(record):
    return {key: record[key] for key in ("lsn", "time", "kind", "component", "schema", "subject", "payload_base64")}


def group_of(directory, lsn):
    return next((s, g) for s, g in groups(directory) if g["first_lsn"] == lsn <= g["last_lsn"])


def salvage(directory, to, output):
    found = ask("wal", "salvage", directory, "--to", to, "--output", output)
    assert found["written"] and not pathlib.Path(f"{output}.partial").exists(), found
    return found


def not_salvaged(directory, to, output, code=2):
    return refused("wal", "salvage", directory, "--to", to, "--output", output, code=code)


def salvage_host(at):
    new = at.parent / "new"
    host(at, "digests", "add:15", "big:3000000", "add:9", "batch:3", "add:10")
    old = shown(at, "--full")
    segment, group = group_of(at, 31)
    flip(wal(at) / segment, group["offset"] + 120)
    before = picture(at)
    planned = ask("wal", "salvage", at, "--to", 30)
    assert not planned.pop("written") and planned.pop("output") == "" and not new.exists(), planned
    assert "nothing was written" in drctl("wal", "salvage", at, "--to", 30)
    found = salvage(at, 30, new)
    assert planned.items() <= found.items(), (planned, found)
    assert (found["from"], found["last"]) == (1, 30) and any("damage" in line for line in found["given_up"]), found
    assert picture(at) == before
    assert list(map(content, shown(new, "--full"))) == list(map(content, old[:30]))
    operations = sum(record["kind"] == "operation" for record in old[:30])
    assert host(new, "add:1") == str(operations + 1)
    assert ask("wal", "verify", new)["last"] == 31
    assert all(p.stat().st_mode & 0o077 == 0 for p in [new, *new.rglob("*")])


def salvage_busy(at):
    new = at.parent / "new"
    busy = subprocess.Popen([HOST, at, "add:3", "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    busy.stdout.readline()
    assert "a host is at work" in refused("wal", "salvage", at, "--to", 2, code=4)
    assert "a host is at work" in not_salvaged(wal(at), 2, new, code=4)
    assert not new.exists()
    busy.communicate("\n", timeout=60)
    salvage(at, 2, new)


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
    for to in (6, 7):
        assert "name 8, where it ends, or 5 before it" in not_salvaged(at, to, new)
    assert "the last one that can be is 10" in not_salvaged(at, 11, new)
    new.mkdir()
    (new / "mine").write_text("keep")
    assert "not empty" in not_salvaged(at, 5, new)
    assert "not empty" in not_salvaged(at, 5, at)
    not_salvaged(at, 5, new / "mine")
    assert "a name of its own" in not_salvaged(at, 5, f"{new}/.")
    not_salvaged(at, 5, at.parent / "nowhere" / "new", code=1)
    for to in ("0", "-1", "five", ""):
        drctl("wal", "salvage", at, "--to", to, "--output", new, code=2)
    assert sorted(p.name for p in at.parent.iterdir()) == ["host", "new"] and (new / "mine").read_text() == "keep"
    (new / "mine").unlink()
    partial = at.parent / "new.partial"
    partial.mkdir()
    assert "interrupted" in not_salvaged(at, 5, new)
    partial.rmdir()
    salvage(at, 5, f"{new}/")
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
    assert shown(at, "--from", 1000) == []
    assert [r["lsn"] for r in shown(at, "--from", "0000000000000010", "--to", "012")] == [10, 11, 12]
    assert "call_result" in refused("log", "show", at, "--kind", "nonsense")
    assert "3 comes before 5" in refused("log", "show", at, "--from", 5, "--to", 3)
    assert len(drctl("log", "show", at).splitlines()) == len(found)


def log_damage(at):
    host(at, "add:30", "shutdown")
    segment, group = group_of(at, 21)
    flip(wal(at) / segment, group["offset"] + 120)
    assert [r["lsn"] for r in shown(at, code=3)] == list(range(1, 21))
    assert [r["lsn"] for r in shown(at, "--from", 15, "--to", 20)] == list(range(15, 21))
    assert shown(at, "--from", 25, code=3) == []


def checkpoints(at):
    host(at, "add:5", "checkpoint", "add:5", "checkpoint")
    listed = ask("checkpoint", "list", at, "--verify")["checkpoints"]
    assert [(c["sequence"], c["as_of"], c["components"], c["verified"]) for c in listed] == [(2, 10, 1, True), (1, 5, 1, True)], listed
    shown_one = ask("checkpoint", "show", at, 1, "--verify")
    component = shown_one["components"][0]
    assert (component["component"], component["records"], component["as_of"], component["verified"]) == ("tally", 1, 5, True), shown_one
    assert len(component["digest"]) == 32 and component["objects"][0]["bytes"] > 0
    drctl("checkpoint", "show", at, 9, code=1)
    drctl("checkpoint", "list", wal(at), code=2)
    newest = ask("checkpoint", "show", at)["components"][0]["objects"][0]["name"]
    damaged = [p for p in at.rglob("*") if p.is_file() and newest.endswith("/" + p.name)]
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
    assert found["plain_write_us"] > 0 and found["durable_write_us_max"] >= found["durable_write_us"] > 0, found
    assert found["open_files_max"] > 0 and found["free_bytes"] > 0 and found["ok"] and found["durable"], found
    assert "durable: yes" in drctl("doctor", at)
    at.chmod(0o755)
    assert any("chmod 700" in w for w in ask("doctor", at)["warnings"])
    few = subprocess.run(["sh", "-c", f"ulimit -n 100; '{DRCTL}' doctor '{at}'"], capture_output=True, text=True)
    assert few.returncode == 0 and "warning: only 100 files" in few.stdout, few
    empty = at.parent / "empty"
    empty.mkdir()
    assert ask("doctor", empty)["generation"] == "" and list(empty.iterdir()) == []
    (at / "CURRENT").write_text("g-000009 0\n")
    assert ask("doctor", at, code=3)["error"]["kind"] == "incomplete"


def doctor_owner(at):
    if os.geteuid() != 0:
        skip("only root gives directories away")
    at.mkdir()
    os.chown(at, 65534, -1)
    assert any("belongs to user 65534, and this is user 0" in w for w in ask("doctor", at)["warnings"])


def doctor_files(at):
    host(at, "add:1")
    os.mkfifo(wal(at) / "DURABLE.tmp")
    (at / "RESERVE").unlink(missing_ok=True)
    (at / "RESERVE").mkdir()
    warnings = ask("doctor", at)["warnings"]
    for name in ("g-000001/wal/DURABLE.tmp", "RESERVE"):
        assert f"{name} is no regular file; move it away" in warnings, warnings
    if os.geteuid() == 0:
        os.chown(wal(at) / "HEAD", 65534, -1)
        assert any("wal/HEAD belongs to user 65534" in w for w in ask("doctor", at)["warnings"])


def doctor_copy_on_write(at):
    """zfs is not here to be asked; a btrfs that gives the attribute is none that must be warned of."""
    image = at.parent / "image"
    made = subprocess.run(["sh", "-c", f"truncate -s 128M {image} && mkfs.btrfs -q {image}"], capture_output=True, text=True)
    if made.returncode != 0:
        skip(f"no btrfs can be made: {made.stderr}")
    at.mkdir()
    done = subprocess.run(["unshare", "-m", "sh", "-c", f"mount -o loop {image} {at} || exit 77; '{DRCTL}' doctor --json {at}"],
                          capture_output=True, text=True)
    if done.returncode == 77 or "unshare" in done.stderr:
        skip(f"no btrfs can be mounted: {done.stderr}")
    found = json.loads(done.stdout)
    assert found["file_system"] == "btrfs" and not any("copy on write" in w for w in found["warnings"]), found


def doctor_memory(at):
    if not pathlib.Path("/dev/shm").is_dir():
        skip("there is no /dev/shm")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        found = ask("doctor", memory, code=5)
        assert (found["file_system"], found["durable"], found["error"]["kind"]) == ("tmpfs", False, "unsupported"), found
        assert any("power cut" in w for w in found["warnings"]), found
        assert any("nothing here waits" in w for w in found["warnings"]), found
        assert "durable: no" in drctl("doctor", memory, code=5)


def doctor_overlay(at):
    for name in ("lower", "upper", "work", "merged"):
        (at / name).mkdir(parents=True)
    mount = f"mount -t overlay overlay -o lowerdir={at}/lower,upperdir={at}/upper,workdir={at}/work"
    for options, code, file_system in (("", 0, "overlay"), (",volatile", 5, "overlay-volatile")):
        done = subprocess.run(["unshare", "-m", "sh", "-c", f"{mount}{options} {at}/merged || exit 77; "
                               f"'{DRCTL}' doctor --json {at}/merged"], capture_output=True, text=True)
        if done.returncode == 77 or "unshare" in done.stderr:
            skip(f"no overlay can be mounted: {done.stderr}")
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        found = json.loads(done.stdout)
        assert found["file_system"] == file_system and found["warnings"], found


ALL = [("wal", "inspect"), ("wal", "verify"), ("wal", "salvage", "--to", "1"), ("log", "show"), ("checkpoint", "list"),
       ("checkpoint", "show"), ("doctor",)]


def bad_places(at):
    file, empty, loop = at.parent / "file", at.parent / "empty", at.parent / "loop"
    file.write_text("\x1b[31m")
    empty.mkdir()
    loop.symlink_to(loop)
    for verb in ALL:
        assert "check the name" in refused(*verb, at.parent / "nothing", code=1)
        assert "file" in refused(*verb, file)
        refused(*verb, loop)
        refused(*verb, "")
        assert "\x1b" not in refused(*verb, "no\x1bwhere\n", code=1)
        if verb != ("doctor",):
            assert "host's directory" in refused(*verb, empty, code=1)
    assert list(empty.iterdir()) == []


def no_rights(at):
    host(at, "add:2", "checkpoint")
    # Root may do everything, so it becomes somebody else.
    other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    at.parent.chmod(0o711)
    at.chmod(0)
    if subprocess.run([*other, DRCTL, "--version"], capture_output=True).returncode != 0:
        skip("an unprivileged user cannot run the program where it was built")
    for verb in ALL:
        done = subprocess.run([*other, DRCTL, *verb, at], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "Permission denied" in done.stderr, (verb, done)
        assert "check owner, permissions and mount options" in done.stderr, (verb, done)
    at.chmod(0o700)


def bad_files(at):
    host(at, "add:5", "checkpoint", "add:5")
    parts = [segments(at)[-1], wal(at) / "HEAD", at / "CURRENT", *(p for p in at.rglob("*") if "entry" in str(p) and p.is_file())]
    assert len(parts) == 4, parts
    for part in parts:
        whole = part.read_bytes()
        for bytes_there in (b"", whole[:min(100, len(whole) // 2)], b"\x1b[31m" + os.urandom(len(whole) - 5)):
            part.write_bytes(bytes_there)
            codes = set()
            for verb in ALL[:-1]:
                done = subprocess.run([DRCTL, *verb, at], capture_output=True, timeout=60)
                assert done.returncode in (0, 1, 2, 3) and b"\x1b" not in done.stdout + done.stderr, (part, verb, done)
                codes.add(done.returncode)
            assert 3 in codes, (part, len(bytes_there), codes)
        part.write_bytes(whole)
    assert ask("wal", "verify", at)["last"] == 10


def on_terminal(*arguments, **environment):
    master, slave = pty.openpty()
    kept = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    subprocess.run([DRCTL, *map(str, arguments)], stdout=slave, env={**kept, **environment}, timeout=60, check=True)
    os.close(slave)
    return os.read(master, 1 << 16).decode()


def colour(at):
    host(at, "add:2", "shutdown")
    assert on_terminal("wal", "verify", at).startswith("\x1b[32mwhole\x1b[0m")
    assert on_terminal("wal", "verify", at, NO_COLOR="1").startswith("whole")
    assert "\x1b[31m" not in on_terminal("log", "show", at, "--full")


def output_lost(at):
    host(at, "add:2", "checkpoint")
    for verb in (*READING, ("doctor",)):
        with open("/dev/full", "w") as full:
            done = subprocess.run([DRCTL, *verb, at], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == 1 and "No space left" in done.stderr, (verb, done)


CANARY = "drcanary-drctl-7f1c"


def validated(uri, *options, code=0):
    found = ask("store", "validate", uri, *options, code=code)
    assert found["ok"] == (code == 0) and found["left_behind"] == 0, found
    return found


def files_of(store):
    return [p for p in store.rglob("*") if p.is_file() and p.name != ".lock"]


def store_files(at):
    found = validated(f"file://{at}", "--quick", "--prefix", "mine-")
    assert found["passed"] > 20 and found["failed"] == [] and found["prefix"].startswith("mine-"), found
    assert found["uri"] == f"file://{at}" and found["free_bytes"] > 0 and found["max_key_bytes"] == 512, found
    assert found["put_us"]["p99"] >= found["put_us"]["p50"] > found["get_us"]["p50"] > 0, found
    assert found["if_absent"] and found["if_version"] and not found["ttl"], found
    text = drctl("store", "validate", f"file://{at}", "--quick")
    assert "cases: " in text and " 0 failed" in text and "fence-safe: " in text and "put " in text, text
    assert files_of(at) == []


def store_memory(at):
    if not pathlib.Path("/dev/shm").is_dir():
        skip("there is no /dev/shm")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        found = validated(f"file://{memory}")
        assert found["passed"] > 90 and found["prefix"].startswith("drctl-validate/"), found
        assert files_of(pathlib.Path(memory)) == [] and not found["durable"] and not found["fence_safe"], found
        assert found["weaknesses"] == ["tmpfs does not survive a power cut"], found
        text = drctl("store", "validate", f"file://{memory}", "--quick")
        assert "fence-safe: no\n  tmpfs does not survive a power cut\n" in text, text


def store_rocksdb(at):
    os.environ["AGENT_STORE"] = f"rocksdb://{at}"
    found = validated("${AGENT_STORE}?namespace=mine", "--quick")
    assert found["passed"] > 20 and found["atomic_batch"] and found["uri"] == f"rocksdb://{at}?namespace=mine", found
    listed = subprocess.run(["ldb", f"--db={at}", "--column_family=mine", "scan"], capture_output=True, text=True)
    assert listed.returncode == 0 and listed.stdout.strip() == "", listed


def store_redis(at):
    server = os.environ["DR_TEST_REDIS"]  # scripts/servers start, and source build/servers/env
    space = f"drctl-{os.getpid()}"
    found = validated(f"{server}?namespace={space}", "--quick")
    assert found["passed"] > 30 and found["ttl"] and found["durable"] and found["fence_safe"], found
    at = urllib.parse.urlsplit(server)
    left = subprocess.run(["redis-cli", "-p", str(at.port), "keys", f"{{{space}}}*"], capture_output=True, text=True,
                          env={**os.environ, "REDISCLI_AUTH": at.password})
    # How many writes were done stays for a month.
    kept = [key for key in left.stdout.split() if not key.startswith(f"{{{space}}}:w:")]
    assert left.returncode == 0 and kept == [], kept


def store_interrupted(at):
    run = subprocess.Popen([DRCTL, "store", "validate", f"file://{at}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Before its first value a trial ends like any program.
    while run.poll() is None and all(path.name.startswith(".tmp-") for path in files_of(at)):
        pass
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 1 and "interrupted" in err, (run.returncode, out, err)
    assert files_of(at) == []


def store_refusals(at):
    for uri, code, why in [
        (f"nosuch://u:{CANARY}@h/x", 1, "known: file, "),
        (f"redis://u:{CANARY}@127.0.0.1:1/0", 1, "refused"),
        (f"postgres://u:{CANARY}@127.0.0.1:1/d", 1, "refused"),
        (f"rediss://{CANARY}@127.0.0.1:1/0", 2, "a user without a password"),
        (f"redis://127.0.0.1:1/0?pasword={CANARY}", 2, "use namespace"),
        (f"redis://:{CANARY}@", 2, "without a host"),
        (f"redis://u:{CANARY}@${{NO_SUCH_VARIABLE}}", 2, "NO_SUCH_VARIABLE is not set"),
        (CANARY, 2, "scheme://"),
        (f"file:///proc/nothing", 1, "No such file"),
    ]:
        for more in ([], ["--json"]):
            done = subprocess.run([DRCTL, "store", "validate", uri, *more], capture_output=True, text=True, timeout=60)
            assert done.returncode == code and why in done.stderr, (uri, done)
            assert CANARY not in done.stdout + done.stderr, done
            assert more == [] or json.loads(done.stdout)["ok"] is False, done
    drctl("store", "validate", code=2)
    refused("store", "validate", f"file://{at}", "--prefix", "x" * 33)
    refused("store", "validate", f"file://{at}", "--prefix", "")
    text = drctl("store", "validate", "--help")
    assert "0 good" in text and "--quick" in text and "--prefix" in text, text


READING = [("wal", "inspect"), ("wal", "verify"), ("log", "show"), ("checkpoint", "list", "--verify"),
           ("checkpoint", "show", "--verify")]

with tempfile.TemporaryDirectory() as scratch:
    globals()[CASE](pathlib.Path(scratch) / "host")
