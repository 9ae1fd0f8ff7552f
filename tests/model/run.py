#!/usr/bin/env python3
"""Explores the models of the repository's rules: with the true rules, and with each planted error.

usage: run.py [MODEL…] [--list] [--json] [--long] [--schedule]

Ends with 1 if a promise breaks under the true rules, or if a planted error breaks none.
"""

import argparse
import importlib
import json
import pathlib
import sys

import explore

HERE = pathlib.Path(__file__).resolve().parent
STATES_MAX, STATES_MAX_LONG = 400_000, 1_500_000  # of the longest, 2 GB


def model_names():
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("explore", "run"))


def model_class(name):
    return importlib.import_module(name).MODEL


def variants(model):
    yield None, "the true rules", False
    for name, what in model.ERRORS.items():
        yield name, what, True
    for name, what in model.UNNEEDED.items():
        yield name, what, False


def run_variant(name, error, must_break, long):
    """A row for one variant; row['ok'] says whether it came out as it must."""
    model = model_class(name)(error, long)
    found = explore.explore(model, STATES_MAX_LONG if long else STATES_MAX)
    # A planted error has small schedules; the true rules must hold in all states that the bounds leave.
    ok = bool(found.broken) if must_break else not found.broken and not found.unreached and (long or not found.cut)
    return {"model": name, "variant": error or "true", "must_break": must_break, "ok": ok, "states": found.states,
            "seconds": round(found.seconds, 2), "cut": found.cut, "broken": found.broken and str(found.broken),
            "schedule": found.schedule, "unreached": found.unreached}


def line(row, what):
    if row["broken"]:
        said = f"breaks after {len(row['schedule'])} steps: {row['broken']}"
    elif row["unreached"]:
        said = f"holds, and never reaches: {', '.join(row['unreached'])}"
    else:
        said = "holds in all states searched before the limit" if row["cut"] else "holds in all states"
    return (f"{'ok ' if row['ok'] else 'BAD'} {row['model']}/{row['variant']} ({what}): {row['states']} states,"
            f" {row['seconds']:.2f} s, {said}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--list", action="store_true", help="print the models and their planted errors, and end")
    parser.add_argument("--json", action="store_true", help="print one object for each run instead of a line")
    parser.add_argument("--long", action="store_true", help="larger bounds, for minutes instead of seconds")
    parser.add_argument("--schedule", action="store_true", help="print the schedule of what planted errors break, too")
    arguments = parser.parse_args()
    unknown = set(arguments.models) - set(model_names())
    if unknown:
        parser.error(f"no model is called {', '.join(sorted(unknown))}; --list prints them")

    bad = 0
    for name in arguments.models or model_names():
        for error, what, must_break in variants(model_class(name)):
            if arguments.list:
                print(f"{name}/{error or 'true'}: {what}")
                continue
            row = run_variant(name, error, must_break, arguments.long)
            bad += not row["ok"]
            print(json.dumps(row) if arguments.json else line(row, what), flush=True)
            if not arguments.json and row["schedule"] and (arguments.schedule or not row["ok"]):
                print("".join(f"      {step}\n" for step in row["schedule"]), end="")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
