"""Fail-over from a repository R to its copy C, and back: one authority at a time, and nothing
acknowledged is missing.

A host ships to R, a copier copies to C. An operator takes C over, planned or not, with R answering
or not, and later goes back in six steps, each of which is found done by what it wrote. Operations
are numbers; those that the copy lacks are counted as lost when it is taken over, and stay readable
in R or in what is left of it as an archive.
"""

# Rule P17.

from typing import NamedTuple

import explore
from explore import Broken


class Repository(NamedTuple):
    history: tuple = ()
    copy: bool = False  # copy_of
    ended: bool = False  # a closing claim is the newest one
    closed: bool = False  # the catalog says which repository has followed this one


class State(NamedTuple):
    r: Repository
    c: Repository
    archive: tuple | None  # what the first R held, where C has parted from it
    old_host: bool  # runs, and ships to R
    new_host: bool  # runs, and ships to C
    unshipped: int  # operation that the new host has committed, and C does not have yet
    acknowledged: frozenset  # at kRemote
    lost: frozenset  # counted and printed
    excluded: bool  # whether the old side was fenced when C was taken over
    step: str  # of the fail-over, where it is no single write: "", counted, taken, back
    operation: int = 1


def prefix(shorter, longer):
    return longer[:len(shorter)] == shorter


class Failover(explore.Model):
    ERRORS = {
        "old-side-open": "no closing claim is put in an R that answers",
        "counted-first": "what C lacks is counted before the closing claim is put in R",
        "r-unclosed": "on the way back nobody puts a closing claim in R first",
        "copied-in-place": "the way back copies into R whether its history is a prefix of C's or not",
        "archive-deleted": "an R that has parted is emptied and used again",
        "c-unended": "R is opened without a closing claim in C",
        "not-through": "R is opened before the copier has copied through the closing claim of C",
        "last-part-left": "the closing claim is put in C before the host has put its last part",
        "mark-left": "C does not say which repository has followed it",
        "uncopied": "R is opened while it is still a copy",
    }
    HAPPENS = ("is taken over", "R is opened", "an archive", "in place", "becomes the copy", "refuses", "planned")
    BOUNDS = {"operations": 5}
    LONG = {"operations": 7}

    def begins(self):
        yield State(Repository(), Repository(copy=True), None, True, False, 0, frozenset(), frozenset(), False, "")

    def steps(self, s):
        r, c, n = s.r, s.c, s.operation
        if s.old_host and n <= self.operations:
            if r.ended or r.copy:
                yield "the old host is fenced", s._replace(old_host=False)
            else:
                if s.step in ("counted", "taken", "back") and s.excluded:
                    yield f"the old host ships {n}", Broken(f"{n} is acknowledged in R, which C has followed")
                    return
                yield f"the old host ships {n}", s._replace(
                    r=r._replace(history=r.history + (n,)), acknowledged=s.acknowledged | {n}, operation=n + 1)
        if c.copy and not r.copy and len(c.history) < len(r.history):
            yield from self.copied(s, "c", c, r)
        if r.copy and not c.copy and len(r.history) < len(c.history):
            yield from self.copied(s, "r", r, c)
        yield from self.new_host_steps(s)
        yield from self.taken_over(s)
        if s.step == "taken":
            yield from self.way_back(s)
        elif s.step == "back" and not c.copy:
            if not prefix(c.history, r.history):
                yield "C becomes the copy", Broken(f"C has {c.history}, which is no prefix of R's {r.history}")
            elif c.ended:
                yield "C becomes the copy", s._replace(c=Repository(c.history, copy=True, ended=True))

    def copied(self, s, name, target, source):
        if not prefix(target.history, source.history):
            yield "the copier copies", Broken(f"a copier copies {source.history} behind {target.history}")
        else:
            history = source.history[:len(target.history) + 1]
            yield f"the copier copies {history[-1]}", s._replace(**{name: target._replace(history=history)})

    def new_host_steps(self, s):
        c, n = s.c, s.operation
        if s.new_host and n <= self.operations and not s.unshipped:
            yield f"the new host commits {n}", s._replace(unshipped=n, operation=n + 1)
        if s.new_host and s.unshipped:
            if c.ended:
                yield "the new host is fenced", s._replace(new_host=False)
            elif s.step == "back":
                yield "the new host ships", Broken("an operation is acknowledged in C, which R has followed")
            else:
                shipped = c._replace(history=c.history + (s.unshipped,))
                yield f"the new host ships {s.unshipped}", s._replace(
                    c=shipped, acknowledged=s.acknowledged | {s.unshipped}, unshipped=0)
        if s.step == "back" and not s.new_host:
            if c.closed or c.copy:
                yield "a host with the old configuration opens C: refuses", s
            else:
                yield "a host with the old configuration opens C", Broken("C is opened, which R has followed")

    def taken_over(self, s):
        r, c = s.r, s.c
        missing = s.acknowledged - frozenset(c.history)
        if s.step == "":
            yield "R does not answer: C is taken over, nothing is excluded", s._replace(
                c=c._replace(copy=False), new_host=True, lost=missing, step="taken")
            if self.planted("counted-first"):
                yield "what C lacks is counted", s._replace(lost=missing, step="counting")
            elif not r.ended:
                ended = r._replace(ended=not self.planted("old-side-open"))
                yield "a closing claim is put in R", s._replace(r=ended, excluded=True, step="ending")
            if not missing:
                yield "planned: the old host is stopped", s._replace(old_host=False)
        elif s.step == "counting":
            yield "a closing claim is put in R", s._replace(r=r._replace(ended=True), excluded=True, step="counted")
        elif s.step == "ending":
            yield "what C lacks is counted", s._replace(lost=missing, step="counted")
        elif s.step == "counted":
            yield "C is taken over", s._replace(c=c._replace(copy=False), new_host=True, step="taken")

    def way_back(self, s):
        r, c = s.r, s.c
        if not r.ended and not r.copy and not self.planted("r-unclosed"):
            # What the old side acknowledged meanwhile is told now, when no more can come.
            told = s.lost | (s.acknowledged & frozenset(r.history)) - frozenset(c.history)
            yield "1: a closing claim is put in R", s._replace(r=r._replace(ended=True), lost=told)
        elif not r.copy:
            if prefix(r.history, c.history) or self.planted("copied-in-place"):
                yield "2: R becomes a copy in place", s._replace(r=r._replace(copy=True))
            else:
                archive = None if self.planted("archive-deleted") else r.history
                yield "2: R stays as an archive, a new R is made", s._replace(
                    archive=archive, r=Repository(copy=True, ended=True))
        elif not c.ended:
            if self.planted("last-part-left"):
                yield "3: the host on C is stopped, a closing claim is put", s._replace(
                    new_host=False, unshipped=0, c=c._replace(ended=True, closed=True))
            elif s.unshipped == 0:
                yield "3: the host on C is stopped behind its last part, a closing claim is put", s._replace(
                    new_host=False, c=c._replace(ended=True, closed=not self.planted("mark-left")))
            if self.planted("c-unended") and r.history == c.history:
                yield "5: R is opened", self.opened(s)
        if r.copy and c.ended and (r.history == c.history or self.planted("not-through")):  # 4: the copier is through
            yield "5: R is opened", self.opened(s)

    def opened(self, s):
        kept = self.planted("uncopied")
        return s._replace(r=s.r._replace(copy=kept, ended=False), step="back", old_host=True, excluded=False)

    def broken(self, s):
        everything = {*s.r.history, *s.c.history, *(s.archive or ())}
        if not s.acknowledged <= everything:
            return f"{sorted(s.acknowledged - everything)} was acknowledged, and is in no repository any more"
        if s.step == "taken" and s.excluded and not s.acknowledged <= s.lost | frozenset(s.c.history):
            return f"{sorted(s.acknowledged - s.lost - frozenset(s.c.history))} is not in C, and was not counted as lost"
        if s.step == "back":
            missing = s.acknowledged - s.lost - frozenset(s.r.history)
            if missing or (s.unshipped == 0 and s.operation - 1 not in everything and s.operation > 1):
                which = "acknowledged" if missing else "committed before a planned switch"
                return f"R is opened, and what was {which} is missing"
            if s.r.copy:
                return "R is opened, and copiers still take it for a copy"
        return None


MODEL = Failover
