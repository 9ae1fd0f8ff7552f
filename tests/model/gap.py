"""Shipping behind a gap: what a takeover finds when a host had to trim log that the repository did
not have yet.

Operations belong to two components in turn. While the store is away and room is short the host
checkpoints locally and trims its log. Afterwards no part is put, and nothing acknowledged at
kRemote, before a manifest with bases of all components from behind the gap is there. A takeover may
come at any time.
"""

# Rules P8 and P17.

from typing import NamedTuple

import explore


class State(NamedTuple):
    last: int  # the newest operation of the host
    trimmed: int  # its log begins behind this
    away: bool
    bases: tuple  # as_of of the two components in the newest manifest of the repository
    parts: frozenset  # operations that are there as parts or pieces
    tail: int  # the host's own idea of what it has shipped up to
    acknowledged: int  # at kRemote


class Gap(explore.Model):
    ERRORS = {
        "parts-behind-gap": "parts are put behind the gap, and acknowledged, before the manifest is there",
        "acknowledged-first": "what the new bases hold is acknowledged before their manifest is put",
        "one-base": "the manifest behind the gap has a new base of one component only",
        "old-bases": "the manifest behind the gap has the bases of the local checkpoint before the newest",
        "gap-unseen": "a host that is opened again takes the beginning of its log for where its parts ended",
    }
    HAPPENS = ("trims", "new bases", "ships", "opened again")
    BOUNDS = {"operations": 6}
    LONG = {"operations": 12}

    def begins(self):
        yield State(0, 0, False, (0, 0), frozenset(), 0, 0)

    def steps(self, s):
        if s.last < self.operations:
            yield f"the host commits {s.last + 1}", s._replace(last=s.last + 1)
        yield f"the store is {'back' if s.away else 'away'}", s._replace(away=not s.away)
        if s.away and s.trimmed < s.last:
            yield f"the host checkpoints and trims its log up to {s.last}", s._replace(trimmed=s.last)
        if self.planted("gap-unseen") and s.tail < s.trimmed:
            yield "the host is opened again", s._replace(tail=s.trimmed)
        elif self.planted("acknowledged-first") and s.tail < s.trimmed and not s.away:
            yield "the host acknowledges what its new bases hold", s._replace(acknowledged=s.last)
        yield "the host is opened again", s
        if s.away:
            return
        if s.tail < s.trimmed and not self.planted("parts-behind-gap"):
            yield "the host puts a manifest with new bases", self.based(s)
        elif s.tail < s.last:
            first = max(s.tail, s.trimmed) + 1
            yield f"the host ships {first}", s._replace(parts=s.parts | {first}, tail=first, acknowledged=first)
        if s.tail == s.last and s.bases != (s.last, s.last):
            yield "the host puts a manifest", s._replace(bases=(s.last, s.last), parts=frozenset())

    def based(self, s):
        bases = (s.last, s.last)
        if self.planted("one-base"):
            bases = (s.last, s.bases[1])
        if self.planted("old-bases"):
            bases = (max(s.trimmed - 1, 0),) * 2
        return s._replace(bases=bases, parts=frozenset(), tail=s.last, acknowledged=s.last)

    def broken(self, s):
        """A takeover: bases, and the log behind the oldest of them without a gap."""
        reached = min(s.bases)
        while reached + 1 in s.parts:
            reached += 1
        for operation in range(1, s.acknowledged + 1):
            if operation > max(reached, s.bases[operation % 2]):
                return f"operation {operation} was acknowledged at kRemote, and a takeover ends at {reached}"
        return None


MODEL = Gap
