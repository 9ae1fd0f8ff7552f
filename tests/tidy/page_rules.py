"""Keeps pages and code in step: labels such as A4 are defined and tested, and drawn flows exist.

A label is the short name of a rule (P7), a fault (A4), a case (K70) or a requirement (S0-8). It is defined by a heading
or by the first cell of a row in one of four pages, and used in comments, in names of tests and on pages.
"""

import re

LABEL = r"(?:[A-HKOP]\d{1,2}|S[0-4]-\d{1,2})"
# Not within a word, a number, a path, a flag (-O2), an escape (%G0) or an entity.
USE = re.compile(rf"(?<![\w.%#&/\\+~-])({LABEL})(?:-({LABEL}))?(?![\w%])")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
# In a string only what stands as in a test's name counts, `A4: …`, `A4, A5: …` or `… (K70 K71)`; the rest is data.
IN_STRING = re.compile(rf"(?<![\w-]){LABEL}(?!\d)(?!(?:[-, ]+(?:and )?{LABEL})*[:)\]])")
DEFINITION = re.compile(rf"(?:### |\| *)({LABEL}(?:, {LABEL})*)(?:\.| *\|)")
RULES, FAULTS, CASES, WISHES = "docs/protocols.md", "docs/faults.md", "docs/cases.md", "docs/requirements.md"
USED_IN = ["include", "src", "adapters", "examples", "bench", "tools", "tests", "scripts", "cmake", "docs"]
TEXT = {".h", ".cc", ".py", ".txt", ".cmake", ".md", ".patch", ".proto", ""}
OWN_TEST = "tests/tidy/check_test.py"  # its labels are made up
PATH = re.compile(r"`((?:[\w.-]+/)+(?:[\w.-]+\.\w+)?)`")
FLOW = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:h|cc)):(\w+)`")


def text_files(root):
    for path in sorted(root.glob("*.md")):
        yield path
    for folder in USED_IN:
        for path in sorted((root / folder).rglob("*")):
            hidden = any(part in ("__pycache__", "golden", "corpus") for part in path.parts)
            if path.is_file() and path.suffix in TEXT and not hidden:
                yield path


def plain(label):
    """K01 is K1: names of files are padded so that they sort."""
    return re.sub(r"(?<=[A-Z])0+(?=\d)", "", label)


def labels_in(text):
    for first, last in USE.findall(text):
        yield plain(first)
        if last and last[0] == first[0] and "-" not in last:
            for number in range(int(first[1:]) + 1, int(last[1:]) + 1):
                yield f"{first[0]}{number}"


def prose(path, line):
    """What of a line is written for people: all of a page, comments and strings of code."""
    if path.suffix in (".md", ""):
        return line
    if path.suffix == ".patch":
        return line if re.match(r"(Bug|Test): ", line) else ""
    mark = "//" if path.suffix in (".h", ".cc", ".proto") else "#"
    strings = [IN_STRING.sub(" ", text) for text in STRING.findall(line)]
    return " ; ".join([*strings, STRING.sub("", line).partition(mark)[2]])


def labels_of_file(path):
    """Each label in a file with the number of its line."""
    fenced = False
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if path.suffix == ".md" and line.startswith("```"):
            fenced = not fenced
        if not fenced:
            for label in labels_in(prose(path, line)):
                yield number, label


def name_label(path):
    """The label that a planted bug's file begins with."""
    match = re.match(rf"({LABEL})-", path.name)
    return plain(match.group(1)) if match and path.suffix == ".patch" else None


def definitions(root, page):
    """Yields (number of the line, labels, text of the row or section, whether it is built)."""
    if not (root / page).exists():
        return
    lines = (root / page).read_text().splitlines()
    unbuilt = False
    for number, line in enumerate(lines, 1):
        if line.startswith("## "):
            unbuilt = False
        if "Not built yet" in line and not line.startswith("|"):
            unbuilt = True
        match = DEFINITION.match(line)
        if not match:
            continue
        text = line
        if line.startswith("#"):
            rest = "\n".join(lines[number:])
            text = re.split(r"^##", rest, maxsplit=1, flags=re.MULTILINE)[0]
        yield number, match.group(1).split(", "), text, not unbuilt


def check_labels(root):
    defined = {label for page in (RULES, FAULTS, CASES, WISHES)
               for _, labels, _, _ in definitions(root, page) for label in labels}
    for path in text_files(root):
        relative = path.relative_to(root)
        if str(relative) == OWN_TEST:
            continue
        own = name_label(path)
        for number, label in [*([(0, own)] if own else []), *labels_of_file(path)]:
            if label not in defined:
                yield f"{relative}:{number}: {label} is defined on none of the pages {RULES}, {FAULTS}, {CASES}, {WISHES}"


def holds(root, name, label):
    place = root / name
    inside = [path for path in place.rglob("*") if path.is_file() and path.suffix in TEXT] if place.is_dir() else [place]
    return any(name_label(path) == label or any(found == label for _, found in labels_of_file(path)) for path in inside)


def check_rows(root):
    # A rule or fault names the files of its tests, and each of those names the rule or fault.
    for page in (RULES, FAULTS):
        for number, labels, text, built in definitions(root, page):
            other = re.compile(rf"\b({LABEL}) in (`[^`]+`)")  # about another label, which check_pages looks at
            paths = PATH.findall(other.sub("", text))
            if built and not paths:
                yield f"{page}:{number}: {labels[0]} names no test, and is not among what is not built yet"
            for name in paths:
                if not (root / name).exists():
                    yield f"{page}:{number}: {labels[0]} names {name}, which is not there"
                    continue
                for label in labels:
                    if not holds(root, name, label):
                        yield f"{page}:{number}: {label} is not in {name}"
    tested = {label for folder in ("tests", "adapters") for path in (root / folder).rglob("*")
              if path.is_file() and path.suffix in TEXT and path.suffix != ".md" and str(path.relative_to(root)) != OWN_TEST
              for _, label in labels_of_file(path)}
    for number, labels, _, built in definitions(root, CASES):
        for label in labels:
            if built and label not in tested:
                yield f"{CASES}:{number}: {label} is in no test"


def check_flows(root):
    page = "src/ARCHITECTURE.md"
    if not (root / page).exists():
        return
    for number, line in enumerate((root / page).read_text().splitlines(), 1):
        for name, function in FLOW.findall(line):
            if not (root / name).is_file():
                yield f"{page}:{number}: names {name}, which is not there"
            elif not re.search(rf"\b{function}\(", (root / name).read_text()):
                yield f"{page}:{number}: {name} has no function {function}"
