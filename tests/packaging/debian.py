#!/usr/bin/env python3
"""The Debian packages, made by scripts/package, looked at and used.

usage: debian.py build TREE PACKAGES
       debian.py contents|unpacked|installed SOURCE PACKAGES WORK
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

SKIPPED = 77
VERSION, MINOR = "0.1.0", "0.1"
NEEDS = {  # what a shared library has to depend on, beside libdr, whatever else dpkg-shlibdeps finds
    "filesystem": [], "redis": ["libhiredis", "libssl3"], "rocksdb": ["librocksdb"], "postgres": ["libpqxx", "libpq5"],
    "s3": ["libcurl4", "libexpat1", "libssl3"]}
DEVELOPMENT = {
    "filesystem": [], "redis": ["libhiredis-dev", "libssl-dev"], "rocksdb": ["librocksdb-dev"],
    "postgres": ["libpqxx-dev", "libpq-dev"], "s3": ["libcurl4-openssl-dev", "libssl-dev", "libexpat1-dev"]}


def library_package(name):
    """Debian sets a number off from another one."""
    return f"libdr-{name}{'-' if name[-1].isdigit() else ''}{MINOR}"


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def packages_in(folder):
    found = {}
    for path in sorted(folder.glob("*.deb")):
        fields = dict(re.findall(r"^(\S+): (.*)$", run("dpkg-deb", "-f", path), re.M))
        files = {}
        for line in run("dpkg-deb", "-c", path).splitlines():
            mode, owner, _, _, _, name = line.split(None, 5)
            files[name.split(" -> ")[0].lstrip(".")] = (mode, owner)
        found[fields["Package"]] = (path, fields, files)
    return found


def build(tree, packages):
    if shutil.which("dpkg-shlibdeps") is None or shutil.which("file") is None:
        skip("dpkg-dev or file is missing")
    shutil.rmtree(packages, ignore_errors=True)
    print(run("scripts/package", packages, cwd=tree))


def depends_on(fields):
    """Package and condition of each dependency."""
    entries = [entry.strip() for entry in fields.get("Depends", "").split(",") if entry.strip()]
    return {entry.split()[0]: entry.partition("(")[2].rstrip(")") for entry in entries}


def contents(source, packages, work):
    found = packages_in(packages)
    pairs = {library_package(name) for name in NEEDS} | {f"libdr-{name}-dev" for name in NEEDS}
    assert set(found) == {f"libdr{MINOR}", "libdr-dev", "dr-tools", "libdr-adapters-dev"} | pairs, sorted(found)
    arch = run("dpkg-architecture", "-qDEB_HOST_MULTIARCH").strip()
    libraries = f"/usr/lib/{arch}"
    same = f"= {VERSION}"

    def has(package, *names):
        for name in names:
            assert name in found[package][2], f"{package} has no {name}:\n" + "\n".join(sorted(found[package][2]))

    has(f"libdr{MINOR}", f"{libraries}/libdr.so.{MINOR}", f"{libraries}/libdr.so.{VERSION}")
    has("libdr-dev", "/usr/include/dr/host.h", f"{libraries}/libdr.so", f"{libraries}/dr-static/libdr.a",
        f"{libraries}/cmake/dr/dr-config.cmake", f"{libraries}/pkgconfig/dr.pc", f"{libraries}/dr-static/pkgconfig/dr.pc",
        f"{libraries}/dr-static/cmake/dr/dr-config.cmake", "/usr/share/doc/libdr-dev/README.md",
        "/usr/share/doc/libdr-dev/docs/cases.md")
    has("dr-tools", "/usr/bin/drctl")
    has("libdr-adapters-dev", f"{libraries}/libdr_adapters.a", f"{libraries}/dr-static/libdr_adapters.a")
    needed = depends_on(found[f"libdr{MINOR}"][1])
    for other in ("libc6", "libstdc++6", "libfmt9", "libyaml-cpp0.7", "libssl3"):
        assert other in needed, needed
    needed = depends_on(found["libdr-dev"][1])
    assert needed.pop(f"libdr{MINOR}") == same and set(needed) == {"libabsl-dev", "libfmt-dev", "libyaml-cpp-dev", "libssl-dev"}, needed
    assert any(name.startswith("librocksdb") for name in depends_on(found["dr-tools"][1]))
    for name in NEEDS:
        library, development = library_package(name), f"libdr-{name}-dev"
        has(library, f"{libraries}/libdr_{name}.so.{MINOR}")
        has(development, f"{libraries}/libdr_{name}.so", f"{libraries}/dr-static/libdr_{name}.a",
            f"/usr/include/dr/adapters/{name}.h", f"{libraries}/pkgconfig/dr-{name}.pc",
            f"/usr/share/doc/libdr-dev/adapters/{name}/README.md")
        needed = depends_on(found[library][1])
        assert needed[f"libdr{MINOR}"] == same, needed
        for other in NEEDS[name]:
            assert any(package.startswith(other) for package in needed), f"{library} needs {other}, and has {needed}"
        needed = depends_on(found[development][1])
        assert needed[library] == same and needed["libdr-dev"] == same, needed
        assert set(needed) == {library, "libdr-dev", *DEVELOPMENT[name]}, needed

    owner_of = {}
    for package, (path, fields, files) in found.items():
        assert fields["Version"] == VERSION and fields["Maintainer"] and fields["Description"], fields
        has(package, f"/usr/share/doc/{package}/copyright")
        for name, (mode, owner) in files.items():
            assert owner == "root/root", f"{package}: {owner} {name}"
            assert mode[0] == "l" or (mode[7] == "r" and mode[8] != "w"), f"{package}: {mode} {owner} {name}"
            if mode[0] != "d":
                assert owner_of.setdefault(name, package) == package, f"{name} is in {owner_of[name]} and {package}"
        control = run("dpkg-deb", "--ctrl-tarfile", path, errors="replace")
        shared = [name for name in files if name.endswith(f".so.{MINOR}")]
        if shared:
            shlibs = run("dpkg-deb", "-I", path, "shlibs")
            stem = pathlib.PurePath(shared[0]).name.partition(".")[0]
            assert shlibs.startswith(f"{stem} {MINOR} {package} "), shlibs
            assert "ldconfig" in control, f"{package} does not tell the loader"

    root = unpack(found, work)
    for name, package in owner_of.items():
        if name.endswith(f".so.{VERSION}"):
            soname = re.search(r"\[(.*)\]", re.search(r"SONAME.*", run("readelf", "-d", root + name))[0])[1]
            assert f"{os.path.dirname(name)}/{soname}" in owner_of, soname
            assert "RUNPATH" not in run("readelf", "-d", root + name), name
    pages = [page for page in pathlib.Path(root, "usr/share/doc/libdr-dev").rglob("*.md") if "include" not in page.parts]
    assert len(pages) > 10, pages
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page} links to {link}, which is not installed"
    print(f"{len(found)} packages, {len(owner_of)} files, {len(pages)} pages")


def unpack(found, work):
    root = work / "root"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for path, _, _ in found.values():
        run("dpkg-deb", "-x", path, root)
    return str(root)


def use(source, folder, drctl, ways):
    """Builds README's consumer in each way and runs it; then drctl looks at what it left."""
    shutil.rmtree(folder, ignore_errors=True)
    tests = source / "tests/packaging"
    for way, (flags, environment) in ways.items():
        place = folder / way
        place.mkdir(parents=True)
        shutil.copy(tests / "consumer/agent.cc", place)
        (place / "readme.cc").write_text(re.search(r"```cpp\n(.*?)```", (source / "README.md").read_text(), re.S)[1])
        whole = {**os.environ, **environment}
        if "pkg-config" in way:
            for program, module in (("agent", "dr-rocksdb"), ("readme", "dr")):
                words = run("pkg-config", "--cflags", "--libs", module, env=whole).split()
                run("c++", "-std=c++20", f"{program}.cc", "-o", program, *words, cwd=place, env=whole)
            programs = place
        else:
            (place / "CMakeLists.txt").write_text(
                run(tests / "readme_block", source, "Linking", "cmake") +
                "add_executable(readme readme.cc)\ntarget_link_libraries(readme PRIVATE dr::dr)\n")
            run("cmake", "-S", ".", "-B", "build", *flags, cwd=place, env=whole)
            run("cmake", "--build", "build", cwd=place, env=whole)
            programs = place / "build"
        linked = run("ldd", programs / "agent", env=whole)
        assert ("libdr.so" in linked) == ("static" not in way) and "not found" not in linked, f"{way}: {linked}"
        for count in (3, 6):
            said = run(programs / "agent", place / "store", env=whole)
            assert said == f"bolts: {count}\n", f"{way}: {said}"
            said = run(programs / "readme", place / "state", env=whole)
            assert said.startswith(f"{count},"), f"{way}: {said}"
        verified = run(drctl, "wal", "verify", place / "state")
        assert verified, way
        print(f"{way}: {verified.splitlines()[-1]}", flush=True)


def unpacked(source, packages, work):
    root = unpack(packages_in(packages), work)
    arch = run("dpkg-architecture", "-qDEB_HOST_MULTIARCH").strip()
    libraries = f"{root}/usr/lib/{arch}"
    at_run_time = {"LD_LIBRARY_PATH": libraries}
    use(source, work / "unpacked", f"{root}/usr/bin/drctl", {
        "cmake": ([f"-DCMAKE_PREFIX_PATH={root}/usr"], at_run_time),
        "cmake-static": ([f"-Ddr_DIR={libraries}/dr-static/cmake/dr"], {}),
        "pkg-config": ([], {"PKG_CONFIG_PATH": f"{libraries}/pkgconfig", **at_run_time}),
        "pkg-config-static": ([], {"PKG_CONFIG_PATH": f"{libraries}/dr-static/pkgconfig"})})


def installed(source, packages, work):
    """On this system, of which an overlay takes all changes; it is gone when the test ends."""
    if os.geteuid() != 0:
        skip("only root can install packages")
    tried = subprocess.run(["unshare", "--mount", "--propagation", "private", sys.executable, "-B", __file__, "overlay",
                            source, packages, work])
    sys.exit(tried.returncode)


def overlay(source, packages, work):
    system = work / "system"
    system.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", system)
    for name in ("upper", "scratch", "root"):
        (system / name).mkdir()
    mounted = subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                              f"lowerdir=/,upperdir={system}/upper,workdir={system}/scratch", system / "root"],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        skip(f"no overlay over this system: {mounted.stderr.strip()}")
    root = system / "root"
    for place in ("/proc", "/dev", source, packages):
        (root / str(place).lstrip("/")).mkdir(parents=True, exist_ok=True)
        run("mount", "--rbind", place, root / str(place).lstrip("/"))
    os.chroot(root)
    os.chdir("/")
    found = packages_in(packages)
    run("dpkg", "-i", *[path for path, _, _ in found.values()])
    assert run("dpkg", "--audit") == ""
    arch = run("dpkg-architecture", "-qDEB_HOST_MULTIARCH").strip()
    static = f"/usr/lib/{arch}/dr-static"
    use(source, pathlib.Path("/tmp/dr_installed"), "drctl", {
        "cmake": ([], {}), "cmake-static": ([f"-Ddr_DIR={static}/cmake/dr"], {}),
        "pkg-config": ([], {}), "pkg-config-static": ([], {"PKG_CONFIG_PATH": f"{static}/pkgconfig"})})
    # Without one of its parts the package says which one.
    run("dpkg", "-r", "libdr-adapters-dev", "libdr-rocksdb-dev")
    again = subprocess.run(["cmake", "-S", "/tmp/dr_installed/cmake", "-B", "/tmp/dr_installed/without"],
                           capture_output=True, text=True)
    said = " ".join(again.stderr.split())
    assert again.returncode != 0 and "on Debian install libdr-rocksdb-dev" in said, said
    run("dpkg", "-P", *[name for name in found if name not in ("libdr-adapters-dev", "libdr-rocksdb-dev")])
    left = [name for _, _, files in found.values() for name, (mode, _) in files.items()
            if mode[0] != "d" and os.path.lexists(name)]
    assert not left and not os.path.exists("/usr/include/dr"), left
    assert shutil.which("drctl") is None


def main():
    case, *paths = sys.argv[1:]
    globals()[case](*[pathlib.Path(path).resolve() for path in paths])


if __name__ == "__main__":
    main()
