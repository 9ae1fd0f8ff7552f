"""One sequence of entries with several writers: what is acknowledged, what is refused, and which
claim counts.

A host that owns the sequence puts parts; others find an absent number, sleep, and claim it. A
sweeper that knows old things raises the floor and deletes behind it. Any put may get no answer, and
may then arrive late, or twice.

`first` is the truth: what was created at a number when it was created for the first time. A claim
counts, and a part is in the sequence, exactly if it stands there.
"""

# Rules P16 and P18.

from typing import NamedTuple

import explore
from explore import Broken

HOSTS = "ABC"


class Host(NamedTuple):
    phase: str  # owns | unsure | both | idle | found | looks | looked | ended
    number: int = 0  # of its next put, or of the claim


class State(NamedTuple):
    store: tuple  # store[n - 1]: the entry at n, None if there is none; an entry is (host, "claim" or "part", bytes)
    first: tuple  # the entry that was created first, number by number
    floor: int
    hosts: tuple
    late: frozenset  # (number, entry): puts without an answer, which may still arrive


def put_at(items, index, item):
    return items[:index] + (item,) + items[index + 1:]


class Fence(explore.Model):
    ERRORS = {
        "claims-deleted": "claims behind the floor are deleted as parts are",
        "deleted-before-floor": "the sweeper deletes before the catalog has the floor",
        "claim-unlooked": "a claimer acknowledges without the look at the floor",
        "looked-too-early": "the claimer looks at the floor before it puts its claim instead of afterwards",
        "two-in-flight": "a host puts the next number while one is unanswered, and acknowledges what was answered",
        "other-bytes": "a retry puts what has come since, too, in the same number",
        "forgotten-put": "a put without an answer is taken for one that was never made",
        "exists-is-other": "a retry that finds its number taken says refused, and does not read back",
        "exists-is-own": "a retry that finds its number taken says acknowledged, and does not read back",
        "refused-unlooked": "a retry that reads back other bytes says refused, whatever the catalog says",
    }
    UNNEEDED = {"floor-before-look": "a claimer may raise the floor before its look"}
    HAPPENS = ("claim counts at", "too late", "reads back its own", "unknown", "refused", "deleted", "arrives late")
    BOUNDS = {"numbers": 4}
    LONG = {"numbers": 5}

    def begins(self):
        claim = ("A", "claim", "")
        yield State((claim,) + (None,) * (self.numbers - 1), (claim,), 1,
                    (Host("owns", 2), Host("idle"), Host("idle")), frozenset())

    def created(self, s, number, entry):
        """The state after a put that found the number absent."""
        first = s.first + (entry,) if number == len(s.first) + 1 else s.first
        return s._replace(store=put_at(s.store, number - 1, entry), first=first)

    def steps(self, s):
        for i, host in enumerate(s.hosts):
            for name, after, state in self.host_steps(s, i, host):
                if isinstance(state, Broken):
                    yield f"{HOSTS[i]} {name}", state
                else:
                    yield f"{HOSTS[i]} {name}", state._replace(hosts=put_at(s.hosts, i, after))
        yield from self.sweeper_steps(s)
        for number, entry in s.late:
            if s.store[number - 1] is None:
                yield f"the {entry[1]} of {entry[0]} at {number} arrives late", self.created(s, number, entry)

    def host_steps(self, s, i, host):
        phase, n = host
        if phase in ("owns", "unsure", "both"):
            if n <= self.numbers:
                yield from self.part_steps(s, HOSTS[i], phase, n)
        elif phase == "idle" and i > 0:
            for number in range(2, min(len(s.first) + 1, self.numbers) + 1):
                if number > len(s.first) or s.store[number - 1] is None:
                    if not self.planted("looked-too-early") or s.floor <= number:
                        yield f"finds {number} absent and sleeps", Host("found", number), s
        elif phase == "found":
            entry = (HOSTS[i], "claim", "")
            if s.store[n - 1] is not None:
                yield f"cannot claim {n}, which exists", Host("idle"), s
            else:
                looks = "looked" if self.planted("claim-unlooked") or self.planted("looked-too-early") else "looks"
                yield f"claims {n}", Host(looks, n), self.created(s, n, entry)
            yield f"claims {n}, gets no answer and ends", Host("ended"), s._replace(late=s.late | {(n, entry)})
        elif phase == "looks":
            if self.planted("floor-before-look"):
                for floor in range(s.floor + 1, min(n, len(s.first)) + 1):
                    yield f"raises the floor to {floor} before its look", host, s._replace(floor=floor)
            if s.floor > n:
                yield f"looks: the floor is {s.floor}, {n} is too late", Host("idle"), s
            else:
                yield f"looks: the floor is {s.floor}", Host("looked", n), s
        elif phase == "looked":
            if s.first[n - 1] != (HOSTS[i], "claim", ""):
                yield "begins to acknowledge", None, Broken(
                    f"the claim of {HOSTS[i]} at {n} counts, and {n} was there before")
            else:
                yield f"is sure that its claim counts at {n}", Host("owns", n + 1), s

    def acknowledged(self, s, name, n, after, state, entry):
        owner = [e for e in state.first[:n] if e[1] == "claim"][-1][0]
        if state.first[n - 1] != entry or owner != name:
            return f"acknowledges part {n}", None, Broken(
                f"part {n} of {name} is acknowledged, and is not in the sequence as such")
        return f"puts part {n}, acknowledged", after, state

    def part_steps(self, s, name, phase, n):
        entry, there = (name, "part", "x"), s.store[n - 1]
        retried = (name, "part", "xy") if self.planted("other-bytes") and phase == "unsure" else entry
        if phase == "both":  # planted: one put at n has no answer, and the next number is used
            if n + 1 <= self.numbers and s.store[n] is None and (n < len(s.first) or s.store[n - 1] is not None):
                yield self.acknowledged(s, name, n + 1, Host("ended"), self.created(s, n + 1, entry), entry)
            return
        if there is None:
            after = self.created(s, n, retried)
            yield self.acknowledged(s, name, n, Host("owns", n + 1), after, retried)
            yield f"puts part {n}, which is there, and gets no answer", Host("unsure", n), after
            unsure = Host("both" if self.planted("two-in-flight") else "unsure", n)
            yield f"puts part {n} and gets no answer", unsure, s._replace(late=s.late | {(n, retried)})
        elif phase == "unsure" and there == retried and not self.planted("exists-is-other") or (
                phase == "unsure" and self.planted("exists-is-own")):
            name_of, after, state = self.acknowledged(s, name, n, Host("owns", n + 1), s, entry)
            yield f"reads back its own part {n}" if after else name_of, after, state
        elif phase == "unsure" and s.floor > n and not self.planted("refused-unlooked"):
            yield f"finds another entry at {n} behind the floor: unknown", Host("ended"), s
        elif s.first[n - 1][0] == name and s.first[n - 1][1] == "part":
            yield f"says part {n} is refused", None, Broken(f"part {n} of {name} was refused, and is in the sequence")
        else:
            yield f"finds another entry at {n}: refused, fenced", Host("ended"), s
        if self.planted("forgotten-put") and phase == "unsure":
            yield f"forgets its put at {n}", Host("owns", n), s

    def sweeper_steps(self, s):
        for floor in range(s.floor + 1, len(s.first) + 1):
            if s.store[floor - 1] is not None:
                yield f"the floor is raised to {floor}", s._replace(floor=floor)
        behind = len(s.first) if self.planted("deleted-before-floor") else s.floor
        for number in range(1, behind):
            entry = s.store[number - 1]
            if entry and (entry[1] != "claim" or self.planted("claims-deleted")):
                yield f"{number} is deleted", s._replace(store=put_at(s.store, number - 1, None))


MODEL = Fence
