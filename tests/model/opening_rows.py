"""The nine lines of an opening over every combination of what it can find: one line fits first, and
its answer is right.

What is right is said here once more, without lines: nothing is overwritten or shipped behind
something else, a rollback is named, nobody takes over unasked, and nobody is refused without a
reason.
"""

# Rules P14 and P17.

from itertools import product
from typing import NamedTuple

import explore
from explore import Broken


class Found(NamedTuple):
    repository: str  # away | nothing | claims at 0 | claims | state
    mark: str  # "" | copy_of | half fork
    lineage: str  # same | other, compared with the directory's
    directory: str  # empty | restored | restored, went on | state
    claim: str  # CLAIM: none | confirmed | gone | foreign (of another repository) | origin | origin gone
    ours: bool  # whether the newest claim is
    history: str  # equal | its first | our first | parted | unknown
    rejoin: bool
    running: bool  # first contact of a running host

    def possible(self):
        """Whether the parts fit together."""
        empty, nothing = self.directory == "empty", self.repository in ("away", "nothing")
        restored = self.directory.startswith("restored")
        if nothing and (self.mark, self.lineage, self.ours, self.history) != ("", "same", False, "equal"):
            return False
        if self.mark == "half fork" and self.repository == "state":
            return False
        if restored != self.claim.startswith("origin") and not (restored and self.claim == "foreign"):
            return False
        if empty and (self.claim != "none" or self.running or self.lineage == "other" or self.ours):
            return False
        if empty and self.history != ("our first" if self.repository == "state" else "equal"):
            return False
        if self.claim == "foreign" and self.ours or self.ours and (self.lineage == "other" or self.claim == "gone"):
            return False
        if self.lineage == "other" and self.history not in ("parted", "unknown"):
            return False
        if self.claim == "confirmed" and (self.repository == "nothing" or self.lineage == "other"):
            return False
        if self.claim == "origin" and (self.repository not in ("state", "away") or self.lineage == "other"):
            return False
        if self.directory == "restored" and self.claim == "origin" and self.history not in ("equal", "our first"):
            return False
        return not (self.claim in ("gone", "origin gone") and self.repository == "away")


class OpeningRows(explore.Model):
    ERRORS = {
        "1": "line 1 opens an empty directory while the repository is away",
        "2": "line 2 is left out: a copy, or a fork without a manifest, is opened like any other",
        "3": "line 3 is left out: a confirmed claim that is gone is not looked for",
        "3-origin": "line 3 does not look for the entry that the directory was restored from",
        "3-foreign": "line 3 heeds the CLAIM of another repository",
        "4": "line 4 is left out: state of another lineage is compared by history",
        "5": "line 5 takes claims without a manifest for nothing, whoever made them",
        "6": "line 6 also takes a directory that has gone on since it was restored",
        "6-last": "line 6 comes behind the lines that compare histories",
        "7": "line 7 claims without asking whose the newest claim is",
        "8": "line 8 restores without asking whose the newest claim is",
        "8-first": "line 8 comes before line 7",
        "9": "line 9 is left out",
        "9-unasked": "line 9 puts aside and restores without rejoin",
        "running": "a running host restores at first contact as an opening does",
    }
    HAPPENS = ("line 1", "line 2", "line 3", "line 4", "line 5", "line 6", "line 7", "line 8", "line 9")

    def begins(self):
        for values in product(
                ("away", "nothing", "claims at 0", "claims", "state"), ("", "copy_of", "half fork"), ("same", "other"),
                ("empty", "restored", "restored, went on", "state"),
                ("none", "confirmed", "gone", "foreign", "origin", "origin gone"), (False, True),
                ("equal", "its first", "our first", "parted", "unknown"), (False, True), (False, True)):
            found = Found(*values)
            if found.possible():
                yield found

    def answer(self, f):
        """The line that decides, and what is done: works | refuses | rollback | claims | restores | aside."""
        fresh = f.directory == "empty" or (
            f.directory == "restored" or (f.directory == "restored, went on" and self.planted("6"))) and f.claim != "foreign"
        gone = f.claim == "gone" and not self.planted("3") or f.claim == "origin gone" and not self.planted("3-origin")
        gone |= f.claim == "foreign" and self.planted("3-foreign")
        compares = f.history in ("equal", "its first", "our first")
        if f.repository == "away":
            return 1, "refuses" if f.directory == "empty" and not self.planted("1") else "works"
        if f.mark and not self.planted("2"):
            return 2, "refuses"
        if gone:
            return 3, "rollback"
        if f.lineage == "other" and f.repository != "nothing" and not self.planted("4"):
            return 4, "refuses"
        if f.repository == "nothing" or f.repository.startswith("claims") and (f.ours or self.planted("5")):
            return 5, "claims"
        if f.repository.startswith("claims"):
            return 5, "claims" if f.repository == "claims at 0" and f.directory == "empty" else "refuses"
        if fresh and not f.running and not (self.planted("6-last") and compares):
            return 6, "claims" if f.history == "equal" and f.directory != "empty" else "restores"
        if f.running:
            goes_on = f.ours and f.history in ("equal", "its first")
            if not (self.planted("running") and f.ours and f.history == "our first"):
                return 7 if f.history in ("equal", "its first") else 8 if f.history == "our first" else 9, (
                    "claims" if goes_on else "refuses")
        mine, its = f.history in ("equal", "its first"), f.history in ("equal", "our first")
        if self.planted("8-first") and its:
            mine = False
        if mine:
            return 7, "claims" if f.ours or f.rejoin or self.planted("7") else "refuses"
        if its:
            return 8, "restores" if f.ours or f.rejoin or self.planted("8") else "refuses"
        if self.planted("9"):
            return 0, "nothing"
        return 9, "aside" if f.rejoin or self.planted("9-unasked") else "refuses"

    def steps(self, found):
        line, act = self.answer(found)
        wrong = self.wrong(found, act)
        yield f"line {line} {act}", Broken(f"{wrong}: {', '.join(map(str, found))}") if wrong else None

    def wrong(self, f, act):
        """Which promise the answer breaks."""
        there = f.repository in ("claims", "state")
        fresh = f.directory in ("empty", "restored") and f.claim != "foreign"
        if act == "nothing":
            return "no line fits"
        if f.repository == "away":
            return "" if (act == "works") == (f.directory != "empty") else "begins with nothing because the store is away"
        if f.mark:
            return "" if act == "refuses" else "a copy or half a fork is opened"
        if f.claim in ("gone", "origin gone"):
            return "" if act == "rollback" else "a rollback is not named"
        if act == "rollback":
            return "a rollback is named, and there was none"
        if f.lineage == "other" and f.repository != "nothing" and act != "refuses":
            return "two lineages are mixed"
        if f.running and act in ("restores", "aside"):
            return "the state of a running host is replaced"
        if f.repository == "claims" and act == "claims" and not f.ours:
            return "a repository whose base never came is begun anew"
        if f.repository == "state" and act == "claims" and f.history not in ("equal", "its first"):
            return "ships behind a history that is not its own"
        if act == "restores" and f.history not in ("equal", "our first"):
            return "what the directory has is overwritten, and nothing is put aside"
        if act == "restores" and f.history == "equal" and f.directory != "empty":
            return "what is there already is restored"
        if act == "aside" and not f.rejoin:
            return "puts aside what nobody has given up"
        if there and act in ("claims", "restores") and not (f.ours or fresh or f.rejoin):
            return "takes over from another unasked"
        comparable = f.history in ("equal", "its first") or f.history == "our first" and not f.running
        if act == "refuses" and f.ours and f.lineage == "same" and (comparable or f.repository != "state"):
            return "is refused, though the repository is its own"
        if act == "refuses" and fresh and not f.running and f.repository == "state" and f.lineage == "same":
            return "a cold start is refused"
        return ""


MODEL = OpeningRows
