#!/usr/bin/env python3
"""Compares the packages that README.md names with those whose headers a build included.

usage: included_packages.py BUILD PACKAGES ADAPTER_PACKAGES (files with a name in each line)
"""

import pathlib
import re
import subprocess
import sys

TOOLS = {"g++", "cmake", "ninja-build", "pkg-config"}  # used, and not by an #include


def output(*command, cwd=None):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout


def with_all_they_bring(packages):
    found, ahead = set(), list(packages)
    while ahead:
        package = ahead.pop()
        if package in found:
            continue
        found.add(package)
        asked = subprocess.run(["dpkg-query", "-W", "-f", "${Depends},${Pre-Depends}", package], capture_output=True, text=True)
        ahead += [name for entry in asked.stdout.replace("|", ",").split(",")
                  if (name := re.sub(r"[:(\s].*", "", entry.strip()))]
    return found


def main():
    build = pathlib.Path(sys.argv[1])
    core, adapters = ({line for line in pathlib.Path(path).read_text().split()} for path in sys.argv[2:4])
    headers = {str((build / line.strip()).resolve()) for line in output("ninja", "-t", "deps", cwd=build).splitlines()
               if line.startswith(" ")}
    system = sorted(h for h in headers if h.startswith("/usr/") and not h.startswith("/usr/local/"))
    owners = {}
    for start in range(0, len(system), 500):
        listed = subprocess.run(["dpkg", "-S", *system[start:start + 500]], capture_output=True, text=True).stdout
        for line in listed.splitlines():
            for package in line.split(": ")[0].split(", "):
                owners.setdefault(package.split(":")[0], line.split(": ")[1])
    assert owners, "no header of the system was included"
    wrong = [f"{owners[package]} of {package} is included, which README.md does not name"
             for package in sorted(set(owners) - with_all_they_bring(core | adapters))]
    wrong += [f"README.md names {package}, of which nothing is included"
              for package in sorted((core | adapters) - set(owners) - TOOLS)]
    wrong += [f"README.md names {package} for an adapter, and the core has it" for package in sorted(core & adapters)]
    print("\n".join(wrong) or f"{len(system)} headers, all of the packages that README.md names")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
