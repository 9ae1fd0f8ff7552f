"""Searches all states that a model reaches, breadth first, so that the first broken promise has a
shortest schedule.

A model is a class: where it begins, which steps lead on from a state, and what must hold in each
state. A state is an immutable value that can be hashed. Nothing is random and no time is looked at,
so a run is the same on every machine.
"""

import collections
import time


class Broken(str):
    """What a step leads to when it breaks a promise by itself, such as an acknowledgement that is not true."""


class Model:
    """The rules of one protocol. `error` is one of ERRORS or UNNEEDED, which is then planted; None: the true rules."""

    ERRORS = {}  # name: what is wrong in the variant, which must break a promise
    UNNEEDED = {}  # name: a rule that one might expect, and whose absence must break nothing
    HAPPENS = ()  # parts of steps' names which the true rules must reach, so that no promise holds for want of steps
    BOUNDS = {}  # become attributes
    LONG = {}  # what replaces some of them in a long run

    def __init__(self, error=None, long=False):
        if error is not None and error not in self.ERRORS and error not in self.UNNEEDED:
            raise ValueError(f"no planted error is called {error}")
        self.error = error
        for name, value in {**self.BOUNDS, **(self.LONG if long else {})}.items():
            setattr(self, name, value)

    def planted(self, name):
        assert name in self.ERRORS or name in self.UNNEEDED, name
        return self.error == name

    def begins(self):
        """The states of the beginning."""
        raise NotImplementedError

    def steps(self, state):
        """Yields (name of the step, state or Broken); None for a state: here the story ends, and all is well."""
        raise NotImplementedError

    def broken(self, state):
        """Says which promise does not hold in a state; None if all do."""
        return None


Result = collections.namedtuple("Result", "states seconds broken schedule cut unreached")


def schedule_of(origins, state):
    names = []
    while origins[state] is not None:
        state, name = origins[state]
        names.append(name)
    return names[::-1]


def explore(model, states_max):
    """Ends at the first broken promise, when no state is left, or, cut, when there are more than states_max."""
    begin = time.process_time()
    origins, queue, reached = {}, collections.deque(), set()

    def result(broken=None, schedule=(), cut=False):
        unreached = []
        if broken is None and not cut:
            unreached = [part for part in model.HAPPENS if not any(part in name for name in reached)]
        return Result(len(origins), time.process_time() - begin, broken, list(schedule), cut, unreached)

    for state in model.begins():
        if state not in origins:
            origins[state] = None
            queue.append(state)
            broken = model.broken(state)
            if broken:
                return result(broken)
    while queue:
        state = queue.popleft()
        for name, following in model.steps(state):
            reached.add(name)
            if isinstance(following, Broken):
                return result(following, [*schedule_of(origins, state), name])
            if following is None or following in origins:
                continue
            origins[following] = (state, name)
            broken = model.broken(following)
            if broken:
                return result(broken, schedule_of(origins, following))
            if len(origins) > states_max:
                return result(cut=True)
            queue.append(following)
    return result()
