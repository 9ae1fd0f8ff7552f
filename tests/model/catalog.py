"""The catalog: which manifests are living, when one becomes kept or held, and when what it had is
deleted.

Three manifests, each with an entry and an object of its own. Two sweepers plan, change the catalog
and delete; a third party holds manifests and releases them. Everybody may sleep or be killed
anywhere, and a change may get no answer.
"""

# Rule P19.

from itertools import combinations
from typing import NamedTuple

import explore
from explore import Broken

NEWEST = 3
NUMBERS = frozenset(range(1, NEWEST + 1))


class Catalog(NamedTuple):
    version: int = 1
    floor: int = 1
    kept: frozenset = frozenset()
    held: frozenset = frozenset()
    dropped: frozenset = frozenset()

    def living(self):
        return frozenset(n for n in NUMBERS if n >= self.floor) | self.kept | self.held


class Actor(NamedTuple):
    phase: str = "idle"  # planned | sweeps | reads | holds
    read: Catalog | None = None
    number: int = 0  # to be held, or that is held


class State(NamedTuple):
    catalog: Catalog
    entries: frozenset
    objects: frozenset
    sweepers: tuple
    holder: Actor


class CatalogModel(explore.Model):
    ERRORS = {
        "hold-by-force": "a hold is written whatever the catalog has become",
        "hold-of-the-dead": "a hold that met another version is applied to it, whether it is living there or not",
        "prune-by-force": "a prune is written whatever the catalog has become",
        "prune-of-held": "a prune drops what is held, too",
        "holds-apart": "holds are a value of their own, beside the catalog that the prune replaces",
        "deletes-planned": "a sweeper deletes what it meant to drop, before it has read that it is dropped",
        "floor-falls": "a prune writes its own floor though the one that it replaces is higher",
        "dropped-unsaid": "a prune takes what it drops out of the catalog at once",
        "entry-first": "the entry of a dropped manifest is deleted before its objects",
        "mark-first": "a dropped manifest is taken out of the catalog before its entry is deleted",
        "release-forgets": "a release of what is living no more does not make it dropped",
    }
    HAPPENS = ("holds", "releases", "the object of", "the entry of", "no answer", "killed", "is done with")
    BOUNDS = {"changes": 2}
    LONG = {"changes": 4}

    def begins(self):
        yield State(Catalog(), NUMBERS, NUMBERS, (Actor(), Actor()), Actor())

    def steps(self, s):
        for i, sweeper in enumerate(s.sweepers):
            for name, state, after in self.sweeper_steps(s, sweeper):
                sweepers = s.sweepers[:i] + (after,) + s.sweepers[i + 1:]
                yield f"sweeper {i + 1} {name}", state._replace(sweepers=sweepers)
        for name, state, after in self.holder_steps(s, s.holder):
            yield f"the holder {name}", after if isinstance(after, Broken) else state._replace(holder=after)

    def changed(self, s, catalog):
        return s._replace(catalog=catalog._replace(version=s.catalog.version + 1))

    def sweeper_steps(self, s, a):
        c = s.catalog
        if a.phase != "idle":
            yield "is killed", s, Actor()
        if a.phase == "idle":
            yield "reads the catalog, and sleeps", s, Actor("planned", c)
        elif a.phase == "planned":
            if c.version != a.read.version and not self.planted("prune-by-force"):
                yield "meets another version", s, Actor()
            else:
                for plan in self.plans(a.read):
                    if c.version > self.changes:
                        break
                    if self.planted("holds-apart"):
                        plan = plan._replace(held=c.held)
                    name = f"writes floor {plan.floor}, kept {sorted(plan.kept)}"
                    yield f"{name}, reads it back", self.changed(s, plan), Actor("sweeps", self.changed(s, plan).catalog)
                    yield f"{name}, gets no answer", self.changed(s, plan), Actor()
            if self.planted("deletes-planned"):
                for plan in self.plans(a.read):
                    yield f"means floor {plan.floor}, kept {sorted(plan.kept)}", s, Actor("sweeps", plan)
            yield "has nothing to change", s, Actor("sweeps", a.read)
        elif a.phase == "sweeps":
            yield from self.deletions(s, a)

    def plans(self, read):
        """What a prune may make of a catalog. Whatever stops being living is dropped."""
        lowest = 1 if self.planted("floor-falls") else read.floor
        living = read.living()
        for floor in range(lowest, NEWEST + 1):
            below = sorted(n for n in living if n < floor)
            for size in range(len(below) + 1):
                for kept in map(frozenset, combinations(below, size)):
                    held = frozenset() if self.planted("prune-of-held") else read.held
                    after = read._replace(floor=floor, kept=kept, held=held)
                    if self.planted("dropped-unsaid"):
                        yield after
                    else:
                        yield after._replace(dropped=read.dropped | (living - after.living()))

    def deletions(self, s, a):
        for n in a.read.dropped:
            without_object, without_entry = s._replace(objects=s.objects - {n}), s._replace(entries=s.entries - {n})
            entry_first = self.planted("entry-first")
            # Without its entry nobody knows what a manifest named: its objects then count as deleted.
            if n in s.objects and n in s.entries and not entry_first:
                yield f"deletes the object of {n}", without_object, a
            elif n in s.entries and not self.planted("mark-first"):
                yield f"deletes the entry of {n}", without_entry, a
            elif n in s.catalog.dropped:
                catalog = s.catalog._replace(dropped=s.catalog.dropped - {n})
                yield f"is done with {n}, and the catalog says so", self.changed(s, catalog), a
        yield "ends", s, Actor()

    def holder_steps(self, s, a):
        c = s.catalog
        if a.phase == "idle" and c.version <= self.changes:
            for n in c.living():
                yield f"reads the catalog, wants {n}, and sleeps", s, Actor("reads", c, n)
        elif a.phase == "reads":
            n = a.number
            if c.version == a.read.version or self.planted("holds-apart"):
                yield f"holds {n}", self.changed(s, c._replace(held=c.held | {n})), Actor("holds", None, n)
            elif self.planted("hold-by-force"):
                yield f"holds {n}", self.changed(s, a.read._replace(held=a.read.held | {n})), Actor("holds", None, n)
            elif self.planted("hold-of-the-dead"):
                after = c._replace(held=c.held | {n}, dropped=c.dropped - {n})
                yield f"holds {n}", self.changed(s, after), Actor("holds", None, n)
            else:
                yield "meets another version", s, Actor()
        elif a.phase == "holds":
            n = a.number
            if n not in c.held:
                yield "looks", s, Broken(f"the hold of {n} was written, and the catalog does not have it")
            after = c._replace(held=c.held - {n})
            if not self.planted("release-forgets"):
                after = after._replace(dropped=after.dropped | (c.living() - after.living()))
            yield f"releases {n}", self.changed(s, after), Actor()

    def broken(self, s):
        living = s.catalog.living()
        for n in living:
            if n not in s.entries or n not in s.objects:
                return f"manifest {n} is living, and what it had is deleted"
        at_rest = all(a.phase == "idle" for a in (*s.sweepers, s.holder))
        if at_rest and (s.entries | s.objects) - living - s.catalog.dropped:
            return "something stays for ever that no manifest has any more"
        return None


MODEL = CatalogModel
