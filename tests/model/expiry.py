"""A repository on a store with a ttl: objects live one ttl, entries two, catalog and keys three.

Time goes on in ticks, two to a ttl. Hosts open, claim, publish all they have with each manifest,
pause and are killed. A host that does not pause does what is due within the tick. The rules are in
README.md, with what breaks without each.
"""

from typing import NamedTuple

import explore
from explore import Broken

TTL = 2
FRESH = TTL // 2


class Entry(NamedTuple):
    number: int
    age: int
    objects: int | None  # age of the oldest object of a manifest; None: a claim


class Catalog(NamedTuple):
    floor: int  # the newest manifest that was there; the number itself: there was none
    top: int  # the number that is put, or was put last
    age: int


class Host(NamedTuple):
    phase: str = "off"  # off | read | noted | claimed | owns | filled (objects are put) | announced
    current: bool = False  # whether the catalog's version is the one that this host read or wrote
    number: int = 0  # to be put, or that was put last
    newest: int = 0  # the newest manifest, 0: none
    objects: int = 0  # age of the oldest object that was put
    saved: bool = False  # whether it has published since its claim
    steady: int = -1  # ticks since its claim or publication (2: more), none of them in a pause; -1: it has paused
    paused: int = -1  # ticks in a pause; -1: it is awake


class State(NamedTuple):
    catalog: Catalog | None
    keys: int | None  # age
    entries: tuple
    hosts: tuple
    owner: str  # whose claim counted last
    disturbed: bool  # whether another host has changed the catalog since


class Expiry(explore.Model):
    ERRORS = {
        "unannounced": "a host puts a manifest without having named its number in the catalog",
        "announced-anew": "a host whose version of the catalog is gone reads the new one and goes on",
        "behind-top": "a claimer takes the number behind the announced one, though nothing is there yet",
        "claim-unlooked": "a claimer does not read the catalog again behind its claim",
        "searched-from-floor": "a claimer searches from the floor instead of asking the catalog for the number",
        "floor-is-own-number": "a host sets the floor to the number of its own manifest before that is put",
        "old-objects": "a manifest is put however old its first object is",
        "published-late": "a host publishes anew when its newest manifest is a whole ttl old",
        "claim-unpublished": "a host that has claimed publishes when something changes, not at once",
        "catalog-short": "catalog and keys live no longer than entries",
        "keys-unrenewed": "keys are not put anew with the catalog",
        "renewed-by-force": "the catalog is put anew whatever its version is",
    }
    UNNEEDED = {"floor-unasked": "the floor goes to the newest manifest only if its objects are still there"}
    HAPPENS = ("finds nothing", "is fenced", "publishes", "loads 2", "begins anew", "expired")
    BOUNDS = {"number_max": 3, "pauses": 1}
    LONG = {"number_max": 4, "pauses": 2}

    def begins(self):
        yield State(None, None, (), (Host(), Host()), "", False)

    def entry(self, s, number):
        return next((entry for entry in s.entries if entry.number == number), None)

    def alive(self, s, number):
        """Whether a manifest is there with what it names."""
        entry = self.entry(s, number)
        return entry is not None and entry.objects is not None and entry.objects < TTL

    def steps(self, s):
        asleep = sum(host.paused >= 0 for host in s.hosts)
        for i, host in enumerate(s.hosts):
            for name, state, after in self.host_steps(s, host, "AB"[i]):
                if isinstance(state, Broken):
                    yield f"{'AB'[i]} {name}", state
                else:
                    awake = after._replace(paused=-1) if after.paused == host.paused else after
                    yield f"{'AB'[i]} {name}", state._replace(hosts=state.hosts[:i] + (awake,) + state.hosts[i + 1:])
            # In other phases a kill or a pause differs in nothing from one a step before or behind.
            if host.phase in ("noted", "claimed", "owns", "announced"):
                yield f"{'AB'[i]} is killed", s._replace(hosts=s.hosts[:i] + (Host(),) + s.hosts[i + 1:])
            if host.phase in ("noted", "filled", "announced") and host.paused < 0 and asleep < self.pauses:
                paused = host._replace(paused=0)
                yield f"{'AB'[i]} pauses", s._replace(hosts=s.hosts[:i] + (paused,) + s.hosts[i + 1:])
        if not any(self.due(s, host) for host in s.hosts):
            yield from self.tick(s)

    def due(self, s, host):
        """Whether a host that is awake has something to do before time goes on."""
        if host.phase == "off" or host.paused >= 0:
            return False
        if host.phase == "owns":
            entry = self.entry(s, host.newest)
            late = TTL - 1 if self.planted("published-late") else FRESH - 1
            if not host.saved:
                return not self.planted("claim-unpublished")
            return entry is None or entry.objects is None or entry.objects > late
        return True

    def tick(self, s):
        hosts = []
        for host in s.hosts:
            if host.paused >= TTL and host.phase in ("noted", "announced"):
                host = Host()  # nothing fences who pauses for longer than a ttl between these two puts
            elif host.paused >= 0:
                host = host._replace(paused=min(host.paused + 1, TTL), steady=-1)
            elif host.steady >= 0:
                host = host._replace(steady=min(host.steady + 1, 2))
            if host.phase in ("filled", "announced"):
                host = host._replace(objects=min(host.objects + 1, TTL))
            hosts.append(host)
        # Manifests behind the floor may be deleted, and are, so that there are fewer states.
        floor = s.catalog.floor if s.catalog else 0
        entries = tuple(e._replace(age=e.age + 1, objects=None if e.objects is None else min(e.objects + 1, TTL))
                        for e in s.entries if e.age + 1 < 2 * TTL and (e.objects is None or e.number >= floor))
        lives = 2 * TTL if self.planted("catalog-short") else 3 * TTL
        catalog = s.catalog and s.catalog._replace(age=s.catalog.age + 1)
        keys = None if s.keys is None or s.keys + 1 >= lives else s.keys + 1
        if catalog and catalog.age >= lives:
            catalog = None
        if s.catalog and not catalog:
            hosts = [host._replace(current=False) for host in hosts]
        after = s._replace(catalog=catalog, keys=keys, entries=entries, hosts=tuple(hosts))
        for name, host in zip("AB", after.hosts):
            steady = host.steady >= (0 if host.saved else 2) and s.owner == name and not s.disturbed
            if steady and host.newest and not self.alive(after, host.newest):
                after = Broken(f"{name} works without a pause, and nothing of what it saved is there")
                break
        yield f"a tick{', entries have expired' if len(entries) < len(s.entries) else ''}", after

    def noted(self, s, who, floor, top):
        """The catalog after a change by version, with the keys put anew before it."""
        keys = s.keys if self.planted("keys-unrenewed") and s.keys is not None else 0
        others = tuple(host._replace(current=False) for host in s.hosts)
        return s._replace(catalog=Catalog(floor, top, 0), keys=keys, hosts=others, disturbed=s.disturbed or who != s.owner)

    def host_steps(self, s, host, who):
        if host.phase == "off":
            yield from self.opens(s, who)
        elif host.phase == "read":
            if not host.current and not self.planted("renewed-by-force"):
                yield "meets another catalog and opens anew", s, Host()
            else:
                yield (f"announces its claim {host.number}", self.noted(s, who, host.newest or host.number, host.number),
                       host._replace(phase="noted", current=True))
        elif host.phase == "noted":
            yield from self.claims(s, host, who)
        elif host.phase == "claimed":
            yield from self.looks(s, host, who)
        elif host.phase == "owns":
            yield "begins to publish, puts objects", s, host._replace(phase="filled", objects=0, number=host.number + 1)
        elif host.phase == "filled":
            yield from self.announces(s, host, who)
        elif host.phase == "announced":
            yield from self.publishes(s, host, who)

    def opens(self, s, who):
        c = s.catalog
        if c is None and s.entries:
            yield "opens", Broken(f"{who} finds entries without a catalog, and nothing was lost"), None
        elif c is None:
            yield "finds nothing and will create the catalog", s, Host("read", True, 1)
        elif s.keys is None:
            yield "opens", Broken(f"{who} finds a catalog without its keys, and nothing was lost"), None
        else:
            number = c.top + (self.entry(s, c.top) is not None or self.planted("behind-top"))
            if self.planted("searched-from-floor"):
                number = c.floor
                while self.entry(s, number):
                    number += 1
            newest = next((n for n in range(max(number - 1, c.floor), c.floor - 1, -1) if self.alive(s, n)), 0)
            best = max((e.number for e in s.entries if self.alive(s, e.number)), default=0)
            if newest != best:
                yield "opens", Broken(f"{who} loads {newest or 'nothing'}, and manifest {best} is there"), None
            elif number <= self.number_max:
                yield f"opens, loads {newest or 'nothing'}", s, Host("read", True, number, newest)

    def claims(self, s, host, who):
        if self.entry(s, host.number):
            yield f"cannot claim {host.number}, which exists", s, Host()
        else:
            entries = s.entries + (Entry(host.number, 0, None),)
            yield f"claims {host.number}", s._replace(entries=entries), host._replace(phase="claimed")

    def looks(self, s, host, who):
        newest = max((e.number for e in s.entries if self.alive(s, e.number)), default=0)
        if not host.current and not self.planted("claim-unlooked"):
            yield "looks, finds another version of the catalog and opens anew", s, Host()
        elif newest > host.newest:
            yield "looks", Broken(f"{who} goes on without manifest {newest}, which is there"), None
        else:
            yield (f"looks, its claim {host.number} counts", s._replace(owner=who, disturbed=not host.current),
                   host._replace(phase="owns", saved=False, steady=0))

    def announces(self, s, host, who):
        c = s.catalog
        begun = host._replace(phase="owns", number=host.number - 1)
        if host.objects > FRESH and not self.planted("old-objects"):
            yield "begins anew: its first object is old", s, begun
        elif self.planted("unannounced"):
            yield "goes on", s, host._replace(phase="announced")
        elif not host.current and not self.planted("renewed-by-force") and not (self.planted("announced-anew") and c):
            if c and s.owner == who and not s.disturbed:
                yield "is fenced", Broken(f"{who} is fenced, and nobody else has claimed"), None
            yield "is fenced by another version of the catalog, or it has expired", s, Host()
        elif host.number <= self.number_max:
            there = self.alive(s, host.newest) or (self.planted("floor-unasked") and host.newest)
            floor = host.number if self.planted("floor-is-own-number") or not there else host.newest
            yield (f"announces {host.number}", self.noted(s, who, floor, host.number),
                   host._replace(phase="announced", current=True))

    def publishes(self, s, host, who):
        if host.objects > FRESH and not self.planted("old-objects"):
            # Its number is announced and stays free: whoever claims takes it, and so does the next try.
            yield "begins anew: its first object is old", s, host._replace(phase="owns", number=host.number - 1)
        elif self.entry(s, host.number):
            if s.owner == who and not s.disturbed:
                yield "is fenced", Broken(f"{who} is fenced at {host.number}, and nobody else has claimed"), None
            yield f"is fenced at {host.number}", s, Host()
        elif s.owner != who:
            yield "publishes", Broken(f"{who} publishes {host.number} though {s.owner} has claimed"), None
        elif host.objects >= TTL:
            yield "publishes", Broken(f"{who} publishes {host.number}, whose objects are gone"), None
        else:
            entries = s.entries + (Entry(host.number, 0, host.objects),)
            yield f"publishes {host.number}", s._replace(entries=entries), host._replace(
                phase="owns", newest=host.number, saved=True, steady=0)


MODEL = Expiry
