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

    def lost(self, recovered):
        """How many acknowledged indices are missing. The rest must be a prefix of what was submitted, in order, once."""
        last = recovered[-1] if recovered else 0
        lost = len(self.acknowledged.difference(recovered))
        assert recovered == sorted(set(recovered)), "not in order, once"
        missing = set(range(1, last + 1)).difference(recovered, self.acknowledged, self.refused)
        assert not missing, f"{last} is there without {missing}"
        assert self.not_taken.isdisjoint(recovered), f"refused and there: {self.not_taken.intersection(recovered)}"
        assert last <= self.newest + self.pending_max, f"{last} was never submitted, {self.newest} perhaps was"
        return lost

    def go_on_from(self, recovered):
        """What was recovered once stays; what was not is submitted anew."""
        self.newest = recovered[-1] if recovered else 0
        self.acknowledged = set(recovered)
        self.refused = {i for i in self.refused if i < self.newest}
        self.not_taken.intersection_update(self.refused)


class Promises:
    """Of all workers that one directory had."""

    def __init__(self):
        self.acknowledged = 0
        self.refusals = []
        self._outcomes = collections.Counter()
        self.lost = 0
        self._lanes = [Lane(pending_max) for pending_max in UNDER_WAY]
        self._spoken_since_the_cut = None  # by each lane; None: there was none yet

    def cut(self):
        """What is said from now on is promised to nobody, but a refusal may be of what was under way."""
        self._spoken_since_the_cut = [0] * len(self._lanes)

    def heard_out(self):
        """Whether nothing that was under way at the cut can be left unsaid: outcomes are said in their order."""
        return min(self._spoken_since_the_cut) > PENDING_MAX

    def take(self, line):
        what, lane, index, *reason = line.split(" ", 3)
        number, index = int(lane), int(index)
        lane = self._lanes[number]
        if self._spoken_since_the_cut is not None:
            self._spoken_since_the_cut[number] += 1
            if what == "refused" and index <= lane.newest + lane.pending_max:
                lane.refused.add(index)
            return
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

    def compare(self, state):
        """`state` is what the worker recovered, as it says it."""
        self._spoken_since_the_cut = None
        recovered = {}
        for line in state:
            _, lane, component, *runs = line.split(" ")
            recovered[int(lane), component] = [i for run in runs for i in indices(run)]
        for number, components in enumerate(COMPONENTS):
            first, *others = [recovered.pop((number, component)) for component in components]
            assert all(first == other for other in others), f"lane {number}: half of a batch"
            self.lost += self._lanes[number].lost(first)
            self._lanes[number].go_on_from(first)
        assert not any(recovered.values()), f"in the wrong component: {recovered}"


def indices(run):
    first, last = map(int, run.split("-"))
    return range(first, last + 1)
