"""How often the floor may rise, so that a search for the tail ends while a host publishes without
pause.

Time is in Gets: one tick of the clock is one Get of the reader, in which the host puts up to `rate`
manifests and may raise the floor to the newest but one. With the floor at most once in `pause`
ticks a search needs few rounds.
"""

# Rule P18.

from typing import NamedTuple

import explore


class State(NamedTuple):  # numbers are counted from the floor
    tail: int
    since: int  # ticks since the floor rose; at most the pause
    rounds: int  # searches that the reader has begun
    low: int = 0
    high: int | None = None
    step: int = 1


class Pace(explore.Model):
    ERRORS = {
        "each-manifest": "the floor follows each manifest",
        "short-pause": "the floor waits for less time than a search takes",
    }
    HAPPENS = ("begins again", "ends", "floor rises")
    BOUNDS = {"rate": 2, "pause": 14, "rounds": 2}
    LONG = {"rate": 4, "pause": 18}

    def begins(self):
        for since in range(self.pause + 1):
            yield State(1, since, 1)

    def steps(self, s):
        pause = {"each-manifest": 0, "short-pause": 4}.get(self.error, self.pause)
        for put in range(self.rate + 1):
            after = s._replace(tail=s.tail + put, since=min(s.since + 1, self.pause))
            yield from self.get(after, f"{put} manifests")
            rise = after.tail - 1
            if s.since >= pause and rise > 0:
                high = None if s.high is None else s.high - rise
                risen = after._replace(tail=1, since=0, low=s.low - rise, high=high)
                yield from self.get(risen, f"{put} manifests, the floor rises")

    def get(self, s, name):
        if s.high is not None and s.high - s.low == 1:
            if s.high < 0:
                yield f"{name}, the reader looks: begins again", s._replace(rounds=s.rounds + 1, low=0, high=None, step=1)
            else:
                yield f"{name}, the reader looks: the search ends", None
            return
        probe = s.low + s.step if s.high is None else (s.low + s.high) // 2
        if 0 <= probe <= s.tail:
            yield f"{name}, the reader finds an entry", s._replace(low=probe, step=s.step * 2 if s.high is None else s.step)
        else:
            yield f"{name}, the reader finds nothing", s._replace(high=probe)

    def broken(self, s):
        if s.rounds > self.rounds:
            return f"a search that has {self.rounds} rounds begins one more"
        return None


MODEL = Pace
