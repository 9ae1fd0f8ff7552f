#!/usr/bin/env python3
"""Each rule of check.py is red on a tree that breaks it, and green beside it."""

import pathlib
import subprocess
import tempfile
import unittest

import check
import page_rules


class TidyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def broken(self, rule):
        return "\n".join(rule(self.root))

    def test_an_include_of_a_higher_floor_is_red(self):
        self.write("src/log/wal.cc", '#include "dr/log/wal.h"\n#include "src/base/turn.h"\n')
        self.assertEqual(self.broken(check.check_floors), "")
        self.write("src/log/wal.cc", '#include "dr/log/wal.h"\n#include "dr/host.h"\n')
        self.assertIn("src/log/wal.cc:2: includes dr/host.h of floor 7 from floor 2", self.broken(check.check_floors))

    def test_a_header_without_a_floor_is_red(self):
        self.write("include/dr/gadget.h", "#pragma once\n")
        self.assertIn("include/dr/gadget.h: has no floor", self.broken(check.check_floors))

    def test_a_library_on_a_floor_too_low_is_red(self):
        self.write("src/base/random.cc", "#include <openssl/rand.h>\n")
        self.assertIn("floors below 1 do not use", self.broken(check.check_floors))

    def test_the_house_never_sees_its_testing_parts(self):
        self.write("src/host/host.cc", '#include "dr/testing/sim_file_system.h"\n')
        self.assertIn("which no floor may use", self.broken(check.check_floors))

    def test_testing_parts_see_no_component(self):
        self.write("src/testing/sim/disk.cc", '#include "dr/batch.h"\n')
        self.assertIn("of floor 4 from floor 3", self.broken(check.check_floors))

    def test_an_include_beside_the_file_is_red(self):
        self.write("src/log/wal.cc", '#include "group.h"\n')
        self.assertIn("include by the path from the top", self.broken(check.check_floors))

    def test_an_adapter_that_sees_another_or_the_core_is_red(self):
        self.write("adapters/redis/adapter.cc",
                   '#include "dr/adapter/state_adapter.h"\n#include "dr/environment/uri.h"\n#include "dr/adapters/redis.h"\n')
        self.assertEqual(self.broken(check.check_adapters), "")
        self.write("adapters/redis/pool.cc", '#include "dr/adapters/s3.h"\n#include "dr/repository/repository.h"\n')
        self.assertIn("pool.cc:1: includes dr/adapters/s3.h", self.broken(check.check_adapters))
        self.assertIn("pool.cc:2: includes dr/repository/repository.h", self.broken(check.check_adapters))

    def test_an_adapter_with_what_others_cannot_include_is_red(self):
        for name in ("store_test.cc", "store_fixture.h"):
            self.write(f"adapters/redis/{name}", '#include "dr/host.h"\n#include "tests/support/machine.h"\n')
        self.assertEqual(self.broken(check.check_adapters), "")
        for name in ("store.cc", "store_test.cc", "store_fixture.h"):
            self.write(f"adapters/redis/{name}", '#include "src/base/turn.h"\n')
            self.assertIn(f"{name}:1: includes src/base/turn.h", self.broken(check.check_adapters))
        self.write("adapters/redis/store.cc", '#include "tests/support/machine.h"\n')
        self.assertIn("store.cc:1: includes tests/support/machine.h", self.broken(check.check_adapters))

    ROOMS = {
        "CMakeLists.txt": "dr_add_adapter(redis)\n",
        "README.md": "# dr::redis\n",
        "include/dr/adapters/redis.h": "absl::Status RegisterRedis(AdapterRegistry& registry);\n",
        "adapter.cc": "absl::Status RegisterRedis(AdapterRegistry& registry) {\n",
        "options.cc": '  DR_RETURN_IF_ERROR(uri.CheckParameters({"ca"}));\n',
        "store.h": "class RedisStore final : public StateAdapter {\n",
        "error.cc": "absl::Status ErrorOf(const Reply& reply) {\n",
        "connection.h": "class Connection {\n",
        "scripts.cc": "const Script& PutScript() {\n",
        "store_test.cc": "class Slow : public StateAdapter {\n",
    }

    def test_an_adapter_without_a_room_that_each_has_is_red(self):
        for name, text in self.ROOMS.items():
            self.write(f"adapters/redis/{name}", text)
        self.assertEqual(self.broken(check.check_adapter_rooms), "")
        for name in ("CMakeLists.txt", "README.md", "include/dr/adapters/redis.h", "adapter.cc"):
            (self.root / "adapters/redis" / name).rename(self.root / "away")
            self.assertIn(f"adapters/redis: lacks {name}", self.broken(check.check_adapter_rooms))
            (self.root / "away").rename(self.root / "adapters/redis" / name)

    def test_what_has_a_room_of_its_own_is_red_elsewhere_and_a_room_without_it_too(self):
        for name, text in self.ROOMS.items():
            self.write(f"adapters/redis/{name}", text)
        for name in ("adapter.cc", "options.cc", "store.h", "error.cc"):
            self.write("adapters/redis/pool.cc", self.ROOMS[name])
            self.assertRegex(self.broken(check.check_adapter_rooms), rf"pool.cc: .* belongs to adapters/redis/{name}")
        (self.root / "adapters/redis/pool.cc").unlink()
        for name in ("adapter.cc", "options.cc", "store.h", "error.cc", "connection.h"):
            self.write(f"adapters/redis/{name}", "struct Endpoint;\n")
            self.assertRegex(self.broken(check.check_adapter_rooms), rf"redis/{name}: this room is for .* not in it")
            self.write(f"adapters/redis/{name}", self.ROOMS[name])
        self.write("adapters/redis/adapter.cc", self.ROOMS["adapter.cc"] + "  uri.CheckParameters({});\n")
        self.assertEqual(self.broken(check.check_adapter_rooms), "")  # none is not worth a room

    def test_a_room_that_repeats_its_adapters_name_or_lies_deeper_is_red(self):
        for name, text in self.ROOMS.items():
            self.write(f"adapters/redis/{name}", text)
        for name in ("redis_pool.cc", "redis_test.cc"):
            self.write(f"adapters/redis/{name}", "")
            self.assertIn(f"redis/{name}: the folder says 'redis' already", self.broken(check.check_adapter_rooms))
        self.write("adapters/redis/cluster/slots.cc", "")
        self.assertIn("cluster/slots.cc: an adapter's sources are in one folder", self.broken(check.check_adapter_rooms))

    def test_a_tool_that_sees_more_than_public_headers_is_red(self):
        self.write("tools/drctl/main.cc", '#include "dr/inspect/doctor.h"\n#include "tools/drctl/verbs.h"\n')
        self.assertEqual(self.broken(check.check_tools), "")
        self.write("tools/drctl/verbs.h", '#include "src/base/status_macros.h"\n')
        self.assertIn("verbs.h:1: includes src/base/status_macros.h; a tool sees public headers only",
                      self.broken(check.check_tools))

    def test_a_name_that_is_none_is_red(self):
        self.write("src/log/read_ahead.cc", "struct Commonwealth {};\n")
        self.assertEqual(self.broken(check.check_names), "")
        self.write("src/log/log_util.cc", "class DR_EXPORT LogManager final {\n")
        self.assertIn("'util' is not a name", self.broken(check.check_names))
        self.assertIn("log_util.cc:1: 'manager' is not a name", self.broken(check.check_names))

    def test_a_file_that_holds_two_things_is_red(self):
        self.write("include/dr/log/wal.h", "//\n" * 250)
        self.write("src/log/wal.cc", "//\n" * 450)
        self.assertEqual(self.broken(check.check_sizes), "")
        self.write("include/dr/log/wal.h", "//\n" * 251)
        self.write("src/log/wal.cc", "//\n" * 451)
        self.assertIn("wal.h: 251 lines, at most 250", self.broken(check.check_sizes))
        self.assertIn("wal.cc: 451 lines, at most 450", self.broken(check.check_sizes))

    def test_a_line_that_runs_out_of_the_window_is_red(self):
        self.write("src/log/wal.cc", "//" + "x" * 98 + "\n")
        self.assertEqual(self.broken(check.check_width), "")
        self.write("src/log/wal.cc", "//" + "x" * 99 + "\n")
        self.assertIn("wal.cc:1: 101 columns, at most 100", self.broken(check.check_width))

    def test_a_semicolon_in_the_name_of_a_test_is_red(self):
        self.write("tests/log/wal_test.cc", 'TEST_CASE("One fact, and another") {}\n')
        self.assertEqual(self.broken(check.check_test_names), "")
        self.write("tests/log/wal_test.cc", 'TEST_CASE("One fact; another") {}\n')
        self.assertIn("wal_test.cc:1: a test's name holds no semicolon", self.broken(check.check_test_names))

    def test_a_foreign_header_in_a_public_one_is_red(self):
        self.write("include/dr/host.h", '#pragma once\n#include <vector>\n#include "absl/status/status.h"\n')
        self.write("include/dr/proto_component.h", "#pragma once\n#include <google/protobuf/message.h>\n")
        self.assertEqual(self.broken(check.check_public_headers), "")
        self.write("include/dr/host.h", '#include <fmt/core.h>\n#include <google/protobuf/message.h>\n#include "src/a.h"\n')
        broken = self.broken(check.check_public_headers)
        self.assertIn("host.h: lacks #pragma once", broken)
        for name in ("fmt/core.h", "google/protobuf/message.h", "src/a.h"):
            self.assertIn(f"includes {name}, which is not for public headers", broken)

    def test_a_page_that_points_at_nothing_is_red(self):
        self.write("tests/log/wal_test.cc", 'TEST_CASE("A4: rot is refused") {}\n')
        self.write("docs/page.md", "[tests](../tests/log), A4 in `tests/log/wal_test.cc`, [web](https://example.org)\n")
        self.assertEqual(self.broken(check.check_pages), "")
        self.write("docs/page.md", "[a](gone.md)\n`tests/log/gone.cc`\nA5 in `tests/log/wal_test.cc`\n")
        broken = self.broken(check.check_pages)
        self.assertIn("docs/page.md:1: links to gone.md", broken)
        self.assertIn("docs/page.md:2: names tests/log/gone.cc", broken)
        self.assertIn("docs/page.md:3: A5 is not in tests/log/wal_test.cc", broken)

    def test_a_label_that_no_page_defines_is_red(self):
        self.write("docs/faults.md", "| A4 | rot | refused | `tests/log/wal_test.cc` |\n")
        self.write("docs/protocols.md", "### P1. An Lsn is used\n")
        self.write("tests/log/wal_test.cc", 'TEST_CASE("A4, P1: rot is refused") {}  // P1\n')
        self.assertEqual(self.broken(page_rules.check_labels), "")
        self.write("src/log/wal.cc", "int x;  // without room no Lsn (P2)\n")
        self.write("tests/log/wal_test.cc", 'TEST_CASE("A4: rot is refused, A3-A5: again (K70 K71)") {}\n')
        self.write("tests/planted/K09-late.patch", "Bug: it is late\nTest: A6: *\n+ // A9\n")
        self.write("README.md", "As S0-1 wants.\n")
        broken = self.broken(page_rules.check_labels)
        for found in ("src/log/wal.cc:1: P2", "wal_test.cc:1: A3", "wal_test.cc:1: A5", "wal_test.cc:1: K70", "wal_test.cc:1: K71",
                      "K09-late.patch:0: K9", "K09-late.patch:2: A6", "README.md:1: S0-1"):
            self.assertIn(f"{found} is defined on none of the pages", broken)
        self.assertNotIn("A4", broken)
        self.assertNotIn("A9", broken)

    def test_what_only_looks_like_a_label_is_none(self):
        self.write("src/log/wal.cc", """
            template <typename A1, class K2> int P9(int B3 = 0xA5) { return B3; }
            const char* bytes = "A5 C0 FF \\xB7 %G0 E1, x";  // -O2, 0xF9, SHA-A1, A1b, Get.C8
        """)
        self.write("docs/page.md", "-O2 `%F7` /B1 #C3\n```\nA1 B2 C3\n```\n")
        self.assertEqual(self.broken(page_rules.check_labels), "")

    def test_a_rule_whose_test_does_not_name_it_is_red(self):
        self.write("tests/log/wal_test.cc", 'TEST_CASE("A4: rot is refused") {}\n')
        self.write("tests/planted/P01-early.patch", "Bug: it is early\nTest: A4: *\n")
        self.write("docs/protocols.md", "### P1. An Lsn is used\n\nShown by: `tests/planted/P01-early.patch`; A4 in `tests/log/wal_test.cc`\n"
                   "\n## Not built yet\n\n| P2 | later |\n")
        self.write("docs/faults.md", "| A4 | rot | refused | `tests/log/` |\nNot built yet:\n| A5 | later |\n")
        self.assertEqual(self.broken(page_rules.check_rows), "")
        self.write("docs/protocols.md", "### P1. An Lsn is used\n\nShown by: `tests/log/wal_test.cc`\n\n### P2. Later\n\n`tests/planted/P01-early.patch`\n")
        self.write("docs/faults.md", "| A4 | rot | refused | `tests/log/gone_test.cc` |\nNot built yet:\n| A5 | later |\n## B\n| B1 | cut |\n")
        self.write("docs/cases.md", "| K70 | hangs |\n")
        broken = self.broken(page_rules.check_rows)
        self.assertIn("docs/protocols.md:1: P1 is not in tests/log/wal_test.cc", broken)
        self.assertIn("docs/protocols.md:5: P2 is not in tests/planted/P01-early.patch", broken)
        self.assertIn("docs/faults.md:1: A4 names tests/log/gone_test.cc, which is not there", broken)
        self.assertIn("docs/faults.md:5: B1 names no test", broken)
        self.assertIn("docs/cases.md:1: K70 is in no test", broken)
        self.assertNotIn("A5", broken)

    def test_a_flow_through_what_is_not_there_is_red(self):
        self.write("src/log/wal.cc", "absl::Status Wal::Seal(const Context&) { return {}; }\n")
        self.write("src/ARCHITECTURE.md", "- `src/log/wal.cc:Seal` seals\n")
        self.assertEqual(self.broken(page_rules.check_flows), "")
        self.write("src/ARCHITECTURE.md", "- `src/log/wal.cc:Open` opens\n- `src/log/gone.cc:Seal` seals\n")
        broken = self.broken(page_rules.check_flows)
        self.assertIn("src/ARCHITECTURE.md:1: src/log/wal.cc has no function Open", broken)
        self.assertIn("src/ARCHITECTURE.md:2: names src/log/gone.cc, which is not there", broken)

    def test_a_clock_or_a_system_call_that_is_not_injected_is_red(self):
        self.write("include/dr/mutex.h", "auto now = std::chrono::steady_clock::now();\n")
        self.assertEqual(self.broken(check.check_words), "")
        self.write("src/log/wal.cc", "auto now = std::chrono::steady_clock::now();\nsyscall(SYS_sync);\n")
        self.assertIn("wal.cc:1: steady_clock belongs to include/dr/mutex.h", self.broken(check.check_words))
        self.assertIn("wal.cc:2: syscall belongs to src/base/syscalls.h", self.broken(check.check_words))

    def archive(self, name, code):
        self.write(f"{name}.cc", code)
        archive = self.root / f"lib{name}.a"
        subprocess.run(["c++", "-std=c++20", "-O1", "-c", f"{name}.cc", "-o", f"{name}.cc.o"], cwd=self.root, check=True)
        subprocess.run(["ar", "rcs", archive, f"{name}.cc.o"], cwd=self.root, check=True)
        return "\n".join(check.check_archive(archive))

    def test_objects_that_call_the_system_are_red(self):
        code = """
          #include <fcntl.h>
          #include <unistd.h>
          #include <chrono>
          #include <cstdio>
          #include <cstdlib>
          #include <filesystem>
          #include <fstream>
          #include <random>
          int files(char* to) {
            std::ofstream("f") << std::filesystem::exists("f");
            return open("f", O_RDONLY) + int(read(0, to, 9)) + fdatasync(1) + std::rename("a", "b") + (fopen("a", "r") != nullptr);
          }
          long clock_() { return std::chrono::system_clock::now().time_since_epoch().count(); }
          unsigned random_() { return std::random_device()(); }
          void output() { std::puts("x"); std::exit(1); }
        """
        broken = self.archive("sneaky", code)
        for call in ("std::filesystem::", "std::basic_filebuf<", "open", "read", "fdatasync", "rename", "fopen"):
            self.assertRegex(broken, rf"(?m)^sneaky.cc: calls (\w+ for )?{call}.* \(files\)")
        self.assertRegex(broken, r"system_clock::now\(\) \(clock\)")
        self.assertRegex(broken, r"std::random_device::.* \(random\)")
        self.assertRegex(broken, r"(?m)^sneaky.cc: calls puts \(output and exit\)")
        self.assertRegex(broken, r"(?m)^sneaky.cc: calls exit \(output and exit\)")

    def test_the_posix_file_system_may_call_it(self):
        code = '#include <fcntl.h>\nint f() { return open("f", O_RDONLY); }\n'
        self.assertEqual(self.archive("posix_file_system", code), "")

    def test_a_second_room_that_may_call_the_system_is_red(self):
        self.write("src/base/posix_file.cc", "")
        self.assertEqual(self.broken(check.check_system_room), "")
        self.write("src/log/posix_file.cc", "")
        self.assertIn("src/log/posix_file.cc: only src/base", self.broken(check.check_system_room))


if __name__ == "__main__":
    unittest.main()
