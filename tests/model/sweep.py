"""In which order a sweeper reads, so that it never deletes what a newer manifest names.

A host publishes manifests, each of which names some of what the one before named, and an object of
its own. Others raise the floor, keep and drop. The sweeper deletes what dropped manifests name and
no living one does; between any two of its readings the rest of the world goes on. It may read the
catalog again without reading the sequence again: then the newest manifest that it knows still
counts as living, and what was dropped since is not judged.
"""

# Rule P19.

from typing import NamedTuple

import explore


class Catalog(NamedTuple):
    floor: int = 1
    kept: frozenset = frozenset()


class Sweeper(NamedTuple):
    phase: str = "idle"  # catalog | sequence | sweeps
    read: Catalog | None = None
    known: int = 0  # the newest manifest that it has read


class State(NamedTuple):
    names: tuple  # names[n - 1]: what manifest n names
    objects: frozenset
    catalog: Catalog
    readable: bool  # whether the kept manifest can be read just now
    sweeper: Sweeper


def living(catalog, newest):
    return set(range(catalog.floor, newest + 1)) | catalog.kept


class Sweep(explore.Model):
    ERRORS = {
        "sequence-first": "the sweeper reads the sequence, then the catalog, and believes both",
        "newest-forgotten": "the newest manifest that the sweeper knows does not count once the catalog calls it dropped",
        "newer-judged": "a dropped manifest that is newer than what the sweeper knows is judged by what it knows",
        "kept-overlooked": "only manifests from the floor on are asked what they name",
        "unreadable-is-empty": "a living manifest that cannot be read counts as one that names nothing",
        "floor-of-memory": "the sweeper drops behind the newest manifest without the catalog saying so",
    }
    HAPPENS = ("deletes", "publishes", "again without the sequence", "refuses", "keeping")
    BOUNDS = {"manifests": 4}
    LONG = {"manifests": 5}

    def begins(self):
        yield State((frozenset([1]),), frozenset([1]), Catalog(), True, Sweeper())

    def steps(self, s):
        newest, last = len(s.names), s.names[-1]
        if newest < self.manifests:
            for names in {last | {newest + 1}, frozenset([newest + 1]), last, last - {min(last)} or last}:
                yield f"the host publishes manifest {newest + 1} of {sorted(names)}", s._replace(
                    names=s.names + (names,), objects=s.objects | {n for n in names if n > newest})
        for floor in range(s.catalog.floor, newest + 1):
            for kept in [frozenset(), *(frozenset([n]) for n in living(s.catalog, newest) if n < floor)]:
                catalog = Catalog(floor, kept)
                if catalog != s.catalog:
                    yield f"the catalog becomes floor {floor} keeping {sorted(kept)}", s._replace(catalog=catalog)
        if s.catalog.kept or not s.readable:
            yield "a kept manifest can be read, or not, from now on", s._replace(readable=not s.readable)
        for name, after in self.sweeper_steps(s, s.sweeper):
            yield f"the sweeper {name}", after

    def sweeper_steps(self, s, w):
        first = self.planted("sequence-first")
        if w.phase == "idle":
            if first:
                yield "reads the sequence", s._replace(sweeper=Sweeper("sequence", None, len(s.names)))
            else:
                yield "reads the catalog", s._replace(sweeper=Sweeper("catalog", s.catalog))
        elif w.phase == "catalog":
            if w.read.kept and not s.readable and not self.planted("unreadable-is-empty"):
                yield "cannot read a kept manifest and refuses", s._replace(sweeper=Sweeper())
            else:
                read = w.read if s.readable else w.read._replace(kept=frozenset())
                if self.planted("floor-of-memory"):
                    read = read._replace(floor=len(s.names))
                yield "reads the sequence", s._replace(sweeper=Sweeper("sweeps", read, len(s.names)))
        elif w.phase == "sequence":
            yield "reads the catalog", s._replace(sweeper=Sweeper("sweeps", s.catalog, w.known))
        else:
            yield "ends", s._replace(sweeper=Sweeper())
            if not first and w.read != s.catalog and s.readable and not self.planted("floor-of-memory"):
                yield "reads the catalog again without the sequence", s._replace(sweeper=w._replace(read=s.catalog))
            for thing in self.garbage(s, w) & s.objects:
                yield f"deletes object {thing}", s._replace(objects=s.objects - {thing})

    def garbage(self, s, w):
        alive = {n for n in living(w.read, w.known) if n <= w.known}
        if self.planted("kept-overlooked"):
            alive -= w.read.kept
        if not self.planted("newest-forgotten") and not self.planted("sequence-first"):
            alive.add(w.known)
        judged = len(s.names) if self.planted("newer-judged") or self.planted("sequence-first") else w.known
        dropped = set(range(1, min(w.read.floor, judged + 1))) - w.read.kept
        named = frozenset().union(*(s.names[n - 1] for n in alive))
        return frozenset().union(*(s.names[n - 1] for n in dropped)) - named

    def broken(self, s):
        for n in living(s.catalog, len(s.names)):
            if not s.names[n - 1] <= s.objects:
                return f"living manifest {n} names {sorted(s.names[n - 1] - s.objects)}, which the sweeper deleted"
        return None


MODEL = Sweep
