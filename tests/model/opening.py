"""Two directories and one repository: what an opening does with what it finds, by the first line
that fits.

A directory commits, ships, stops, works while the repository is away and trims its log; each
opening may be killed before or behind the put of its claim. The second directory is a new machine
or a clone. The repository and the first disk may each be saved and rolled back once. An operation
is its number; a history is a tuple of operations, so that two histories agree up to an Lsn exactly
if their tuples do.
"""

# Rules P14 and P17.

from typing import NamedTuple

import explore
from explore import Broken


ROLLED_BACK = "rolled back"  # in place of what was saved: once is enough


class Claim(NamedTuple):
    salt: int
    owner: str
    position: int


class Repository(NamedTuple):
    claims: tuple = ()
    history: tuple = ()
    based: bool = False  # whether a manifest is there


class Directory(NamedTuple):
    history: tuple = ()
    trimmed: int = 0  # the log begins behind this Lsn
    mode: str = "off"  # off | owns | away
    confirmed: int = 0  # the salt of its last claim that it knows to be there
    tried: frozenset = frozenset()  # salts that it wrote down before it put a claim with them
    restored: tuple | None = None  # (salt of the newest claim, history) of what it was restored from
    sent: int = 0  # Lsn up to which parts are confirmed
    flight: int = 0  # Lsn of the end of a part without an answer
    marks: frozenset = frozenset([0])  # Lsns whose history is known though the log behind them is gone


class State(NamedTuple):
    repository: Repository
    directories: tuple  # the second is None until it comes
    operation: int = 1  # the next one's number
    salt: int = 1
    strange: bool = False  # something was cloned or rolled back
    saved_disk: Directory | str | None = None
    saved_repository: Repository | str | None = None


def prefix(shorter, longer):
    return longer[:len(shorter)] == shorter


class Opening(explore.Model):
    ERRORS = {
        "origin-unasked": "only a confirmed claim is looked for, not the entry that the directory was restored from",
        "restored-is-empty": "a directory that was restored and never confirmed counts as empty after commits, too",
        "salt-unwritten": "the salt of a claim is not written down before its put",
        "mark-unwritten": "the log is trimmed behind a gap, and the history where it ended is not written down",
        "mark-without-flight": "what is written down leaves out the part without an answer",
        "ends-in-memory": "where parts ended is known only to the host that put them, until it trims",
        "live-restored": "at first contact a running host does what Open would do",
        "by-numbers": "of two histories the shorter one is taken for a prefix of the longer",
        "any-claim-is-ours": "a repository is ours if a claim of ours is anywhere in it",
        "rollback-last": "a claim of ours that is gone is looked for only when nothing else fits",
        "nothing-aside": "a rejoin of a parted directory restores and puts nothing aside",
        "claims-are-nothing": "a repository of claims without a manifest is taken for a new one",
        "unknown-is-prefix": "a history that is not known any more counts as a prefix",
    }
    HAPPENS = ("line 3", "line 5 claims", "line 6 restores", "line 7 claims", "line 7 refuses", "line 8 restores",
               "line 8 refuses", "line 9 refuses", "puts aside", "its base never came", "fenced", "trims")
    BOUNDS = {"operations": 2, "salts": 2, "repository_rolls": True, "disk_rolls": False}
    LONG = {"salts": 3, "disk_rolls": True}

    def begins(self):
        yield State(Repository(), (Directory(), None))
        # A has worked alone behind its claim, and has trimmed its log: two operations with numbers below 1.
        alone = Directory((-1, 0), 2, "away", confirmed=1)
        yield State(Repository((Claim(1, "A", 0),), (), True), (alone, None), salt=2)

    def steps(self, s):
        a, b = s.directories
        r = s.repository
        for i, directory in enumerate(s.directories):
            if directory is not None:
                for name, following in self.directory_steps(s, i, directory, "AB"[i]):
                    yield f"{'AB'[i]} {name}", following
        if b is None and (a.history or r.claims):
            yield "B comes as a new machine", s._replace(directories=(a, Directory()))
            clone = self.stopped(a)
            yield "B comes as a clone of A", s._replace(directories=(a, clone), strange=True)
        if self.repository_rolls and s.saved_repository is None and r.claims:
            yield "the repository is saved", s._replace(saved_repository=r)
        if s.saved_repository not in (None, ROLLED_BACK, r):
            yield "the repository is rolled back", s._replace(
                repository=s.saved_repository, saved_repository=ROLLED_BACK, strange=True)
        if self.disk_rolls and s.saved_disk is None and a.mode == "off" and a.history:
            yield "A's disk is saved", s._replace(saved_disk=a)
        if s.saved_disk not in (None, ROLLED_BACK, a) and a.mode == "off":
            yield "A's disk is rolled back", s._replace(directories=(s.saved_disk, b), saved_disk=ROLLED_BACK, strange=True)

    def directory_steps(self, s, i, d, who):
        def after(directory, **more):
            directories = (directory, s.directories[1]) if i == 0 else (s.directories[0], directory)
            return s._replace(directories=directories, **more)

        r, last = s.repository, len(d.history)
        stopped = self.stopped(d)
        if d.mode == "off":
            if d.history or d.confirmed:
                yield "opens while the repository is away", after(d._replace(mode="away"))
            yield from self.opened(s, d, who, after, rejoin=False)
            yield from self.opened(s, d, who, after, rejoin=True)
            return
        yield "stops", after(stopped)
        if s.operation <= self.operations:
            committed = d._replace(history=d.history + (s.operation,))
            yield f"commits {s.operation}", after(committed, operation=s.operation + 1)
        if d.mode == "away":
            if d.trimmed < last:
                marks = d.marks | {d.sent} | (set() if self.planted("mark-without-flight") else {d.flight})
                marks = d.marks if self.planted("mark-unwritten") else frozenset(marks)
                yield f"trims its log up to {last}, behind a gap", after(d._replace(trimmed=last, marks=marks))
            yield from self.opened(s, d, who, after, rejoin=False)
            return
        if not r.claims or r.claims[-1].salt != d.confirmed or not prefix(d.history[:d.sent], r.history):
            yield "is fenced, or notices a rollback", after(stopped)
            return
        if not prefix(r.history, d.history):
            yield "ships", Broken(f"{who} ships {d.history} behind {r.history}")
            return
        if len(r.history) < last or not r.based:
            gap = d.trimmed > len(r.history) or not r.based
            shipped = d.history if gap else d.history[:len(r.history) + 1]
            there = r._replace(history=shipped, based=True)
            yield "ships", after(d._replace(sent=len(shipped), flight=0), repository=there)
            yield "ships and gets no answer", after(d._replace(mode="away", flight=len(shipped)), repository=there)

    def stopped(self, d):
        return d._replace(mode="off", sent=0, flight=0) if self.planted("ends-in-memory") else d._replace(mode="off")

    def line(self, s, d, running):
        """The number of the line of the opening that decides, and whether the newest claim is ours."""
        r = s.repository
        salts = [claim.salt for claim in r.claims]
        own = {d.confirmed, *d.tried}
        ours = bool(salts) and (salts[-1] in own or (self.planted("any-claim-is-ours") and not own.isdisjoint(salts)))
        gone = bool(d.confirmed) and d.confirmed not in salts
        if d.restored and not d.confirmed and not self.planted("origin-unasked"):
            gone |= d.restored[0] not in salts or not prefix(d.restored[1], r.history)
        fresh = d.restored is not None and not d.confirmed and (
            d.history == d.restored[1] or self.planted("restored-is-empty"))
        shorter = min(len(d.history), len(r.history))
        known = shorter >= d.trimmed or shorter in d.marks or self.planted("unknown-is-prefix")
        its_first, our_first = prefix(r.history, d.history), prefix(d.history, r.history)
        if self.planted("by-numbers") or (self.planted("unknown-is-prefix") and shorter < d.trimmed):
            its_first, our_first = len(r.history) <= len(d.history), len(d.history) <= len(r.history)
        if gone and not self.planted("rollback-last"):
            return 3, ours
        if not r.based:
            return 5, ours
        if (not d.history and not d.confirmed or fresh) and not running:
            return 6, ours
        if known and (its_first or our_first):
            return (7 if its_first else 8), ours
        return (3 if gone else 9), ours

    def opened(self, s, d, who, after, rejoin):
        r, running = s.repository, d.mode == "away"
        line, ours = self.line(s, d, running)
        name = f"opens{' to rejoin' * rejoin}: line {line}" if not running else f"meets the repository: line {line}"
        stopped = after(self.stopped(d))
        newest = r.claims[-1] if r.claims else None
        if line != 3 and d.confirmed and d.confirmed not in [claim.salt for claim in r.claims]:
            yield name, Broken(f"the repository lacks a claim that {who} had, and {who} does not say so")
        elif line == 3:
            yield f"{name}: rollback", stopped
        elif line == 5:
            nothing = newest is None or ours or self.planted("claims-are-nothing") or (
                newest.position == 0 and not d.history)
            if nothing and newest and newest.position > len(d.history) and not s.strange:
                yield name, Broken(
                    f"{who} begins with {d.history}; the claim of {newest.owner} has position {newest.position}")
            elif nothing:
                yield from self.claims(s, d, f"{name} claims", after, d.history, who)
            else:
                yield f"{name} refuses: its base never came", stopped
        elif line == 6:
            if d.restored and d.restored == (newest.salt, r.history):
                yield from self.claims(s, d, f"{name} goes on", after, d.history, who)
            else:
                yield from self.claims(s, d, f"{name} restores", after, r.history, who)
        elif not rejoin and (not ours or line == 9) or (running and line > 7 and not self.planted("live-restored")):
            if not s.strange and s.directories[1] is None:
                yield name, Broken(f"{who} is refused, and nobody else was ever there")
            yield f"{name} refuses: fenced", stopped
        elif newest.owner != who and not rejoin and not s.strange and d.confirmed:
            yield name, Broken(f"{who} takes over from {newest.owner} by itself")
        elif running and line > 7:
            yield name, Broken(f"the state of {who} is replaced while it runs")
        elif line == 7:
            yield from self.claims(s, d, f"{name} claims", after, d.history, who)
        else:
            aside = line == 9 and not self.planted("nothing-aside")
            name = f"{name} {'puts aside, ' if aside else ''}restores"
            yield from self.claims(s, d, name, after, r.history, who, aside)

    def claims(self, s, d, name, after, history, who, aside=False):
        r = s.repository
        if history is not d.history and not aside and not prefix(d.history, history):
            yield name, Broken(f"{who} had {d.history} and now has {history}, and nothing was put aside")
            return
        if not prefix(r.history, history):
            yield name, Broken(f"{who} claims to ship {history} behind {r.history}")
            return
        if s.salt > self.salts:
            return
        if history != d.history:
            d = Directory(history, len(history), restored=(r.claims[-1].salt, history), sent=len(history))
            yield f"{name}, killed before its claim", after(d)
        written = d._replace(tried=d.tried if self.planted("salt-unwritten") else d.tried | {s.salt})
        written = self.stopped(written)
        claimed = r._replace(claims=r.claims + (Claim(s.salt, who, len(history)),))
        yield f"{name}, killed before the put of claim {s.salt}", after(written, salt=s.salt + 1)
        yield f"{name}, claim {s.salt}, killed", after(written, repository=claimed, salt=s.salt + 1)
        confirmed = d._replace(mode="owns", confirmed=s.salt, tried=frozenset(), restored=None,
                               sent=len(r.history), flight=0)
        yield f"{name}, claim {s.salt}", after(confirmed, repository=claimed, salt=s.salt + 1)


MODEL = Opening
