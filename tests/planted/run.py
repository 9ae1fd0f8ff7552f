#!/usr/bin/env python3
"""Plants one bug and demands that a named test turns red.

usage: run.py SOURCE BUILD PATCH

A patch is a unified diff whose first lines say what it breaks and who must notice:

    Bug: what was broken, in a line
    Program: log_test
    Test: the name of a test case (Catch2 wildcards)

Nothing in SOURCE is changed: the patched file is compiled aside at -O0 with the flags of the build,
and linked in front of the library. Exit code 0: the test was red. That it is green without the bug is
what the rest of the suite shows.
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
    """Links `program` with the object in front of the library, so that it is taken instead."""
    commands = subprocess.run(["ninja", "-t", "commands", f"bin/{program}"], cwd=build, check=True,
                              capture_output=True, text=True).stdout.splitlines()
    link = next(line for line in reversed(commands) if f"-o bin/{program}" in line)
    link = next(part for part in link.split(" && ") if f"-o bin/{program}" in part)
    words = shlex.split(link)
    while words and not pathlib.Path(words[0]).name.startswith(("g++", "c++", "clang++")):
        words.pop(0)
    at = words.index(f"bin/{program}")
    words[at] = str(output)
    library = next(i for i, word in enumerate(words) if re.search(r"(^|/)libdr\.a$", word))
    words.insert(library, str(patched_object))
    subprocess.run(words, check=True, cwd=build)


def passes(program, test, where):
    run = subprocess.run([str(program), test], cwd=where, capture_output=True, text=True,
                         timeout=SECONDS)
    if "No test cases matched" in run.stdout or "No tests ran" in run.stdout:
        sys.exit(f"there is no test '{test}'")
    return run.returncode == 0


def main():
    source, build, patch = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
    text = patch.read_text()
    program, test = header(text, "Program"), header(text, "Test")
    file = re.search(r"^--- a/(\S+)$", text, re.MULTILINE).group(1)
    with tempfile.TemporaryDirectory() as aside:
        aside = pathlib.Path(aside)
        patched = aside / pathlib.Path(file).name
        patched.write_bytes((source / file).read_bytes())
        subprocess.run(["patch", "--quiet", "--fuzz=3", str(patched), str(patch)], check=True)
        compile_aside(build, source / file, patched, aside / "patched.o")
        link_aside(build, program, aside / "patched.o", aside / program)
        try:
            survived = passes(aside / program, test, aside)
        except subprocess.TimeoutExpired:
            survived = False  # it hangs: noticed
        print(f"{'NOT NOTICED' if survived else 'noticed'}: {header(text, 'Bug')}")
        sys.exit(1 if survived else 0)


if __name__ == "__main__":
    main()
