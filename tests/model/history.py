"""History: what is summed up over a log, so that two logs are the same up to an Lsn exactly if
their sums are.

A log and its clone take records, cut them into groups as they like, and copy their tail under a new
epoch when they are recovered. At every Lsn that both have, the sums agree exactly if the records
do; and from the sum at the end one gets back to every earlier one by subtraction.
"""

# Rule P14.

import functools
import hashlib
from typing import NamedTuple

import explore


class Record(NamedTuple):
    lsn: int
    time: int
    flags: int
    component: str
    schema: str
    payload: str
    epoch: int  # of the segment that it lies in


# What a caller may append: pairs that differ in a single thing, and two whose names say the same when run together.
KINDS = ((1, 0, "a", "bc", "x"), (1, 0, "ab", "c", "x"), (1, 1, "a", "bc", "x"), (2, 0, "a", "bc", "x"),
         (1, 0, "a", "bc", "y"))


@functools.lru_cache(maxsize=None)
def hashed(data):
    return int.from_bytes(hashlib.blake2b(data.encode(), digest_size=16).digest(), "little")


def records(log):
    return [record for group in log for record in group]


class History(explore.Model):
    ERRORS = {
        "without-lsn": "the Lsn is not hashed",
        "without-time": "the time is not hashed",
        "without-flags": "kind and flags are not hashed",
        "without-payload": "the payload is not hashed",
        "without-lengths": "names are hashed without their lengths",
        "time-of-group": "the time is hashed as it is stored, from the first record of the group on",
        "group-hashed": "whole groups are hashed instead of records",
        "epoch-hashed": "the epoch of the segment is hashed, too",
        "chained": "each record is hashed with the sum before it, instead of added",
        "last-record": "the history is that of the newest record alone",
        "by-numbers": "two logs are taken for the same up to where both have an Lsn of the same epoch",
    }
    HAPPENS = ("new group", "same group", "recovered", "cloned")
    BOUNDS = {"records": 2}
    LONG = {"records": 3}

    def begins(self):
        yield ((), None)

    def steps(self, state):
        log, clone = state
        if clone is None:
            yield "the log is cloned", (log, log)
        for i, which in enumerate(("log", "clone")):
            if state[i] is None or (i == 0 and clone is not None and len(records(clone)) > len(records(log))):
                continue
            for name, after in self.appended(state[i]):
                yield f"the {which} {name}", (after, clone) if i == 0 else (log, after)

    def appended(self, log):
        every = records(log)
        epoch = every[-1].epoch if every else 1
        if len(every) < self.records:
            for time, *rest in KINDS:
                time = max(time, every[-1].time if every else 0)
                record = Record(len(every) + 1, time, *rest, epoch)
                yield f"takes {record.lsn} in a new group", log + ((record,),)
                if log:
                    yield f"takes {record.lsn} in the same group", log[:-1] + (log[-1] + (record,),)
        if log and epoch == 1:
            yield "is recovered, its last group is copied", log[:-1] + (tuple(r._replace(epoch=2) for r in log[-1]),)

    def of(self, record, group):
        lsn, time, flags, component, schema, payload, epoch = record
        names = f"{len(component)}{component}{len(schema)}{schema}"
        if self.planted("without-lengths"):
            names = component + schema
        time -= group[0].time if self.planted("time-of-group") else 0
        parts = {"without-lsn": lsn, "without-time": time, "without-flags": flags, "without-payload": payload}
        kept = [str(value) for name, value in parts.items() if self.error != name]
        return hashed("/".join([names, *kept, *([str(epoch)] if self.planted("epoch-hashed") else [])]))

    def sums(self, log):
        """The history at 0, 1, 2, …"""
        total, sums = 0, [0]
        for group in log:
            for record in group:
                if self.planted("chained"):
                    total = hashed(f"{total}/{self.of(record, group)}")
                elif self.planted("last-record"):
                    total = self.of(record, group)
                elif self.planted("group-hashed"):
                    total += hashed(f"{group.index(record)}/{self.of(record, group)}")
                elif self.planted("by-numbers"):
                    total += record.epoch
                else:
                    total += self.of(record, group)
                sums.append(total % 2**128)
        return sums

    def broken(self, state):
        log, clone = state
        sums, flat = self.sums(log), records(log)
        back = sums[-1]
        for group in reversed(log):
            for record in reversed(group):
                back = (back - self.of(record, group)) % 2**128
                if self.error in (None, "chained") and back != sums[record.lsn - 1]:
                    return f"nothing leads back from {record.lsn} to {record.lsn - 1}"
        if clone is not None:
            others, other_sums = records(clone), self.sums(clone)
            for x in range(1, min(len(flat), len(others)) + 1):
                same = [r[:-1] for r in flat[:x]] == [r[:-1] for r in others[:x]]
                if same != (sums[x] == other_sums[x]):
                    said = "the same, and look different" if same else "different, and look the same"
                    return f"up to {x} the logs are {said}"
        return None


MODEL = History
