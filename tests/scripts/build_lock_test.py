#!/usr/bin/env python3
"""scripts/build in a small tree of its own: build_lock_test.py SOURCE CASE.

The only target of that tree writes "begin" into a log, waits for a file, and writes "end", so that a case decides how
long a build lasts, and no time decides a case.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

CMAKE = """cmake_minimum_required(VERSION 3.25)
project(small LANGUAGES NONE)
add_custom_target(all_day ALL COMMAND "${CMAKE_SOURCE_DIR}/work" "${CMAKE_BINARY_DIR}")
"""
PRESET = '{"name": "%s", "generator": "Ninja", "binaryDir": "${sourceDir}/build/${presetName}"}'
WORK = """#!/bin/sh
echo begin >>"$1/history"
while ! [ -e "$1/go" ]; do sleep 0.02; done
echo end >>"$1/history"
"""


class Tree:
    def __init__(self, source, root):
        self.root = root
        (root / "scripts").mkdir()
        shutil.copy(source / "scripts/build", root / "scripts/build")
        (root / "CMakeLists.txt").write_text(CMAKE)
        (root / "CMakePresets.json").write_text(
            '{"version": 6, "configurePresets": [%s, %s]}' % (PRESET % "one", PRESET % "two"))
        (root / "work").write_text(WORK)
        (root / "work").chmod(0o755)
        self.started = []

    def build(self, preset="one"):
        """Begins a build, in a session of its own as a terminal's job has one."""
        process = subprocess.Popen([self.root / "scripts/build", preset], stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        self.started.append(process)
        return process

    def history(self, preset="one"):
        path = self.root / "build" / preset / "history"
        return path.read_text().split() if path.exists() else []

    def let_go(self, preset="one"):
        (self.root / "build" / preset / "go").touch()

    def end(self):
        for process in self.started:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def wait_until(holds, what):
    while not holds():
        time.sleep(0.02)  # ctest ends what never comes
    print(what, flush=True)


def ended(process, code):
    _, said = process.communicate()
    assert process.returncode == code, f"ended with {process.returncode}, not {code}: {said}"
    return said


def two_at_once(tree):
    first = tree.build()
    wait_until(lambda: tree.history() == ["begin"], "the first one builds")
    second = tree.build()
    said = second.stderr.readline()
    assert f"one is being built already (process {first.pid}), waiting" in said, said
    assert tree.history() == ["begin"]
    tree.let_go()
    assert "waiting" not in ended(first, 0)
    ended(second, 0)
    assert tree.history() == ["begin", "end", "begin", "end"], tree.history()


def killed(tree):
    first = tree.build()
    wait_until(lambda: tree.history() == ["begin"], "the first one builds")
    second = tree.build()
    assert "waiting" in second.stderr.readline()
    os.kill(first.pid, signal.SIGKILL)  # the script alone: who kills it does not know its tools
    wait_until(lambda: tree.history() == ["begin", "begin"], "the second one builds behind the killed one")
    tree.let_go()
    ended(second, 0)
    assert tree.history() == ["begin", "begin", "end"], tree.history()
    assert "waiting" not in ended(tree.build(), 0)


def interrupted(tree):
    first = tree.build()
    wait_until(lambda: tree.history() == ["begin"], "the first one builds")
    second = tree.build()
    assert "waiting" in second.stderr.readline()
    os.killpg(second.pid, signal.SIGINT)
    second.wait()
    assert second.returncode != 0 and tree.history() == ["begin"]
    tree.let_go()
    ended(first, 0)
    third = tree.build()
    assert "waiting" not in ended(third, 0)
    # And a build itself: its tools end with it.
    (tree.root / "build/one/go").unlink()
    fourth = tree.build()
    wait_until(lambda: len(tree.history()) == 5, "the fourth one builds")
    os.killpg(fourth.pid, signal.SIGINT)
    fourth.wait()
    fifth = tree.build()
    wait_until(lambda: len(tree.history()) == 6, "the fifth one builds")
    tree.let_go()
    assert fourth.returncode != 0
    ended(fifth, 0)
    assert tree.history()[4:] == ["begin", "begin", "end"], tree.history()


def two_presets(tree):
    first = tree.build("one")
    wait_until(lambda: tree.history() == ["begin"], "the first one builds")
    tree.build("two")
    wait_until(lambda: tree.history("two") == ["begin"], "and so does the second")
    for process, preset in zip(tree.started, ["one", "two"]):
        tree.let_go(preset)
        assert "waiting" not in ended(process, 0)
    assert first.returncode == 0


def main():
    source, case = pathlib.Path(sys.argv[1]), globals()[sys.argv[2]]
    with tempfile.TemporaryDirectory(prefix="dr_build_") as scratch:
        tree = Tree(source, pathlib.Path(scratch))
        try:
            case(tree)
        finally:
            tree.end()


if __name__ == "__main__":
    main()
