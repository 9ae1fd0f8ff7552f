#!/usr/bin/env python3
"""Plants one bug and demands that a named test turns red.

usage: run.py SOURCE BUILD PATCH

A patch is a unified diff whose first lines say what it breaks and who must notice:

    Bug: what was broken, in a line
    Program: log_test
    Test: the name of a test case (Catch2 wildcards)

Nothing in SOURCE is changed: the patched file is compiled aside at -O0 with the flags of the build,
and linked in front of the libraries. Exit code 0: an assertion of the test was red. That it is green
without the bug is what the rest of the suite shows. A crash is no answer, and a test that does not
end is one only where the patch says so:

    Hangs: yes
"""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

SECONDS = 60
HANG_SECONDS = 20  # of tests that take milliseconds


def header(patch, field):
    found = re.search(rf"^{field}: (.*)$", patch, re.MULTILINE)
    if not found:
        sys.exit(f"the patch has no line '{field}: …'")
    return found.group(1)


def compile_aside(build, source, patched, output):
    """Compiles `patched` as the build compiles `source`."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if pathlib.Path(entry["file"]) == source:
            words = shlex.split(entry["command"])
            break
    else:
        sys.exit(f"{source} is not part of the build")
    while words and not pathlib.Path(words[0]).name.startswith(("g++", "c++", "clang++")):
        words.pop(0)
    words = [w for w in words if not w.startswith("-O") and w != "-Werror"]
    skip = {"-o", "-MF", "-MT", "-include"}
    kept, drop = [], False
    for word in words:
        if drop:
            drop = False
        elif word in skip:
            drop = True
        elif word not in ("-MD", "-Winvalid-pch") and pathlib.Path(word) != source:
            kept.append(word)
    subprocess.run(kept + ["-O0", "-w", "-o", str(output), str(patched)], check=True, cwd=build)


def link_aside(build, program, patched_object, output):
    """Links `program` with the object in front of the libraries, so that it is taken instead."""
    commands = subprocess.run(["ninja", "-t", "commands", f"bin/{program}"], cwd=build, check=True,
                              capture_output=True, text=True).stdout.splitlines()
    link = next(line for line in reversed(commands) if f"-o bin/{program}" in line)
    link = next(part for part in link.split(" && ") if f"-o bin/{program}" in part)
    words = shlex.split(link)
    while words and not pathlib.Path(words[0]).name.startswith(("g++", "c++", "clang++")):
        words.pop(0)
    at = words.index(f"bin/{program}")
    words[at] = str(output)
    library = next(i for i, word in enumerate(words) if word.endswith(".a"))
    words.insert(library, str(patched_object))
    subprocess.run(words, check=True, cwd=build)


def notices(program, test, where, may_hang):
    """Whether an assertion of the test fails."""
    seconds = HANG_SECONDS if may_hang else SECONDS
    try:
        run = subprocess.run([str(program), test], cwd=where, capture_output=True, text=True,
                             timeout=seconds)
    except subprocess.TimeoutExpired:
        return may_hang or sys.exit(f"'{test}' did not end in {seconds} s")
    if "No test cases matched" in run.stdout or "No tests ran" in run.stdout:
        sys.exit(f"there is no test '{test}'")
    # An assertion of dr's own, which ends the process, is one too.
    if "dr: assertion failed at" in run.stderr:
        return True
    if run.returncode != 0 and not re.search(r"FAILED:\n(?!  \{Unknown)", run.stdout):
        sys.exit(f"'{test}' ended with {run.returncode} and no failed assertion:\n{run.stdout}")
    return run.returncode != 0


def main():
    source, build, patch = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
    text = patch.read_text()
    program, test = header(text, "Program"), header(text, "Test")
    file = re.search(r"^--- a/(\S+)$", text, re.MULTILINE).group(1)
    with tempfile.TemporaryDirectory() as aside:
        aside = pathlib.Path(aside)
        patched = aside / pathlib.Path(file).name
        patched.write_bytes((source / file).read_bytes())
        subprocess.run(["patch", "--quiet", "--forward", "--fuzz=3", str(patched), str(patch)],
                       check=True)
        compile_aside(build, source / file, patched, aside / "patched.o")
        link_aside(build, program, aside / "patched.o", aside / program)
        may_hang = re.search("^Hangs: yes$", text, re.MULTILINE) is not None
        noticed = notices(aside / program, test, aside, may_hang)
        print(f"{'noticed' if noticed else 'NOT NOTICED'}: {header(text, 'Bug')}")
        sys.exit(0 if noticed else 1)


if __name__ == "__main__":
    main()
