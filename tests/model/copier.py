"""A repository that copiers write, until a host takes it over: nobody is fenced by a copier that
has not heard of it.

Two copiers copy operations of a source, which prunes; each may sleep anywhere and begin again. At
every beginning, and at every claim, a copier finds the tail, then reads the catalog, then creates
at exactly the number behind; if that exists, it begins again, and without `copy_of` it ends. A host
takes over: it removes `copy_of` by version and claims.
"""

# Rule P17.

from typing import NamedTuple

import explore
from explore import Broken


class Entry(NamedTuple):
    writer: str
    first: int  # operations first to last; a claim has none; a manifest, which has all up to last, begins at 0
    last: int


class Actor(NamedTuple):
    phase: str = "idle"  # tail | marked | ready | looks | owns | ended
    tail: int = 0
    at: int = 0  # the last operation that is there, as this one knows


class State(NamedTuple):
    entries: tuple
    copy_of: bool
    source: int  # its newest operation
    pruned: int  # its parts up to this are gone
    copiers: tuple
    host: Actor


def claim(who, at):
    return Entry(who, at + 1, at)


class Copier(explore.Model):
    ERRORS = {
        "catalog-first": "a copier reads the catalog before it looks for the tail",
        "next-number": "a copier whose number exists takes the number behind it",
        "mark-unread": "a copier that begins again does not ask whether it is still a copy",
        "mark-by-force": "a copier notes how far it is in the catalog whatever its version is",
        "position-from-memory": "a copier goes on from where it was, whatever another has put since",
        "unclaimed": "a copier that finds the tail of another goes on behind it without a claim",
        "parts-over-a-prune": "a copier that has fallen behind a prune goes on with the first part that is there",
        "taken-by-claim": "the host takes over by its claim, and removes copy_of afterwards",
    }
    HAPPENS = ("takes over", "host puts", "copies the manifest", "ends", "is fenced", "looks")
    BOUNDS = {"entries_max": 5, "operations": 3}
    LONG = {"entries_max": 7, "operations": 4}

    def begins(self):
        yield State((claim("copier 1", 0),), True, 1, 0, (Actor("owns", 1, 0), Actor()), Actor())

    def steps(self, s):
        if s.source < self.operations:
            yield f"the source takes {s.source + 1}", s._replace(source=s.source + 1)
        if s.pruned < s.source - 1:
            yield f"the source prunes up to {s.source - 1}", s._replace(pruned=s.source - 1)
        for i, copier in enumerate(s.copiers):
            for name, state, after in self.copier_steps(s, copier, f"copier {i + 1}"):
                yield name, state if isinstance(state, Broken) else state._replace(
                    copiers=s.copiers[:i] + (after,) + s.copiers[i + 1:])
        for name, state, after in self.host_steps(s, s.host):
            yield name, state if isinstance(state, Broken) else state._replace(host=after)

    def put(self, s, entry):
        """The state after a put, or what it breaks."""
        if s.host.phase == "owns" and entry.writer != "host":
            return Broken(f"{entry.writer} puts an entry into the sequence of the host that has taken over")
        if entry.first > s.entries[-1].last + 1 or (0 < entry.first <= s.entries[-1].last):
            return Broken(f"{entry.writer} puts {entry.first} to {entry.last} behind {s.entries[-1].last}")
        return s._replace(entries=s.entries + (entry,))

    def copier_steps(self, s, c, who):
        tail, last = len(s.entries), s.entries[-1].last
        if c.phase in ("owns", "ready") and len(s.entries) >= self.entries_max:
            return
        if c.phase == "idle":
            if self.planted("catalog-first") and not s.copy_of:
                yield f"{who} finds no copy_of: it ends", s, Actor("ended")
            else:
                yield f"{who} begins", s, Actor("tail", at=c.at)
        elif c.phase == "tail":
            unread = self.planted("catalog-first") or self.planted("mark-unread")
            at = c.at if self.planted("position-from-memory") else last
            after = "owns" if self.planted("unclaimed") else "ready" if unread else "marked"
            yield f"{who} finds the tail {tail}", s, Actor(after, tail, at)
        elif c.phase == "marked":
            if s.copy_of:
                yield f"{who} reads the catalog: still a copy", s, c._replace(phase="ready")
            else:
                yield f"{who} reads the catalog: it ends", s, Actor("ended")
        elif c.phase == "ready":
            if tail == c.tail:
                entry = claim(who, c.at if self.planted("position-from-memory") else last)
                yield f"{who} claims {tail + 1}", self.put(s, entry), c._replace(phase="looks", tail=tail + 1)
            elif self.planted("next-number"):
                yield f"{who} meets an entry, tries the next", s, c._replace(tail=c.tail + 1, at=s.entries[c.tail].last)
            else:
                yield f"{who} meets an entry and begins again", s, Actor(at=c.at)
        elif c.phase == "looks":
            ends = not s.copy_of and not self.planted("mark-unread")
            yield f"{who} looks{': it ends' if ends else ''}", s, Actor("ended") if ends else c._replace(phase="owns")
        elif c.phase == "owns":
            yield from self.copies(s, c, who)

    def copies(self, s, c, who):
        if len(s.entries) != c.tail:
            yield f"{who} is fenced and begins again", s, Actor(at=c.at)
            return
        if self.planted("mark-by-force"):
            yield f"{who} notes how far it is", s._replace(copy_of=True), c
        if c.at < s.source:
            if c.at < s.pruned and not self.planted("parts-over-a-prune"):
                entry, name = Entry(who, 0, s.source), "copies the manifest"
            else:
                entry, name = Entry(who, max(c.at, s.pruned) + 1, max(c.at, s.pruned) + 1), "copies a part"
            yield f"{who} {name}", self.put(s, entry), c._replace(tail=c.tail + 1, at=entry.last)

    def host_steps(self, s, h):
        tail = len(s.entries)
        if h.phase == "idle":
            mark = self.planted("taken-by-claim")
            yield "the host takes over: copy_of is removed", s._replace(copy_of=mark), Actor("tail")
        elif h.phase == "tail":
            yield f"the host finds the tail {tail}", s, Actor("ready", tail, s.entries[-1].last)
        elif h.phase == "ready" and tail < self.entries_max:
            if tail != h.tail:
                yield "the host meets an entry and looks again", s, Actor("tail")
            else:
                yield f"the host claims {tail + 1}", self.put(s, claim("host", h.at)), Actor("looks", tail + 1, h.at)
        elif h.phase == "looks":
            if tail != h.tail:
                yield "the host is fenced before it has acknowledged anything, and looks again", s, Actor("tail")
            else:
                yield "the host looks: its claim counts", s, h._replace(phase="owns")
        elif h.phase == "owns" and tail < self.entries_max:
            if tail != h.tail:
                yield "the host puts", Broken("the host that has taken over is fenced by a copier"), None
            else:
                entry = Entry("host", h.at + 1, h.at + 1)
                yield "the host puts a part", self.put(s, entry), h._replace(tail=tail + 1, at=h.at + 1)


MODEL = Copier
