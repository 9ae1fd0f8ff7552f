"""The first openings of a place: plain and sealed openers, each killed anywhere, and what a store
forgets later.

Objects: `keys` (sealed only), the catalog, entry 1, what is acknowledged. All are created if
absent; the catalog goes before entry 1 and says whose the repository is. Behind its claim an opener
looks: it reads keys and catalog again and writes the catalog's revision 2, by version; only then
does it acknowledge.
"""

# Rule P18.

from typing import NamedTuple

import explore
from explore import Broken

OPENERS = ("P", "Q", "S", "T")  # two plain ones, and two that are sealed with keys of their own


class State(NamedTuple):
    keys: str  # whose; "": none
    catalog: tuple  # (who created it, revision); (): none
    entry: str  # the lineage of entry 1; "": none
    data: bool  # whether something lies under data/
    openers: tuple  # (phase, the lineage that it opens); start | catalog | claim | look | open | refused
    acknowledged: str  # the lineage under which something was acknowledged
    harmed: bool  # whether the store has lost something


def kind(who):
    return "plain" if who in "PQ" else who


class Creation(explore.Model):
    ERRORS = {
        "plain-heeds-keys": "a plain opener refuses wherever keys are, though the catalog says plain",
        "catalog-unread": "an opener that finds a catalog does not compare it with what it is itself",
        "own-lineage": "an opener that finds a catalog keeps its own lineage for entry 1",
        "claim-first": "entry 1 is put before the catalog",
        "one-list": "what makes a creation unfinished is one listing of data/; no revision 2 is written",
        "unlisted": "a catalog at revision 1 without entries is an unfinished creation, whatever lies under data/",
        "revision-afterwards": "revision 2 is written after the first acknowledgement",
        "any-revision": "a catalog of any revision without entries is an unfinished creation",
        "lost-catalog": "a place with entries and no catalog gets a new catalog",
        "keys-unlooked": "the look behind the first claim does not read the keys again",
    }
    UNNEEDED = {"keys-beside-catalog": "keys are put only where there is no catalog"}
    HAPPENS = ("kDataLoss", "unfinished", "discards", "loses", "S acknowledges", "P acknowledges", "writes revision 2")

    def begins(self):
        yield State("", (), "", False, (("start", ""),) * len(OPENERS), "", False)

    def steps(self, s):
        for i, who in enumerate(OPENERS):
            phase, lineage = s.openers[i]
            for name, state, after in self.opener_steps(s, who, phase, lineage):
                yield f"{who} {name}", state if isinstance(state, Broken) else state._replace(
                    openers=s.openers[:i] + (after,) + s.openers[i + 1:])
            if phase not in ("start",):
                yield f"{who} is killed or ends", s._replace(openers=s.openers[:i] + (("start", ""),) + s.openers[i + 1:])
        if s.keys and not s.catalog and not s.entry:
            yield "the operator discards the keys", s._replace(keys="")
        if not s.harmed and s.acknowledged and all(phase in ("start", "refused", "open") for phase, _ in s.openers):
            yield "the store loses its entries", s._replace(entry="", harmed=True)
            yield "the store loses its catalog", s._replace(catalog=(), harmed=True)
            if s.data:
                yield "the store loses its entries, and an older catalog is put back", s._replace(
                    entry="", catalog=(s.catalog[0], 1) if s.catalog else (), harmed=True)

    def opener_steps(self, s, who, phase, lineage):
        if phase == "start":
            yield from self.start(s, who)
        elif phase == "catalog":
            if s.entry and not s.catalog and not self.planted("lost-catalog") and not self.planted("claim-first"):
                yield "finds entries without a catalog: kDataLoss", s, ("refused", "")
            elif not s.catalog:
                yield "puts the catalog", s._replace(catalog=(who, 1)), ("claim", who)
            elif kind(s.catalog[0]) != kind(who) and not self.planted("catalog-unread"):
                yield f"finds the catalog of {s.catalog[0]} and refuses", s, ("refused", "")
            elif not s.entry and s.catalog[1] > 1 and not self.planted("any-revision"):
                yield "finds a catalog in use without entries: kDataLoss", s, ("refused", "")
            elif not s.entry and s.data and not self.planted("unlisted"):
                yield "finds data without entries: kDataLoss", s, ("refused", "")
            elif not s.entry:
                own = who if self.planted("own-lineage") else s.catalog[0]
                yield "finds an unfinished creation and goes on", s, ("claim", own)
            else:
                yield "finds a repository", s, ("claim", s.catalog[0])
        elif phase == "claim":
            if not s.entry:
                yield "claims as entry 1", s._replace(entry=lineage), ("look", lineage)
            else:
                yield "claims behind entry 1", s, ("look", s.entry if self.planted("claim-first") else lineage)
        elif phase == "look":
            yield from self.look(s, who, lineage)
        elif phase == "open":
            if s.harmed:
                return
            if s.acknowledged not in ("", lineage):
                yield "acknowledges", Broken(f"{s.acknowledged} and {lineage} are both acknowledged here"), None
            after = s._replace(acknowledged=lineage)
            if self.planted("revision-afterwards") and s.catalog:
                yield "writes revision 2", s._replace(catalog=(s.catalog[0], 2)), ("open", lineage)
            yield "acknowledges a part", after, ("open", lineage)
            yield "acknowledges a part, and puts a piece of the log", after._replace(data=True), ("open", lineage)

    def start(self, s, who):
        if self.planted("claim-first") and not s.entry and not s.catalog:
            yield "claims as entry 1", s._replace(entry=who), ("catalog", who)
        elif kind(who) == "plain":
            if s.keys and (not s.catalog or self.planted("plain-heeds-keys")):
                yield "finds keys and refuses", s, ("refused", "")
            else:
                yield "finds no keys that count", s, ("catalog", "")
        elif not s.keys and (not s.catalog or self.planted("keys-beside-catalog")):
            yield "puts keys", s._replace(keys=who), ("catalog", "")
        elif s.keys == who or not s.keys:
            yield "finds its keys, or a catalog without any", s, ("catalog", "")
        else:
            yield "cannot open the keys and refuses", s, ("refused", "")

    def look(self, s, who, lineage):
        if not s.catalog:
            yield "looks, finds no catalog: kDataLoss", s, ("refused", "")
        elif kind(who) != "plain" and s.keys != who and not self.planted("keys-unlooked"):
            yield "looks, finds no keys of its own, and refuses", s, ("refused", "")
        elif self.planted("one-list") or self.planted("revision-afterwards") or s.catalog[1] > 1:
            yield "looks and opens", s, ("open", lineage)
        elif s.entry:
            yield "looks, writes revision 2 and opens", s._replace(catalog=(s.catalog[0], 2)), ("open", lineage)

    def broken(self, s):
        if s.harmed:
            for who, (phase, _) in zip(OPENERS, s.openers):
                if phase in ("claim", "look"):
                    return f"a repository that has lost its entries or its catalog is taken for a good one by {who}"
            return None
        if s.entry and s.catalog and s.entry != s.catalog[0]:
            return f"the catalog is of {s.catalog[0]}, and entry 1 of {s.entry}"
        if s.acknowledged and s.catalog:
            owner = s.catalog[0]
            openable = s.keys == owner if kind(owner) != "plain" else not (s.keys and self.planted("plain-heeds-keys"))
            if not openable or kind(owner) != kind(s.acknowledged):
                return f"what {s.acknowledged} acknowledged can be opened by nobody"
        return None


MODEL = Creation
