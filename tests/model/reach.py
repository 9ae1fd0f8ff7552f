"""What a manifest may name, so that a sweeper with old knowledge never deletes what a living
manifest names.

Two hosts upload objects under the epoch of their claim and publish manifests; a sweeper reads
catalog and sequence, sleeps for as long as it likes, and deletes. Here a manifest is living at and
above the floor.
"""

# Rule P19.

from typing import NamedTuple

import explore


class Entry(NamedTuple):
    epoch: int
    names: frozenset | None  # None: a claim


class Host(NamedTuple):
    phase: str  # owns | idle | ready
    epoch: int = 0
    length: int = 0  # of the sequence as this host knows it
    put: frozenset = frozenset()


class Sweep(NamedTuple):
    named: frozenset  # by what was living
    dropped: frozenset  # by what was not
    newest_epoch: int


class State(NamedTuple):
    entries: tuple
    objects: frozenset  # (epoch, ordinal)
    floor: int
    hosts: tuple
    sweep: Sweep | None


def manifests(entries):
    return [i for i, entry in enumerate(entries) if entry.names is not None]


class Reach(explore.Model):
    ERRORS = {
        "names-anything": "a manifest names whatever is there",
        "named-again": "a manifest names again what its own epoch had named and dropped",
        "adopts-orphans": "a host names what its predecessor put and never named",
        "older-manifest": "a manifest names what any manifest before it named",
        "name-comes-again": "an object is put once more under a name that was dropped",
        "epoch-of-writer": "an object that is copied is put under the epoch of the host that wrote it first",
        "named-before-put": "a manifest is published before its objects are there",
        "newest-epoch-swept": "unnamed objects of the newest epoch are garbage, too",
        "claim-unread": "the sweeper takes the epoch after the newest claim for the newest claim's",
        "dropped-is-garbage": "whatever a dropped manifest names is deleted, though a living one names it, too",
    }
    HAPPENS = ("publishes", "deletes the orphan", "deletes the dropped", "claims", "is fenced")
    BOUNDS = {"entries": 6}
    LONG = {"entries": 7}

    def begins(self):
        first = frozenset([(1, 0)])
        yield State((Entry(1, None), Entry(1, first)), first, 0, (Host("owns", 1, 2), Host("idle")), None)

    def steps(self, s):
        for i, host in enumerate(s.hosts):
            for name, state, after in self.host_steps(s, i + 1, host):
                yield f"{'AB'[i]} {name}", state._replace(hosts=s.hosts[:i] + (after,) + s.hosts[i + 1:])
        newest = manifests(s.entries)[-1]
        if newest > s.floor:
            yield f"the floor is raised to {newest}", s._replace(floor=newest)
        yield from self.sweeper_steps(s)

    def host_steps(self, s, who, host):
        if host.phase == "idle":
            yield f"reads the tail {len(s.entries)} and sleeps", s, Host("ready", 0, len(s.entries))
        elif len(s.entries) != host.length:
            yield "is fenced", s, Host("idle")
        elif host.phase == "ready" and host.length < self.entries:
            epoch = host.length + 1
            yield f"claims, epoch {epoch}", s._replace(entries=s.entries + (Entry(epoch, None),)), Host("owns", epoch, epoch)
        if host.phase != "owns":
            return
        of = 1 if self.planted("epoch-of-writer") else host.epoch
        thing = (of, who)
        if thing not in host.put or (self.planted("name-comes-again") and thing not in s.objects):
            put = host._replace(put=host.put | {thing})
            yield f"puts {thing}", s._replace(objects=s.objects | {thing}), put  # also when it is fenced already
        if len(s.entries) == host.length < self.entries:
            for names in self.nameable(s, host, who):
                entries = s.entries + (Entry(host.epoch, names),)
                after = host._replace(length=host.length + 1)
                yield f"publishes a manifest of {sorted(names)}", s._replace(entries=entries), after

    def nameable(self, s, host, who):
        """Sets of names that a manifest may have: all, the new ones, the old ones, and one less of these."""
        every = [s.entries[i] for i in manifests(s.entries)]
        old, ever = every[-1].names, frozenset().union(*(entry.names for entry in every))
        new = host.put - ever
        if self.planted("named-again") or self.planted("name-comes-again"):
            new = host.put & s.objects
        if self.planted("adopts-orphans"):
            new |= s.objects - ever
        if self.planted("named-before-put"):
            new |= {(host.epoch, who)}
        if self.planted("older-manifest"):
            old = ever & s.objects
        if self.planted("names-anything"):
            old |= s.objects
        return sorted({old | new, new or old, old, old - {max(old)}} - {frozenset()}, key=sorted)

    def sweeper_steps(self, s):
        if s.sweep is None:
            living = [e.names for i, e in enumerate(s.entries) if e.names is not None and i >= s.floor]
            dropped = [e.names for i, e in enumerate(s.entries) if e.names is not None and i < s.floor]
            newest = max(entry.epoch for entry in s.entries if entry.names is None) + self.planted("claim-unread")
            yield "the sweeper reads catalog and sequence, and sleeps", s._replace(
                sweep=Sweep(frozenset().union(*living), frozenset().union(*dropped), newest))
            return
        for thing in s.objects - (frozenset() if self.planted("dropped-is-garbage") else s.sweep.named):
            rest = s._replace(objects=s.objects - {thing})
            if thing in s.sweep.dropped:
                yield f"the sweeper deletes the dropped {thing}", rest
            elif thing not in s.sweep.named and (thing[0] < s.sweep.newest_epoch or self.planted("newest-epoch-swept")):
                yield f"the sweeper deletes the orphan {thing}", rest
        yield "the sweeper is done", s._replace(sweep=None)

    def broken(self, s):
        for i in manifests(s.entries):
            if i >= s.floor and not s.entries[i].names <= s.objects:
                return f"living manifest {i + 1} names {sorted(s.entries[i].names - s.objects)}, which is not there"
        return None


MODEL = Reach
