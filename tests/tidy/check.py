#!/usr/bin/env python3
"""Keeps the rules of the house: floors, names, sizes, public headers, and who may call the system.

usage: check.py ROOT [--archive LIBDR_A]

Prints one line per broken rule and ends with 1 if there is any. With an archive, its objects are checked too.
"""

import argparse
import pathlib
import re
import statistics
import subprocess
import sys

import page_rules

# Lower floors never include higher ones. Whatever is not named here has no place in the house yet.
HEADERS = {
    0: "compiler export status status_macros types clock mutex observer printable secret version environment/*",
    1: "digest log/segment log/segment_prefix repository/manifest",
    2: "log/operation_log log/wal adapter/*",
    3: "repository/* state_stream schema_upgrades",
    4: "stateful_component proto_component batch async stream/*",
    5: "checkpoint",
    6: "inspect/* components/*",
    7: "host config signal stored_state",
}
ROOMS = {"base": 0, "format": 1, "log": 2, "store": 2, "directory": 2, "repository": 3, "component": 4, "stream": 4,
         "checkpoint": 5, "components": 6, "inspect": 6, "host": 7}
FLOOR_OF_HEADER = {name: floor for floor, names in HEADERS.items() for name in names.split()}
TESTING_SEES = 3  # src/testing stands beside the house: it sees up to here, and no floor sees it
THIRD_PARTY_FROM = {"google/protobuf/": 4, "zstd": 1, "openssl/": 1, "xxhash": 1, "yaml-cpp/": 7}
ADAPTERS_SEE = "dr/adapter/"  # and floor 0

# The rooms of adapters/<name>/. Those that each adapter has:
ROOMS_OF_ALL = ["CMakeLists.txt", "README.md", "include/dr/adapters/{name}.h", "adapter.cc"]
# What a room is for. The pattern stands in this room and in no other one; an adapter without it has no such room.
ROOMS_FOR = {
    "adapter.cc": (r"^absl::Status Register\w+\([^;{]*\{", "the factory and its registration"),
    "options.cc": (r"\bCheckParameters\((?!\{\}\))", "what a URI says"),
    "store.h": (r"\bpublic (?:dr::)?(?:StateAdapter|ForwardingStore)\b", "the store"),
    "error.cc": (r"^absl::Status ErrorOf\w*\([^;{]*\{", "what the driver's errors mean"),
}
# A room without a pattern that is its own alone.
ROOMS_WITH = {"connection.h": (r"^class \w*Connections?\b", "a connection")}
ROOM_FOR_TESTS = re.compile(r"(\w+_test\.cc|\w+_fixture\.h)")

PUBLIC_THIRD_PARTY = re.compile(r"absl/(status|time|functional)/\w+\.h|absl/base/thread_annotations\.h")
ABOUT = {  # headers that are about a library, or convert to its types
    "status.h": r"absl/strings/string_view\.h",
    "proto_component.h": r"google/protobuf/.*",
    "resolver.h": r"sys/socket\.h",
}

BAD_WORDS = {"util", "utils", "helper", "helpers", "common", "manager", "misc"}
COLUMNS_MAX = 100  # of .clang-format; only it breaks lines
LINES_MAX = {".h": 250, ".cc": 450}
MEDIAN_AIM = 120
CODE = ["include", "src", "adapters", "examples", "bench", "tools"]
NAMED = CODE + ["tests", "cmake", "scripts", "docs"]

# Symbols that only the sources behind FileSystem, Clock and Random may need, all of them in src/base; by base name:
# `open`, `open64`, `__open64_2` and `__read_chk` count as open and read.
SYSTEM_CALLS = {
    "files": (
        r"posix_\w+",
        r"(creat|open|openat|openat2|read|pread|readv|preadv2?|write|pwrite|writev|pwritev2?|copy_file_range|sendfile"
        r"|fsync|fdatasync|sync_file_range|sync|syncfs|fallocate|posix_fallocate|f?truncate|rename|renameat2?|unlink"
        r"|unlinkat|remove|rmdir|mkdir|mkdirat|mkd?s?temps?|link|linkat|symlink|symlinkat|f?stat|l?stat|fstatat|statx"
        r"|f?statfs|f?statvfs|access|faccessat|f?chmod|fchmodat|opendir|fdopendir|readdir|scandir|nftw|flock|lockf"
        r"|fcntl|ioctl|msync|f(d|re)?open|tmpfile|fread|fwrite)|std::filesystem::.*"
        r"|(vtable for )?std::basic_(filebuf|[io]?fstream)<.*"),
    "clock": (
        r"clock",
        r"clock_gettime|gettimeofday|time|absl::(\w+::)?Now\(\)"
        r"|std::chrono::(_V2::)?system_clock::now\(\)"),
    "random": (
        r"random",
        r"getrandom|getentropy|s?random|s?rand|[a-z]rand48|std::random_device::.*|RAND_\w+"),
    "output and exit": (
        r"print_error|assert",
        r"exit|_exit|quick_exit|puts|putchar|v?printf|vf?printf|fprintf|perror|v?syslog|std::c(out|err|log)"),
}


def files(root, folders, suffixes=None):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and (suffixes is None or path.suffix in suffixes) and "__pycache__" not in path.parts:
                yield path


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1), match.group(2)


def floor_of_include(name):
    """The floor that an include by its path from the top belongs to; None for what is not of the house."""
    parts = name.split("/")
    if parts[0] in ("dr", "src") and parts[1] in ("testing", "adapters"):
        return parts[1]
    if parts[0] == "dr":
        header = "/".join(parts[1:]).removesuffix(".h")
        return FLOOR_OF_HEADER.get(header, FLOOR_OF_HEADER.get(f"{parts[1]}/*", "unknown"))
    if parts[0] == "src":
        return ROOMS.get(parts[1], "unknown")
    return None


def place_of_file(path):
    """The floor of a file below include/dr or src, relative to the root."""
    parts = path.parts
    return floor_of_include("/".join(parts[1:] if parts[0] == "include" else parts))


def check_floors(root):
    for path in files(root, ["include", "src"], {".h", ".cc"}):
        relative = path.relative_to(root)
        place = place_of_file(relative)
        if place == "unknown" or place is None:
            yield f"{relative}: has no floor; name it in tests/tidy/check.py"
            continue
        sees = TESTING_SEES if place == "testing" else place
        for number, style, name in includes(path):
            where = f"{relative}:{number}: includes {name}"
            other = floor_of_include(name)
            for prefix, lowest in THIRD_PARTY_FROM.items():
                if other is None and name.startswith(prefix) and sees < lowest:
                    yield f"{where}, which floors below {lowest} do not use"
            if other == place or (other is None and (style == "<" or "/" in name)):
                continue
            if other is None:
                yield f"{where}; include by the path from the top"
            elif not isinstance(other, int):
                yield f"{where}, which no floor may use"
            elif other > sees:
                yield f"{where} of floor {other} from floor {sees}"


def check_adapters(root):
    for path in files(root, ["adapters"], {".h", ".cc"}):
        relative = path.relative_to(root)
        own = relative.parts[1]
        is_test = ROOM_FOR_TESTS.fullmatch(path.name)
        for number, _, name in includes(path):
            where = f"{relative}:{number}: includes {name}"
            foreign = name.startswith("dr/adapters/") and name != f"dr/adapters/{own}.h"
            foreign |= name.startswith("adapters/") and not name.startswith(f"adapters/{own}/")
            floor = floor_of_include(name)
            if name.startswith("src/"):
                yield f"{where}; an adapter is written with public headers, as others' are"
            elif is_test:
                continue
            elif name.startswith("tests/"):
                yield f"{where}; only *_test.cc and *_fixture.h are for tests"
            elif foreign or (isinstance(floor, int) and floor > 0 and not name.startswith(ADAPTERS_SEE)):
                yield f"{where}; an adapter sees floor 0 and {ADAPTERS_SEE}"


def check_adapter_rooms(root):
    for folder in sorted(path for path in root.glob("adapters/*") if path.is_dir()):
        name, where = folder.name, folder.relative_to(root)
        for room in ROOMS_OF_ALL:
            if not (folder / room.format(name=name)).is_file():
                yield f"{where}: lacks {room.format(name=name)}, which each adapter has"
        sources = [path for path in files(root, [where], {".h", ".cc"})
                   if not ROOM_FOR_TESTS.fullmatch(path.name) and "include" not in path.parts]
        for path in sources:
            text, relative = path.read_text(), path.relative_to(root)
            if path.parent != folder:
                yield f"{relative}: an adapter's sources are in one folder"
            for room, (pattern, what) in ROOMS_FOR.items():
                if path.name != room and re.search(pattern, text, re.MULTILINE):
                    yield f"{relative}: {what} belongs to {where}/{room}"
            what = {**ROOMS_FOR, **ROOMS_WITH}.get(path.name)
            if what and not re.search(what[0], text, re.MULTILINE):
                yield f"{relative}: this room is for {what[1]}, which is not in it"
        for path in files(root, [where], {".h", ".cc"}):
            if path.parent == folder and f"{path.stem}_".startswith(f"{name}_"):
                yield f"{path.relative_to(root)}: the folder says '{name}' already; name the room"


def check_tools(root):
    # A tool parses and prints; what it decides is library. So it builds with the shared library too.
    for path in files(root, ["tools"], {".h", ".cc"}):
        for number, _, name in includes(path):
            if name.split("/")[0] in ("src", "adapters", "tests"):
                yield f"{path.relative_to(root)}:{number}: includes {name}; a tool sees public headers only"


def check_names(root):
    for path in files(root, NAMED):
        relative = path.relative_to(root)
        for part in relative.parts:
            for word in BAD_WORDS.intersection(re.split(r"[_.\-]", part.lower())):
                yield f"{relative}: '{word}' is not a name; say what it is"
        if path.suffix not in (".h", ".cc", ".proto"):
            continue
        declaration = re.compile(r"^\s*(?:class|struct|enum|namespace|message|concept)\s([^:{;=]+)")
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = declaration.match(line)
            words = re.findall(r"[A-Z]?[a-z]+", match.group(1)) if match else []
            for word in BAD_WORDS.intersection(word.lower() for word in words):
                yield f"{relative}:{number}: '{word}' is not a name; say what it is"


def check_test_names(root):
    # ctest would make two tests of one whose name holds its list separator.
    for path in files(root, ["tests"], {".cc"}):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.match(r'\s*TEST_CASE\(".*;.*"', line):
                yield f"{path.relative_to(root)}:{number}: a test's name holds no semicolon"


def check_sizes(root):
    for path in files(root, CODE, set(LINES_MAX)):
        lines = len(path.read_text().splitlines())
        if lines > LINES_MAX[path.suffix]:
            yield (f"{path.relative_to(root)}: {lines} lines, at most {LINES_MAX[path.suffix]};"
                   " it holds two things, find the second one's name")


def check_width(root):
    for path in files(root, CODE, set(LINES_MAX)):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if len(line) > COLUMNS_MAX:
                yield f"{path.relative_to(root)}:{number}: {len(line)} columns, at most {COLUMNS_MAX}; run clang-format"


def check_public_headers(root):
    headers = list(files(root, ["include"], {".h"})) + list(root.glob("adapters/*/include/dr/adapters/*.h"))
    for path in headers:
        relative = path.relative_to(root)
        if "#pragma once" not in path.read_text():
            yield f"{relative}: lacks #pragma once"
        for number, _, name in includes(path):
            outside = "/" in name or name.endswith(".h")
            if not outside or name.startswith("dr/") or PUBLIC_THIRD_PARTY.fullmatch(name):
                continue
            if relative.parts[0] == "adapters" and not name.startswith("src/"):
                continue
            if not re.fullmatch(ABOUT.get(path.name, "$"), name):
                yield f"{relative}:{number}: includes {name}, which is not for public headers"


def check_words(root):
    # The standard library inlines both into objects that only wait, so symbols cannot tell; the text can.
    words = [
        (r"\b(steady_clock|high_resolution_clock)\b", "include/dr/mutex.h", "dr::Clock"),
        (r"\bsyscall\(", "src/base/syscalls.h", "dr::FileSystem or src/base/syscalls.h"),
    ]
    for path in files(root, ["include", "src"], {".h", ".cc"}):
        relative = path.relative_to(root)
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for pattern, home, instead in words:
                match = re.search(pattern, line)
                if match and str(relative) != home:
                    yield f"{relative}:{number}: {match.group(0).rstrip('(')} belongs to {home}; use {instead}"


def check_system_room(root):
    # An archive knows its objects by file name only; this keeps the names of those that may call the system in one room.
    for path in files(root, ["src"], {".cc"}):
        room = path.relative_to(root).parts[1]
        if room not in ("base", "testing") and any(re.fullmatch(a, path.stem) for a, _ in SYSTEM_CALLS.values()):
            yield f"{path.relative_to(root)}: only src/base has a file of this name, as it may call the system"


def check_pages(root):
    # Pages outlive what they point at unless somebody looks.
    for path in [*root.glob("*.md"), *files(root, ["docs", "src", "adapters"], {".md"})]:
        relative = path.relative_to(root)
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for link in re.findall(r"\]\(([^)#:]+)\)", line):
                if not (path.parent / link).exists():
                    yield f"{relative}:{number}: links to {link}, which is not there"
            for name in re.findall(r"`((?:\w+/)+\w+\.(?:h|cc|py|md|proto))`", line):
                if not (root / name).exists():
                    yield f"{relative}:{number}: names {name}, which is not there"
            for marks, name in re.findall(rf"\b({page_rules.LABEL}(?:, {page_rules.LABEL})*) in `([^`]+)`", line):
                for mark in marks.split(", "):
                    if (root / name).exists() and not page_rules.holds(root, name, mark):
                        yield f"{relative}:{number}: {mark} is not in {name}"


def base_name(symbol):
    return re.sub(r"^_*(\w+?)(64)?(_2)?(_chk)?$", r"\1", symbol)


def check_archive(archive):
    listing = subprocess.run(["nm", "-A", "-C", "-u", archive], check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        match = re.match(r".*:([^:]+)\.cc\.o:\s+[Uw] (.+)$", line)
        if not match:
            continue
        name, symbol = match.group(1), re.sub(r"(@@?[\w.]+|\[abi:\w+\])", "", match.group(2))
        for what, (allowed, pattern) in SYSTEM_CALLS.items():
            called = re.fullmatch(pattern, symbol) or re.fullmatch(pattern, base_name(symbol))
            if called and not re.fullmatch(allowed, name):
                yield f"{name}.cc: calls {symbol} ({what}); only src/base/{allowed}.cc may"


TREE_CHECKS = [check_floors, check_adapters, check_adapter_rooms, check_tools, check_names, check_test_names, check_sizes,
               check_width, check_public_headers, check_words, check_system_room, check_pages, page_rules.check_labels,
               page_rules.check_rows, page_rules.check_flows]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--archive")
    arguments = parser.parse_args()

    broken = [line for check in TREE_CHECKS for line in check(arguments.root)]
    if arguments.archive:
        broken += check_archive(arguments.archive)
    lengths = [len(path.read_text().splitlines()) for path in files(arguments.root, CODE, set(LINES_MAX))]
    print("\n".join(broken))
    print(f"tidy: {len(lengths)} files, median {statistics.median(lengths):.0f} lines (aim: {MEDIAN_AIM} or fewer),"
          f" longest {max(lengths)}; rules broken: {len(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
