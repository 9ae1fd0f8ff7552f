"""A reader looks for the end of the sequence while others append, raise the floor and delete behind
it.

It reads the floor in the catalog (or takes a hint), doubles its step until a number is absent,
bisects, and looks at the catalog again. At opening it then lists what lies behind. One entry may
rot away: a number absent that was never pruned. The tail that it reports must not be older than the
one when it began, and it calls incomplete what is incomplete, and nothing else.
"""

# Rule P18.

from typing import NamedTuple

import explore
from explore import Broken


class Reader(NamedTuple):
    phase: str = "idle"
    began: int = 0  # the tail when it began
    floor: int = 0  # as it read it
    low: int = 0  # the highest number that it found
    high: int = 0  # the lowest that it found absent; 0: none yet
    step: int = 1
    listed: int = 0  # the highest number that a listing showed; 0: not listed yet


class State(NamedTuple):
    there: frozenset
    kinds: str  # "c" or "m" (a claim, or what is deleted some day) for each number that was ever created
    floor: int
    rotten: int  # the number of the entry that rotted away
    reader: Reader


class Tail(explore.Model):
    ERRORS = {
        "unlooked": "the end is believed without another look at the catalog",
        "looked-at-first": "the floor is compared as it was read before the search",
        "one-too-far": "the look accepts a floor one above the absent number",
        "hint-unchecked": "a hint is believed without its entry being there",
        "incomplete-at-once": "an absent entry at the floor is called incomplete without reading the catalog again",
        "floor-is-end": "an absent entry at the floor is taken for the end",
        "unlisted": "nothing is listed behind the tail",
        "listed-is-incomplete": "what a listing shows behind the tail is called incomplete without a second search",
        "floor-deleted": "the entry at the floor itself is deleted with those behind it",
        "deleted-before-floor": "entries are deleted before the catalog has the floor",
    }
    HAPPENS = ("begins again", "reports the tail", "says incomplete", "starts at the hint", "rots", "searches once more")
    BOUNDS = {"numbers": 5}
    LONG = {"numbers": 6}

    def begins(self):
        yield State(frozenset([1, 2]), "cm", 1, 0, Reader())

    def steps(self, s):
        tail = len(s.kinds)
        if tail < self.numbers:
            for kind in "mc":
                yield f"entry {tail + 1} is put", s._replace(there=s.there | {tail + 1}, kinds=s.kinds + kind)
        newest = s.kinds.rindex("m") + 1
        if newest > s.floor and newest in s.there:
            yield f"the floor is raised to {newest}", s._replace(floor=newest)
        behind = tail - 1 if self.planted("deleted-before-floor") else s.floor - (not self.planted("floor-deleted"))
        for number in range(1, behind + 1):
            if number in s.there and s.kinds[number - 1] != "c":
                yield f"{number} is deleted", s._replace(there=s.there - {number})
        if not s.rotten:
            for number in range(s.floor, tail):
                yield f"entry {number} rots away", s._replace(there=s.there - {number}, rotten=number)
        for name, following in self.reader_steps(s, s.reader):
            yield f"the reader {name}", s._replace(reader=following) if isinstance(following, Reader) else following

    def reader_steps(self, s, r):
        tail = len(s.kinds)
        if r.phase == "idle":
            yield f"reads the floor {s.floor}", Reader("floor", tail, s.floor)
            if self.planted("hint-unchecked") or 3 in s.there:
                yield "starts at the hint 3", Reader("search", tail, s.floor, 3)
        elif r.phase == "floor":
            if r.floor in s.there:
                yield "finds the entry at the floor", r._replace(phase="search", low=r.floor)
            elif self.planted("floor-is-end"):
                yield from self.reports(s, r._replace(low=r.floor - 1))
            elif s.floor != r.floor and not self.planted("incomplete-at-once"):
                yield f"looks: the floor is {s.floor}, begins again", Reader()
            else:
                yield from self.incomplete(s, r)
        elif r.phase == "search":
            if r.high == 0:
                probe = r.low + r.step
            elif r.high - r.low > 1:
                probe = (r.low + r.high) // 2
            else:
                yield from self.at_end(s, r)
                return
            if probe in s.there:
                yield f"finds {probe}", r._replace(low=probe, step=r.step if r.high else r.step * 2)
            else:
                yield f"finds {probe} absent", r._replace(high=probe)
        elif r.phase == "list":
            behind = max(s.there)
            if behind <= r.low or self.planted("unlisted"):
                yield from self.reports(s, r)
            elif self.planted("listed-is-incomplete"):
                yield from self.incomplete(s, r)
            else:
                yield f"lists {behind} behind its tail {r.low}, searches once more", Reader(
                    "floor", r.began, s.floor, listed=behind)

    def at_end(self, s, r):
        floor = r.floor if self.planted("looked-at-first") else s.floor
        absent = r.high + 1 if self.planted("one-too-far") else r.high
        if floor > absent and not self.planted("unlooked"):
            yield f"looks: the floor is {floor}, above {r.high}, begins again", Reader()
        elif r.listed == 0 and r.low < r.began and not s.rotten:
            yield from self.reports(s, r)  # as a follower does, which lists nothing
        elif r.listed == 0:
            yield f"looks: the floor is {floor}, the tail is {r.low}", r._replace(phase="list")
        elif r.low < r.listed:
            yield from self.incomplete(s, r)
        else:
            yield from self.reports(s, r)

    def reports(self, s, r):
        if r.low < r.began:
            yield "reports", Broken(f"the tail is reported as {r.low}; it was {r.began} when the search began")
        if r.low > len(s.kinds):
            yield "reports", Broken(f"the tail is reported as {r.low}; only {len(s.kinds)} entries were ever put")
        yield f"reports the tail {r.low}", Reader()

    def incomplete(self, s, r):
        if not s.rotten:
            yield "says incomplete", Broken("a repository is called incomplete, and nothing of it was ever missing")
        yield "says incomplete", Reader()


MODEL = Tail
