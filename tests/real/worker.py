"""The worker seen from outside."""

import argparse
import os
import pathlib
import resource
import select
import signal
import subprocess
import sys
import time

from promises import Promises

PATIENCE_SECONDS = 120  # a worker that says nothing for so long hangs
REFUSALS_MAX = 300_000  # and so does one that says nothing else


def path_of(seed):
    """Every second worker writes through the page cache."""
    return ["--buffered"] if seed % 2 == 0 else []


def arguments(description):
    """Also sees to it that a SIGTERM ends this program with all that it has to clean up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=["ext4", "xfs", "btrfs"], default="ext4", help="of file system, where one is made")
    parsed = parser.parse_args()
    parsed.program = parsed.program.resolve()
    return parsed


class State:
    """A directory, and what its workers promised."""

    def __init__(self, program, directory, *options):
        self.promises = Promises()
        self.path = None  # "direct" or "buffered", known after a recovery
        self._command = [program, directory, *options]

    def start(self):
        return Worker(self._command, self.promises)

    def recover(self):
        """Twice, because it must not matter, and compares what came back with what was promised."""
        state = self._check()
        assert state == self._check(), "a second recovery led elsewhere"
        self.promises.compare(state)

    def _check(self):
        done = subprocess.run([*self._command, "--check"], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert done.returncode == 0, f"recovery ended with {done.returncode}: {done.stderr}{done.stdout}"
        path, *state = done.stdout.splitlines()
        self.path = path.removeprefix("path ")
        return state


class Worker:
    """Runs until the block is left, and is killed then."""

    def __init__(self, command, promises):
        self._promises = promises
        self._rest = b""
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self._process.stdout.close()

    def kill(self):
        if self._process.returncode is None:
            self._process.kill()
            code = self.wait()
            assert code == -signal.SIGKILL, f"the worker ended by itself with {code}"

    def send(self, number):
        self._process.send_signal(number)

    def limit(self, what, most):
        _, hard = resource.prlimit(self._process.pid, what)
        resource.prlimit(self._process.pid, what, (most, hard))

    def wait(self):
        """Reads all that it still says."""
        while self._read():
            pass
        return self._process.wait()

    def read_until(self, condition):
        refused_max = len(self._promises.refusals) + REFUSALS_MAX
        while not condition():
            assert self._read(), "the worker ended by itself"
            assert len(self._promises.refusals) < refused_max, f"refused for ever: {self._promises.refusals[-1]}"

    def read_acknowledged(self, count):
        enough = self._promises.acknowledged + count
        self.read_until(lambda: self._promises.acknowledged >= enough)

    def pause(self):
        """Returns when no thread of it runs or is in a system call, and all that it said was read."""
        self.send(signal.SIGSTOP)
        for task in pathlib.Path(f"/proc/{self._process.pid}/task").iterdir():
            while (task / "stat").read_text().rpartition(")")[2].split()[0] != "T":
                time.sleep(0.001)
        while select.select([self._process.stdout], [], [], 0)[0]:
            assert self._read(), "the worker ended by itself"

    def go_on(self):
        self.send(signal.SIGCONT)

    def _read(self):
        """Waits for something and takes it. False when there will be nothing more."""
        pipe = self._process.stdout
        ready, _, _ = select.select([pipe], [], [], PATIENCE_SECONDS)
        assert ready, f"the worker said nothing for {PATIENCE_SECONDS} s"
        data = os.read(pipe.fileno(), 1 << 16)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._promises.take(line.decode())
        return bool(data)


def finish(figures, states):
    """The closing line; ends with 1 if anything was lost."""
    acknowledged = sum(state.promises.acknowledged for state in states)
    lost = sum(state.promises.lost for state in states)
    print(f"real: {figures} acknowledged={acknowledged} lost={lost}")
    sys.exit(lost > 0 or acknowledged == 0)
