"""What workers said from which a recovered state must not differ."""

import collections

COMPONENTS = [("left",), ("right",), ("left", "right"), ("right",)]  # of each lane
PENDING_MAX = 8  # operations of one lane that are under way at a time
UNDER_WAY = [1, 1, 1, PENDING_MAX]  # of each lane
NOT_TAKEN = ("8", "9")  # kResourceExhausted, kFailedPrecondition: such an index is never applied


class Lane:
    def __init__(self, pending_max):
        self.pending_max = pending_max
        self.acknowledged = set()
        self.refused = set()  # may have been applied, unless
        self.not_taken = set()
        self.newest = 0  # of which was spoken
        self.outcome = None  # the latest: "ack", or a refusal's kind
        self.in_a_row = 0  # how often, up to now

    def note(self, outcome):
        self.in_a_row = self.in_a_row + 1 if outcome == self.outcome else 1
        self.outcome = outcome

    def lost(self, recovered, may_refuse):
        """How many acknowledged indices are missing. The rest must be a prefix of what was submitted, in order, once.

        Where `may_refuse`, those that were under way at the end may have been refused before that could be said.
        """
        last = recovered[-1] if recovered else 0
        lost = len(self.acknowledged.difference(recovered))
        assert recovered == sorted(set(recovered)), "not in order, once"
        missing = set(range(1, last + 1)).difference(recovered, self.acknowledged, self.refused)
        assert len(missing) < (self.pending_max if may_refuse else 1), f"{last} is there without {missing}"
        assert self.not_taken.isdisjoint(recovered), f"refused and there: {self.not_taken.intersection(recovered)}"
        assert last <= self.newest + self.pending_max, f"{last} was never submitted, {self.newest} perhaps was"
        return lost

    def go_on_from(self, recovered):
        """What was recovered once stays; what was not is submitted anew."""
        self.newest = recovered[-1] if recovered else 0
        self.acknowledged = set(recovered)
        self.refused = set(range(1, self.newest)).difference(recovered)
        self.not_taken.intersection_update(self.refused)


class Promises:
    """Of all workers that one directory had."""

    def __init__(self):
        self.acknowledged = 0
        self.refusals = []
        self._outcomes = collections.Counter()
        self.lost = 0
        self._lanes = [Lane(pending_max) for pending_max in UNDER_WAY]

    def take(self, line):
        what, lane, index, *reason = line.split(" ", 3)
        lane, index = self._lanes[int(lane)], int(index)
        lane.newest = max(lane.newest, index)
        if what == "refused":
            self.refusals.append(reason[0])
            kind = reason[0].split()[1].rstrip(":")
            self._outcomes[kind] += 1
            lane.note(kind)
            lane.refused.add(index)
            if reason[0].startswith(NOT_TAKEN):
                lane.not_taken.add(index)
        else:
            assert what == "ack" and index not in lane.acknowledged, line
            lane.acknowledged.add(index)
            lane.note("ack")
            self.acknowledged += 1

    def in_a_row(self, outcome):
        """How often every lane has said that, and nothing else since."""
        return min(lane.in_a_row if lane.outcome == outcome else 0 for lane in self._lanes)

    def refused(self, outcome):
        return self._outcomes[outcome]

    def compare(self, state, may_refuse=False):
        """`state` is what the worker recovered, as it says it. `may_refuse`: nobody heard its last refusals."""
        recovered = {}
        for line in state:
            _, lane, component, *runs = line.split(" ")
            recovered[int(lane), component] = [i for run in runs for i in indices(run)]
        for number, components in enumerate(COMPONENTS):
            first, *others = [recovered.pop((number, component)) for component in components]
            assert all(first == other for other in others), f"lane {number}: half of a batch"
            self.lost += self._lanes[number].lost(first, may_refuse)
            self._lanes[number].go_on_from(first)
        assert not any(recovered.values()), f"in the wrong component: {recovered}"


def indices(run):
    first, last = map(int, run.split("-"))
    return range(first, last + 1)
