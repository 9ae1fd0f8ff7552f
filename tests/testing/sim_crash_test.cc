// The model itself, rule by rule: what a power cut or a kill keeps, loses and spoils.

#include "dr/testing/sim_crash.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "catch2/catch.hpp"
#include "dr/testing/sim_file_system.h"
#include "tests/testing/sim_disk_probe.h"

namespace {

using dr::NameOrder;
using dr::SimCall;
using dr::SimFileSystem;
using dr::WritePath;
using dr::test::AlignedBytes;
using dr::test::Background;
using dr::test::ContentOf;
using dr::test::kSector;
using dr::test::NamesAfter;
using dr::test::OpenFile;
using dr::test::Outcomes;
using dr::test::PutDurably;
using dr::test::Root;
using Strings = std::set<std::string>;

std::string Sectors(std::string_view letters) {
  std::string out;
  for (char c : letters) out += std::string(kSector, c == '0' ? '\0' : c);
  return out;
}

// Letters for sectors that are all of one kind, '/' for torn, '#' for anything else.
std::string Shape(const std::string& content) {
  std::string shape;
  for (std::size_t at = 0; at < content.size(); at += kSector) {
    const std::string sector = content.substr(at, kSector);
    const std::size_t first_run = std::min(sector.find_first_not_of(sector[0]), sector.size());
    const bool two_runs = first_run < sector.size() &&
                          sector.find_first_not_of(sector[first_run], first_run) == sector.npos;
    const char letter = sector[0] == '\0' ? '0' : sector[0];
    shape += first_run == sector.size() ? letter : two_runs ? '/' : '#';
  }
  return shape;
}

Strings Shapes(const Strings& contents) {
  Strings shapes;
  for (const std::string& content : contents) {
    shapes.insert(content == "(missing)" ? content : Shape(content));
  }
  return shapes;
}

TEST_CASE("A2: an unsynced sector is new, old, zeros, garbage, or torn: new first, then old") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("a"));
  REQUIRE(OpenFile(disk, "f")->WriteAt(0, Sectors("b")).ok());
  const Strings outcomes = Outcomes(disk, "f");
  CHECK(Shapes(outcomes) == Strings{"a", "b", "0", "#", "/"});
  CHECK(outcomes.size() == 5);
  for (const std::string& content : outcomes) {
    if (Shape(content) == "/") CHECK((content.front() == 'b' && content.back() == 'a'));
  }
}

TEST_CASE("A2: sectors have their fates each on its own, and whole sectors share a fate") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("aaa"));
  REQUIRE(OpenFile(disk, "f")->WriteAt(kSector + 100, Sectors("b")).ok());  // parts of two sectors
  const Strings outcomes = Outcomes(disk, "f");
  CHECK(outcomes.size() == 5 * 5);
  for (const std::string& content : outcomes) {
    CHECK(content.substr(0, kSector) == Sectors("a"));
    const char before = content[kSector];  // an old byte beside the new ones: as endangered as they
    CHECK((before == 'a' || before == '\0' || Shape(content)[1] == '#'));
  }
}

TEST_CASE("A sync makes durable what ended before it began") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("a"));
  auto file = OpenFile(disk, "f");
  REQUIRE(file->WriteAt(0, Sectors("b")).ok());
  REQUIRE(file->Sync().ok());
  CHECK(Outcomes(disk, "f") == Strings{Sectors("b")});
}

TEST_CASE("A sync does not cover a write that ended after it began") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("aa"));
  auto file = OpenFile(disk, "f");
  REQUIRE(file->WriteAt(0, Sectors("b")).ok());
  disk.Hold(SimCall::kSync);
  Background syncing([&] { return file->Sync(); });
  disk.AwaitHeld(SimCall::kSync, 1);
  REQUIRE(file->WriteAt(kSector, Sectors("c")).ok());
  CHECK(Outcomes(disk, "f").contains(Sectors("aa")));  // it has not ended either
  disk.Release(SimCall::kSync);
  syncing.Join();
  CHECK(Shapes(Outcomes(disk, "f")) == Strings{"ba", "bc", "b0", "b#", "b/"});
}

TEST_CASE("A sync of one file does nothing for another") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("a"));
  PutDurably(disk, "g", Sectors("a"));
  REQUIRE(OpenFile(disk, "f")->WriteAt(0, Sectors("b")).ok());
  REQUIRE(OpenFile(disk, "g")->Sync().ok());
  CHECK(Outcomes(disk, "f").contains(Sectors("a")));
}

TEST_CASE("Between two unsynced writes of a sector lies the first of them") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("a"));
  auto file = OpenFile(disk, "f");
  REQUIRE(file->WriteAt(0, Sectors("b")).ok());
  REQUIRE(file->WriteAt(0, Sectors("c")).ok());
  CHECK(Shapes(Outcomes(disk, "f")) == Strings{"a", "b", "c", "0", "#", "/"});
  REQUIRE(file->Sync().ok());
  CHECK(Outcomes(disk, "f") == Strings{Sectors("c")});
}

TEST_CASE("A direct write is durable when it ends, a buffered one is not") {
  for (WritePath path : {WritePath::kDirect, WritePath::kBuffered}) {
    SimFileSystem disk;
    const AlignedBytes old(4096, 'a');
    const AlignedBytes data(4096, 'b');
    PutDurably(disk, "f", old.view());
    REQUIRE(OpenFile(disk, "f", path)->WriteAt(0, data.view()).ok());
    const Strings outcomes = Outcomes(disk, "f");
    CHECK(outcomes.contains(std::string(data.view())));
    CHECK(outcomes.contains(std::string(old.view())) == (path == WritePath::kBuffered));
    CHECK((outcomes.size() == 1) == (path == WritePath::kDirect));
  }
}

TEST_CASE("What a direct write made durable is not taken back by a sync of older writes") {
  SimFileSystem disk;
  PutDurably(disk, "f", "");
  auto file = OpenFile(disk, "f", WritePath::kDirect);
  const AlignedBytes failing(3 * 4096, 'b');
  const AlignedBytes data(4096, 'c');
  disk.Inject({.error = EIO, .nth = 2, .only = SimCall::kWrite});
  CHECK(file->WriteAt(0, failing.view()).ok());
  CHECK_FALSE(file->WriteAt(0, failing.view()).ok());  // its half stays in the cache
  REQUIRE(file->WriteAt(0, data.view()).ok());
  const std::string now = std::string(4096, 'c') + std::string(2 * 4096, 'b');
  CHECK(ContentOf(*disk.AfterPowerCut(), "f") == now);
  REQUIRE(file->Sync().ok());
  CHECK(ContentOf(*disk.AfterPowerCut(), "f") == now);
}

TEST_CASE("A direct write under way leaves any subset of its sectors") {
  SimFileSystem disk;
  const AlignedBytes data(4096, 'b');
  PutDurably(disk, "f", std::string(4096, 'a'));
  auto file = OpenFile(disk, "f", WritePath::kDirect);
  disk.Hold(SimCall::kWrite);
  Background writing([&] { return file->WriteAt(0, data.view()); });
  disk.AwaitHeld(SimCall::kWrite, 1);
  Strings kept_or_old;
  for (const std::string& shape : Shapes(Outcomes(disk, "f"))) {
    if (shape.find_first_not_of("ab") == shape.npos) kept_or_old.insert(shape);
  }
  CHECK(kept_or_old.size() == 256);
  disk.Release(SimCall::kWrite);
  writing.Join();
}

TEST_CASE("Two direct writes under way are kept and lost in every combination") {
  SimFileSystem disk;
  const AlignedBytes first(4096, 'b');
  const AlignedBytes second(4096, 'c');
  PutDurably(disk, "f", std::string(8192, 'a'));
  auto file = OpenFile(disk, "f", WritePath::kDirect);
  disk.Hold(SimCall::kWrite);
  Background one([&] { return file->WriteAt(0, first.view()); });
  disk.AwaitHeld(SimCall::kWrite, 1);
  Background two([&] { return file->WriteAt(4096, second.view()); });
  disk.AwaitHeld(SimCall::kWrite, 2);
  Strings shapes;
  const auto count = VisitCrashStates(disk, {.items_max = 16, .from = disk.events()},
                                      [&](SimFileSystem& after, const dr::CrashPoint&) {
                                        shapes.insert(Shape(ContentOf(after, "f")));
                                      });
  CHECK(count.states == (2 << 16) - 1);
  for (const char* shape : {"aaaaaaaacccccccc", "bbbbbbbbaaaaaaaa", "bbbbbbbbcccccccc",
                            "aaaaaaaaaaaaaaaa", "babababacacacaca"}) {
    CHECK(shapes.contains(shape));
  }
  disk.Release(SimCall::kWrite);
  one.Join();
  two.Join();
  CHECK(Shapes(Outcomes(disk, "f")) == Strings{"bbbbbbbbcccccccc"});
}

TEST_CASE(
    "An unsynced length is the old or the new one, and content beyond the old one goes with it") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("a"));
  auto file = OpenFile(disk, "f");
  REQUIRE(file->WriteAt(kSector, Sectors("b")).ok());
  CHECK(Shapes(Outcomes(disk, "f")) == Strings{"a", "ab", "a0", "a#", "a/"});
  REQUIRE(file->Sync().ok());  // fdatasync covers the length
  CHECK(Outcomes(disk, "f") == Strings{Sectors("ab")});
}

TEST_CASE("Growing inside a sector endangers the bytes that were there") {
  SimFileSystem disk;
  PutDurably(disk, "f", "old");
  REQUIRE(OpenFile(disk, "f")->WriteAt(3, "new").ok());
  const Strings outcomes = Outcomes(disk, "f");
  CHECK(outcomes.contains("old"));
  CHECK(outcomes.contains("oldnew"));
  CHECK(outcomes.contains(std::string("old\0\0\0", 6)));
  CHECK(outcomes.contains(std::string(6, '\0')));
  CHECK(std::ranges::all_of(outcomes, [](auto& s) { return s.size() == 3 || s.size() == 6; }));
}

TEST_CASE(
    "An unsynced truncation is done or not, and what it cut does not come back by growing again") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("aaaa"));
  auto file = OpenFile(disk, "f");
  REQUIRE(file->Truncate(2 * kSector).ok());
  CHECK(Shapes(Outcomes(disk, "f")) == Strings{"aaaa", "aa"});
  REQUIRE(file->Truncate(3 * kSector).ok());
  CHECK(Shapes(Outcomes(disk, "f")) == Strings{"aaaa", "aa", "aa0"});
  REQUIRE(file->WriteAt(3 * kSector, Sectors("b")).ok());
  for (const std::string& shape : Shapes(Outcomes(disk, "f"))) {
    CHECK((shape[2] == 'a') == (shape.size() == 4 && shape[2] != '0'));
  }
  REQUIRE(file->Sync().ok());
  CHECK(Shapes(Outcomes(disk, "f")) == Strings{"aa0b"});
}

TEST_CASE("A15: unsynced names: any subset, or in the order of a journal") {
  SimFileSystem disk;
  PutDurably(disk, "x", "");
  OpenFile(disk, "a");
  OpenFile(disk, "b");
  REQUIRE(Root(disk)->Remove("x").ok());
  CHECK(NamesAfter(disk, NameOrder::kAnySubset) ==
        Strings{"", "a", "ab", "abx", "ax", "b", "bx", "x"});
  CHECK(NamesAfter(disk, NameOrder::kInOrder) == Strings{"x", "ax", "abx", "ab"});
  REQUIRE(Root(disk)->Sync().ok());
  CHECK(NamesAfter(disk, NameOrder::kAnySubset) == Strings{"ab"});
  CHECK(NamesAfter(disk, NameOrder::kInOrder) == Strings{"ab"});
}

TEST_CASE("A15: a rename shows the old file or the new one, never none") {
  SimFileSystem disk;
  PutDurably(disk, "f", "old");
  PutDurably(disk, "new", "new");
  REQUIRE(Root(disk)->Rename("new", "f").ok());
  CHECK(Outcomes(disk, "f") == Strings{"old", "new"});
  CHECK(Outcomes(disk, "new") == Strings{"new", "(missing)"});
  REQUIRE(Root(disk)->Sync().ok());
  CHECK(Outcomes(disk, "f") == Strings{"new"});
}

TEST_CASE("A name may arrive before its content") {
  SimFileSystem disk;
  REQUIRE(OpenFile(disk, "tmp")->WriteAt(0, Sectors("b")).ok());
  REQUIRE(Root(disk)->Rename("tmp", "f").ok());
  REQUIRE(Root(disk)->Sync().ok());
  CHECK(Shapes(Outcomes(disk, "f")) == Strings{"", "b", "0", "#", "/"});
}

TEST_CASE("Content may arrive before its name") {
  SimFileSystem disk;
  auto file = OpenFile(disk, "f");
  REQUIRE(file->WriteAt(0, "x").ok());
  REQUIRE(file->Sync().ok());
  CHECK(Outcomes(disk, "f") == Strings{"x", "(missing)"});
}

TEST_CASE("An unsynced removal may not have happened, and the content is what it was") {
  SimFileSystem disk;
  PutDurably(disk, "f", "x");
  PutDurably(disk, "g", "y");
  REQUIRE(Root(disk)->Remove("f").ok());
  REQUIRE(Root(disk)->Link("g", "h").ok());
  CHECK(Outcomes(disk, "f") == Strings{"x", "(missing)"});
  CHECK(Outcomes(disk, "h") == Strings{"y", "(missing)"});
}

TEST_CASE("A sync of a directory covers its own names only, those changed before it began") {
  SimFileSystem disk;
  auto sub = Root(disk)->OpenDirectory("d", dr::Create::kIfMissing);
  REQUIRE((*sub)->Open("f", {.access = dr::Access::kWrite, .create = dr::Create::kIfMissing}).ok());
  REQUIRE((*sub)->Sync().ok());
  CHECK(Outcomes(disk, "d/f") == Strings{"", "(missing)"});
  REQUIRE(Root(disk)->Sync().ok());
  CHECK(Outcomes(disk, "d/f") == Strings{""});

  auto root = Root(disk);
  disk.Hold(SimCall::kSyncNames);
  Background syncing([&] { return root->Sync(); });
  disk.AwaitHeld(SimCall::kSyncNames, 1);
  OpenFile(disk, "late");
  disk.Release(SimCall::kSyncNames);
  syncing.Join();
  CHECK(Outcomes(disk, "late") == Strings{"", "(missing)"});
}

TEST_CASE(
    "A path that was made is durable at once, and its name is synced again when it is opened") {
  SimFileSystem disk;
  REQUIRE(disk.OpenDirectory("/a/b", dr::Create::kIfMissing).ok());
  VisitCrashStates(disk, {.from = disk.events()}, [](SimFileSystem& after, const dr::CrashPoint&) {
    CHECK(after.OpenDirectory("/a/b", dr::Create::kNever).ok());
  });
  // The maker is killed between making and syncing; the next process must not build on sand.
  SimFileSystem half;
  REQUIRE(Root(half)->OpenDirectory("a", dr::Create::kIfMissing).ok());
  auto next = half.AfterKill();
  REQUIRE(next->OpenDirectory("/a/b", dr::Create::kIfMissing).ok());
  CHECK(next->AfterPowerCut()->OpenDirectory("/a/b", dr::Create::kNever).ok());
  next = half.AfterKill();
  REQUIRE(next->OpenDirectory("/a", dr::Create::kIfMissing).ok());
  CHECK(next->AfterPowerCut()->OpenDirectory("/a", dr::Create::kNever).ok());
}

TEST_CASE("A8: after a failed sync the next one succeeds and makes nothing durable") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("aa"));
  auto file = OpenFile(disk, "f");
  REQUIRE(file->WriteAt(0, Sectors("b")).ok());
  disk.Inject({.error = EIO, .only = SimCall::kSync});
  CHECK_FALSE(file->Sync().ok());
  CHECK(file->Sync().ok());
  CHECK(ContentOf(disk, "f") == Sectors("ba"));  // the cache has it
  CHECK(Shapes(Outcomes(disk, "f")) == Strings{"aa", "ba", "0a", "#a", "/a"});
  CHECK(ContentOf(*disk.AfterPowerCut(), "f") == Sectors("aa"));
  // Only writing it again helps, and that goes by sectors.
  REQUIRE(file->WriteAt(0, "c").ok());
  REQUIRE(file->Sync().ok());
  CHECK(Outcomes(disk, "f") == Strings{"c" + Sectors("ba").substr(1)});
}

TEST_CASE("A8: a length that a failed sync covered is durable with the next") {
  SimFileSystem disk;
  PutDurably(disk, "f", "");
  auto file = OpenFile(disk, "f");
  REQUIRE(file->WriteAt(0, Sectors("b")).ok());
  disk.Inject({.error = EIO, .only = SimCall::kSync});
  CHECK_FALSE(file->Sync().ok());
  CHECK(Shapes(Outcomes(disk, "f")).contains(""));
  CHECK(file->Sync().ok());
  CHECK(Shapes(Outcomes(disk, "f")) == Strings{"b", "0", "#", "/"});
}

TEST_CASE("A8: what a failed sync left in the cache is cut by a truncation like anything else") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("aaa"));
  auto file = OpenFile(disk, "f");
  REQUIRE(file->WriteAt(0, Sectors("bbb")).ok());
  disk.Inject({.error = EIO, .only = SimCall::kSync});
  CHECK_FALSE(file->Sync().ok());
  REQUIRE(file->Truncate(100).ok());
  REQUIRE(file->Sync().ok());
  REQUIRE(file->Truncate(3 * kSector).ok());
  REQUIRE(file->Sync().ok());
  const Strings outcomes = Outcomes(disk, "f");
  CHECK(outcomes.contains(std::string(100, 'a') + std::string(3 * kSector - 100, '\0')));
  CHECK(outcomes.contains(std::string(100, 'b') + std::string(3 * kSector - 100, '\0')));
  for (const std::string& content : outcomes) {
    CHECK(content.substr(kSector) == Sectors("00"));
    CHECK(content[kSector - 1] != 'b');
  }
}

TEST_CASE("A17: a lying disk says OK and forgets") {
  for (WritePath path : {WritePath::kDirect, WritePath::kBuffered}) {
    SimFileSystem disk;
    PutDurably(disk, "f", std::string(4096, 'a'));
    disk.Lie();
    const AlignedBytes data(4096, 'b');
    auto file = OpenFile(disk, "f", path);
    REQUIRE(file->WriteAt(0, data.view()).ok());
    REQUIRE(file->Sync().ok());
    OpenFile(disk, "g");
    REQUIRE(Root(disk)->Sync().ok());
    CHECK(ContentOf(*disk.AfterPowerCut(), "f") == std::string(4096, 'a'));
    CHECK(ContentOf(*disk.AfterPowerCut(), "g") == "(missing)");
  }
}

TEST_CASE("A kill loses nothing, and makes nothing durable either") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("a"));
  REQUIRE(OpenFile(disk, "f")->WriteAt(0, Sectors("b")).ok());
  OpenFile(disk, "g");
  auto next = disk.AfterKill();
  CHECK(ContentOf(*next, "f") == Sectors("b"));
  CHECK(ContentOf(*next, "g").empty());
  CHECK(ContentOf(*next->AfterPowerCut(), "f") == Sectors("a"));
  CHECK(Outcomes(*next, "g") == Strings{"", "(missing)"});
  REQUIRE(OpenFile(*next, "f")->Sync().ok());  // the next process may sync what the last one wrote
  CHECK(Outcomes(*next, "f") == Strings{Sectors("b")});
  CHECK(Shapes(Outcomes(disk, "f")).size() == 5);  // the first disk is untouched
}

TEST_CASE("A killed write has done nothing, a part from its beginning, or all") {
  for (WritePath path : {WritePath::kDirect, WritePath::kBuffered}) {
    SimFileSystem disk;
    PutDurably(disk, "f", std::string(4096, 'a'));
    const AlignedBytes data(4096, 'b');
    auto file = OpenFile(disk, "f", path);
    disk.Hold(SimCall::kWrite);
    Background writing([&] { return file->WriteAt(0, data.view()); });
    disk.AwaitHeld(SimCall::kWrite, 1);
    Strings shapes;
    VisitKillStates(disk, {.from = disk.events()}, [&](SimFileSystem& after, const auto&) {
      shapes.insert(Shape(ContentOf(after, "f")));
      CHECK(ContentOf(*after.AfterPowerCut(), "f") == std::string(4096, 'a'));
    });
    CHECK(shapes == Strings{"aaaaaaaa", "bbbbaaaa", "bbbbbbbb"});
    disk.Release(SimCall::kWrite);
    writing.Join();
  }
}

TEST_CASE("A8: after a kill, what a failed sync dropped is in the cache or gone from it") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("a"));
  auto file = OpenFile(disk, "f");
  REQUIRE(file->WriteAt(0, Sectors("b")).ok());
  disk.Inject({.error = EIO, .only = SimCall::kSync});
  CHECK_FALSE(file->Sync().ok());
  Strings seen;
  VisitKillStates(disk, {.from = disk.events()}, [&](SimFileSystem& after, const auto&) {
    const std::string content = ContentOf(after, "f");
    seen.insert(content);
    REQUIRE(OpenFile(after, "f")->Sync().ok());  // clean pages are not written
    CHECK(ContentOf(*after.AfterPowerCut(), "f") == Sectors("a"));
  });
  CHECK(seen == Strings{Sectors("a"), Sectors("b")});
}

TEST_CASE("A crash point knows the marks before it, and its disk never shows what came after") {
  SimFileSystem disk;
  auto file = OpenFile(disk, "f");
  REQUIRE(Root(disk)->Sync().ok());
  const Strings written = {"write 1", "write 2", "write 3", "write 4", "write 5"};
  for (std::uint64_t i = 1; i <= 5; ++i) {
    REQUIRE(file->WriteAt(0, "write " + std::to_string(i)).ok());
    REQUIRE(file->Sync().ok());
    disk.Mark(i);
  }
  std::uint64_t last = 0;
  const auto count = VisitCrashStates(disk, {}, [&](SimFileSystem& after, const dr::CrashPoint& p) {
    const std::uint64_t acknowledged = p.marks.empty() ? 0 : p.marks.back();
    const std::string content = ContentOf(after, "f");
    if (written.contains(content)) {
      CHECK(content >= "write " + std::to_string(acknowledged));
      CHECK(content <= "write " + std::to_string(acknowledged + 1));
    }
    CHECK(acknowledged >= last);
    last = acknowledged;
    CHECK(after.events() == 0);
  });
  CHECK(last == 5);
  CHECK(count.points >= 10);
}

TEST_CASE("Every point at which something changes is a crash point, from the one asked for") {
  SimFileSystem disk;
  PutDurably(disk, "f", "a");  // create, write, sync, sync of names
  disk.Mark(1);                // changes nothing by itself
  REQUIRE(OpenFile(disk, "f")->Sync().ok());
  std::vector<std::size_t> events;
  VisitCrashStates(disk, {}, [&](SimFileSystem&, const dr::CrashPoint& p) {
    if (events.empty() || events.back() != p.event) events.push_back(p.event);
  });
  INFO(disk.Describe());
  CHECK(events == std::vector<std::size_t>{0, 1, 4, 6, 9, 10});
  CHECK(VisitCrashStates(disk, {.from = 6}, [](SimFileSystem&, const auto& p) {
          CHECK(p.event >= 6);
        }).points == 3);
}

TEST_CASE("A recovered disk has a journal of its own, and crashes again by the same rules") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("a"));
  REQUIRE(OpenFile(disk, "f")->WriteAt(0, Sectors("b")).ok());
  Strings seen;
  VisitCrashStates(disk, {.from = disk.events()}, [&](SimFileSystem& after, const auto&) {
    const std::string found = ContentOf(after, "f");
    REQUIRE(OpenFile(after, "f")->WriteAt(0, Sectors("c")).ok());
    for (const std::string& content : Outcomes(after, "f")) {
      seen.insert(Shape(content));
    }
    CHECK(Outcomes(after, "f").contains(found));
  });
  CHECK(seen == Strings{"a", "b", "c", "0", "#", "/"});
}

TEST_CASE("Above items_max states are sampled, the extremes among them") {
  SimFileSystem disk;
  PutDurably(disk, "f", std::string(100 * kSector, 'a'));
  REQUIRE(OpenFile(disk, "f")->WriteAt(0, std::string(100 * kSector, 'b')).ok());
  Strings shapes;
  const auto count = VisitCrashStates(
      disk, {.samples = 300, .from = disk.events()},
      [&](SimFileSystem& after, const auto&) { shapes.insert(Shape(ContentOf(after, "f"))); });
  CHECK(count.states == 300);
  CHECK(shapes.size() > 250);
  for (char c : {'a', 'b', '0', '#'}) CHECK(shapes.contains(std::string(100, c)));
  // Cuts: all before some sector kept and all after it lost, and the other way round.
  auto is_cut = [](const std::string& s, char left, char right) {
    const std::size_t cut = s.find_first_not_of(left);
    return cut != 0 && cut != s.npos && s.find_first_not_of(right, cut) == s.npos;
  };
  CHECK(std::ranges::any_of(shapes, [&](auto& s) { return is_cut(s, 'b', 'a'); }));
  CHECK(std::ranges::any_of(shapes, [&](auto& s) { return is_cut(s, 'a', 'b'); }));
}

TEST_CASE("One seed visits the same states again, and shards share them out") {
  SimFileSystem disk;
  PutDurably(disk, "f", std::string(20 * kSector, 'a'));
  auto file = OpenFile(disk, "f");
  REQUIRE(file->WriteAt(0, std::string(3 * kSector, 'b')).ok());
  REQUIRE(file->WriteAt(5 * kSector, std::string(15 * kSector, 'c')).ok());
  auto visit = [&](std::uint64_t seed, std::uint64_t shard, std::uint64_t shards) {
    std::vector<std::string> contents;
    VisitCrashStates(
        disk, {.seed = seed, .shard = shard, .shards = shards},
        [&](SimFileSystem& after, const auto&) { contents.push_back(ContentOf(after, "f")); });
    return contents;
  };
  const auto all = visit(1, 0, 1);
  CHECK((all == visit(1, 0, 1)));
  CHECK((all != visit(2, 0, 1)));
  const auto even = visit(1, 0, 2);
  const auto odd = visit(1, 1, 2);
  REQUIRE(even.size() + odd.size() == all.size());
  for (std::size_t i = 0; i < all.size(); ++i) CHECK((all[i] == (i % 2 ? odd : even)[i / 2]));
}

TEST_CASE("Shards may be visited by threads at the same time") {
  SimFileSystem disk;
  PutDurably(disk, "f", std::string(20 * kSector, 'a'));
  REQUIRE(OpenFile(disk, "f")->WriteAt(0, std::string(8 * kSector, 'b')).ok());
  std::atomic<std::uint64_t> states = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::vector<std::thread> threads;
  for (std::uint64_t shard = 0; shard < 3; ++shard) {
    threads.emplace_back([&, shard] {
      states += VisitCrashStates(
                    disk, {.shard = shard, .shards = 3},
                    [&](SimFileSystem& after, const auto&) {
                      const auto root = after.OpenDirectory("/", dr::Create::kNever);
                      const auto file = (*root)->Open(
                          "g", {.access = dr::Access::kWrite, .create = dr::Create::kIfMissing});
                      if (!(*file)->WriteAt(0, "x").ok()) ++failed;
                    })
                    .states;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(states == VisitCrashStates(disk, {}, [](SimFileSystem&, const auto&) {}).states);
}

TEST_CASE("A crash point describes itself") {
  SimFileSystem disk;
  PutDurably(disk, "f", Sectors("a"));
  REQUIRE(OpenFile(disk, "f")->WriteAt(0, Sectors("b")).ok());
  OpenFile(disk, "g");
  std::string all;
  VisitCrashStates(disk, {.from = disk.events()},
                   [&](SimFileSystem&, const dr::CrashPoint& p) { all += p.Describe(); });
  for (const char* part : {"after 10 of 10 events (directory 1: create g as inode 3), state 0\n",
                           "create g as inode 3: lost\n", "inode 2 sector 0: torn\n",
                           "inode 2 sector 0: garbage\n", "inode 2 sector 0: kept\n"}) {
    INFO(all);
    CHECK(all.find(part) != all.npos);
  }
}

TEST_CASE("Threads that write at once overlap in the journal, and nothing acknowledged is lost") {
  SimFileSystem disk;
  constexpr int kThreads = 4;
  constexpr int kWrites = 20;
  std::vector<std::unique_ptr<dr::File>> files;
  for (int t = 0; t < kThreads; ++t) files.push_back(OpenFile(disk, std::to_string(t)));
  REQUIRE(Root(disk)->Sync().ok());
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 1; i <= kWrites; ++i) {
        if (!files[t]->WriteAt(i * kSector, "x").ok() || !files[t]->Sync().ok()) ++failed;
        disk.Mark(static_cast<std::uint64_t>(t * 1000 + i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  int lost = 0;
  VisitCrashStates(disk, {.samples = 16}, [&](SimFileSystem& after, const dr::CrashPoint& p) {
    for (std::uint64_t mark : p.marks) {
      const std::string content = ContentOf(after, std::to_string(mark / 1000));
      const std::size_t at = mark % 1000 * kSector;
      if (content.size() <= at || content[at] != 'x') ++lost;
    }
  });
  CHECK(lost == 0);
}

}  // namespace
