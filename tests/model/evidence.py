"""What an entry records as durable, so that a restore neither believes a cut log nor calls a whole
one damaged.

A host commits, syncs and ships with a lag; a copier copies into a second repository with a lag of
its own. An object may be cut at the end of a group, where its bytes are still valid. Then the disk
is lost and a repository is restored: what it holds must reach the highest Lsn that any of its
entries records, exactly if nothing was cut.
"""

# Rules P4 and P18.

from typing import NamedTuple

import explore
from explore import Broken


class Entry(NamedTuple):
    kind: str  # claim | part | manifest
    holds: int  # the log up to this Lsn is in the repository with this entry
    durable: int  # what its prefix records


class State(NamedTuple):
    synced: int  # on the host's disk; it ships each Lsn at once or later
    repository: tuple
    copy: tuple
    cut: str  # the repository whose newest log was cut: "", repository, copy


class Evidence(explore.Model):
    ERRORS = {
        "local-in-part": "a part records what was synced on the host's disk when it was put",
        "local-in-claim": "a claim records what was synced on the host's disk",
        "local-in-manifest": "a manifest records what was synced on the host's disk",
        "nothing-in-part": "a part records what was in the repository before it",
        "nothing-in-manifest": "a manifest records what the manifest before it recorded",
        "copier-carries": "a copier puts entries with what its source's newest entry records",
        "copier-records-own-part": "a copier's part records the end of the source's part though it copies less of it",
    }
    HAPPENS = ("part", "manifest", "claim", "the copier", "is cut", "refused", "is restored")
    BOUNDS = {"lsns": 4, "entries": 5}
    LONG = {"lsns": 5, "entries": 6}

    def begins(self):
        claim = (Entry("claim", 0, 0),)
        yield State(0, claim, claim, "")

    def steps(self, s):
        held = s.repository[-1].holds
        if s.synced < self.lsns:
            yield f"the host commits and syncs {s.synced + 1}", s._replace(synced=s.synced + 1)
        if len(s.repository) < self.entries and s.cut != "repository":
            for end in range(held + 1, s.synced + 1):
                durable = s.synced if self.planted("local-in-part") else held if self.planted("nothing-in-part") else end
                part = Entry("part", end, durable)
                yield f"the host puts a part up to {end}", s._replace(repository=s.repository + (part,))
            for kind in ("claim", "manifest"):
                durable = s.synced if self.planted(f"local-in-{kind}") else held
                if kind == "manifest" and self.planted("nothing-in-manifest"):
                    durable = max((e.durable for e in s.repository if e.kind == "manifest"), default=0)
                after = s.repository + (Entry(kind, held, durable),)
                if kind == "manifest":  # its pieces replace the parts, whose entries are pruned
                    after = tuple(e for e in after if e.kind != "part")
                yield f"the host puts a {kind}", s._replace(repository=after)
        copied = s.copy[-1].holds
        if len(s.copy) < self.entries and not s.cut:
            for end in range(copied + 1, held + 1):
                durable = s.repository[-1].durable if self.planted("copier-carries") else end
                if self.planted("copier-records-own-part"):
                    durable = next((e.holds for e in s.repository if e.holds >= end), end)
                yield f"the copier puts a part up to {end}", s._replace(copy=s.copy + (Entry("part", end, durable),))
        for which in ("repository", "copy"):
            entries = getattr(s, which)
            if not s.cut and entries[-1].holds > 0 and entries[-1].kind != "claim":
                yield f"the newest log in the {which} is cut", s._replace(cut=which)
            yield from self.restored(which, entries, s.cut == which)

    def restored(self, which, entries, cut):
        reached = entries[-1].holds - cut
        recorded = max(entry.durable for entry in entries)
        if (reached < recorded) == cut:
            yield f"the {which} is {'refused' if cut else 'restored'}", None
        elif cut:
            yield f"the {which} is restored", Broken(f"the log ends at {reached}, one too early, and nobody notices")
        else:
            yield f"the {which} is refused", Broken(f"a whole log up to {reached} is called damaged: {recorded} is recorded")


MODEL = Evidence
