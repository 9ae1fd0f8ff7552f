"""Forks: what a fork shares stays in its home, and a fork that was dropped acknowledges nothing.

Two forks are made of a home. In one story both makers want the same name; in the other the second
is a fork of the first. A maker holds in each home, puts a catalog if absent, a claim and a
manifest. DropFork closes the catalog, puts a closing claim, deletes and releases. A host of the
first fork sleeps with a part in its hand.
"""

# Rule P19.

from typing import NamedTuple

import explore
from explore import Broken


class Fork(NamedTuple):
    """What lies beneath one name."""

    lineage: int = 0  # of the catalog; 0: there is none
    closed: bool = False
    holds: frozenset = frozenset()  # lineages of forks of this fork
    entries: tuple = (None, None, None)  # (what, lineage) at 1 to 3
    base: str = ""  # the first manifest, which names what is shared: "", living, past (the floor), gone
    own: bool = False  # whether the fork's own objects are there


class State(NamedTuple):
    second: str  # "rival" or "child"
    shared: bool  # whether what the forks share is there, in the home
    holds: frozenset  # in the home
    forks: tuple  # by name: those of the first fork and of its child; rivals want the first
    makers: tuple  # phases: idle | home (held in the fork that is the home) | held | named | claimed | made | lost
    drop: str  # idle | closed | ended | deleted | released, of the first name
    dropped: int  # the lineage
    late: bool  # whether a delete of entry 2 is still under way
    host: str = "closed"  # open | closed


def put_at(items, index, item):
    return items[:index] + (item,) + items[index + 1:]


class Forks(explore.Model):
    ERRORS = {
        "held-afterwards": "a maker holds in the home when its fork is made",
        "held-by-name": "holds are by the fork's name, and the rival who loses the name gives its hold back",
        "catalog-deleted": "DropFork deletes catalog and claims too, and the name can be used again",
        "unclosed-sequence": "DropFork puts no closing claim",
        "unclosed-catalog": "DropFork does not close the catalog",
        "closed-takes-holds": "a closed catalog takes a hold",
        "dropped-though-held": "DropFork is not refused while the fork has holds",
        "released-first": "DropFork gives the hold back before it closes the catalog",
        "released-too-early": "a fork gives its home back though a manifest that is held still names something there",
        "catalog-last": "a maker puts the claim before the catalog, and does not look whose name it is",
    }
    UNNEEDED = {
        "released-before-deletes": "DropFork deletes before it gives the hold back",
        "nearest-home-only": "a fork of a fork holds in the home of its home, too",
    }
    HAPPENS = ("is made", "gives its hold back", "releases", "part is refused", "acknowledged",
               "gives its home back", "drops")

    def begins(self):
        for second in ("rival", "child"):
            yield State(second, True, frozenset(), (Fork(), Fork()), ("idle", "idle"), "idle", 0, False)

    def hold_of(self, lineage):
        return "name" if self.planted("held-by-name") else lineage

    def steps(self, s):
        for i in (0, 1):
            name = i if s.second == "child" else 0
            for what, state, phase in self.maker_steps(s, i + 1, s.makers[i], s.forks[name], name):
                yield f"maker {i + 1} {what}", state._replace(makers=put_at(s.makers, i, phase))
        if s.shared and not s.holds:
            yield "the home drops and deletes what was shared", s._replace(shared=False)
        yield from self.life(s, s.forks[0])
        yield from self.drop_steps(s, s.forks[0])

    def maker_steps(self, s, lineage, phase, fork, name):
        def beneath(after):
            return s._replace(forks=put_at(s.forks, name, after))

        home = s.forks[0]
        child = s.second == "child" and lineage == 2
        if phase == "idle" and child:
            if home.base == "living" and (not home.closed or self.planted("closed-takes-holds")):
                held = s._replace(forks=put_at(s.forks, 0, home._replace(holds=home.holds | {2})))
                yield "holds in the first fork", held, "home"
        elif phase in ("idle", "home"):
            late = self.planted("held-afterwards") or (child and self.planted("nearest-home-only"))
            if s.shared or child:
                yield "holds in the home", s if late else s._replace(holds=s.holds | {self.hold_of(lineage)}), "held"
        elif phase == "held":
            if fork.lineage == 0 and self.planted("catalog-last"):
                claim = ("claim", lineage)
                entries = put_at(fork.entries, 0, claim)
                yield "puts a claim", beneath(fork._replace(lineage=lineage, entries=entries)), "claimed"
            elif fork.lineage == 0:
                yield "puts the catalog", beneath(fork._replace(lineage=lineage)), "named"
            elif fork.lineage != lineage and self.planted("catalog-last"):
                yield "finds a claim there", s, "claimed"
            elif fork.lineage != lineage:
                holds = s.holds - {self.hold_of(lineage)}
                yield "finds the name taken, gives its hold back", s._replace(holds=holds), "lost"
        elif phase == "named":
            if fork.entries[0] is None:
                entries = put_at(fork.entries, 0, ("claim", lineage))
                yield "puts the claim", beneath(fork._replace(entries=entries)), "claimed"
            else:
                yield "finds an entry there", s, "lost"
        elif phase == "claimed":
            if fork.entries[1] is not None:
                yield "finds an entry there", s, "lost"
            else:
                entries = put_at(fork.entries, 1, ("manifest", lineage))
                yield "puts the manifest", beneath(fork._replace(entries=entries, base="living", own=True)), "written"
        elif phase == "written":
            state = s._replace(holds=s.holds | {lineage}) if self.planted("held-afterwards") else s
            yield "reports that the fork is made", state, "made"

    def life(self, s, fork):
        """The first fork's host, and its own pruning."""
        if s.makers[0] == "made" and s.host == "closed" and fork.entries[2] is None and s.drop == "idle":
            yield "a host of fork 1 opens, and sleeps with a part", s._replace(host="open")
        if s.host == "open" and fork.entries[2] is None:
            if fork.lineage != 1 or s.drop == "released":
                yield "the host's part is acknowledged", Broken("a part is acknowledged in a fork that was dropped")
            entries = put_at(fork.entries, 2, ("part", 1))
            yield "the host's part is acknowledged", s._replace(forks=put_at(s.forks, 0, fork._replace(entries=entries)),
                                                                host="closed")
        elif s.host == "open":
            yield "the host's part is refused, and it ends", s._replace(host="closed")
        if fork.base == "living" and s.makers[0] == "made" and not fork.closed:
            yield "fork 1 writes all anew, its floor rises", s._replace(forks=put_at(s.forks, 0, fork._replace(base="past")))
        if fork.base == "past" and (not fork.holds or self.planted("released-too-early")) and s.drop == "idle":
            after = fork if fork.holds else fork._replace(base="gone")
            yield "fork 1 gives its home back", s._replace(forks=put_at(s.forks, 0, after),
                                                           holds=s.holds - {self.hold_of(fork.lineage)})

    def drop_steps(self, s, fork):
        def after(fork, phase, **more):
            return s._replace(forks=put_at(s.forks, 0, fork), drop=phase, **more)

        released = s.holds - {self.hold_of(s.dropped or fork.lineage)}
        if s.drop == "idle" and fork.lineage:
            if not fork.holds or self.planted("dropped-though-held"):
                if self.planted("released-first"):
                    yield "DropFork gives the hold back, and is killed", s._replace(holds=released)
                first = {"holds": released} if self.planted("released-before-deletes") else {}
                yield f"DropFork drops fork {fork.lineage}: closes its catalog", after(
                    fork._replace(closed=not self.planted("unclosed-catalog")), "closed", dropped=fork.lineage, **first)
        elif s.drop == "closed":
            if None not in fork.entries or self.planted("unclosed-sequence"):
                yield "DropFork goes on", after(fork, "ended")
            else:
                entries = put_at(fork.entries, fork.entries.index(None), ("closing", s.dropped))
                yield "DropFork puts a closing claim", after(fork._replace(entries=entries), "ended")
        elif s.drop == "ended":
            gone = fork._replace(base=fork.base and "gone", own=False)
            if self.planted("catalog-deleted"):
                gone = Fork()
            yield "DropFork deletes", after(gone, "deleted")
            yield "DropFork deletes, one delete is under way twice", after(gone, "deleted", late=True)
        elif s.drop == "deleted":
            yield "DropFork releases the home", after(fork, "released", holds=released)
        if s.late:
            twice = fork._replace(entries=put_at(fork.entries, 1, None)) if fork.lineage != s.dropped else fork
            yield "the second delete arrives", s._replace(forks=put_at(s.forks, 0, twice), late=False)

    def broken(self, s):
        first, child = s.forks
        living = first.base == "living" or (first.base == "past" and first.holds)
        if living and not first.closed and s.drop == "idle" and not s.shared:
            return "a fork lives, and what it shares is gone from its home"
        if child.base == "living" and (not s.shared or not first.own):
            return "a fork of a fork lives, and what it shares is gone from a home"
        if child.base == "living" and first.base == "gone":
            return "a fork of a fork lives, and the manifest that it holds is gone"
        for entry, above in zip(first.entries, first.entries[1:]):
            if above and above[0] in ("manifest", "part") and (entry is None or entry[1] != above[1]):
                return "two forks lie beneath one name"
        return None


MODEL = Forks
