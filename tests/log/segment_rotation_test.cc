#include "src/log/segment_rotation.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <utility>

#include "dr/testing/sim_random.h"
#include "tests/log/segment_values.h"
#include "tests/support/fails_assertion.h"

namespace dr::test {
namespace {

struct Fixture {
  Fixture() {
    std::fill(rotation.footer().begin(), rotation.footer().end(), 'f');
    rotation.Begin(PrefixOf(2, {1}), 3 * kBlockBytes, Value(files->MakeSpare(1)));
  }
  absl::Status Run() { return rotation.Run(*files, ending, random); }

  SimFolder folder;
  std::unique_ptr<SegmentFiles> files = Value(SegmentFiles::Open(*folder.directory, kSegmentBytes));
  const NamedFile ending{SegmentName(1), folder.Open(SegmentName(1), WritePath::kDirect)};
  SimRandom random{1};
  SegmentRotation rotation;
};

TEST_CASE("a rotation leaves a footer, the next segment under its name, and HEAD") {
  Fixture f;
  REQUIRE_OK(f.Run());
  const std::unique_ptr<SimFileSystem> after = f.folder.disk.AfterPowerCut();
  CHECK(after->Read("log/0000000000000001.wal")->substr(3 * kBlockBytes) ==
        std::string(kBlockBytes, 'f'));
  const std::string head = *after->Read("log/HEAD");
  CHECK(Value(DecodePrefix(head, "HEAD")).salt == f.rotation.prefix().salt);
  CHECK(PrefixHash(head) == f.rotation.prefix_hash());
  CHECK(after->Read("log/0000000000000002.wal")->substr(0, kBlockBytes) == head);
  CHECK(f.rotation.TakeFile().segment.name.view() == SegmentName(2).view());
}

TEST_CASE("whichever call finds no room, the rotation goes on and ends as if nothing had been") {
  for (std::uint64_t nth = 1;; ++nth) {
    Fixture f;
    f.folder.disk.Inject({.error = ENOSPC, .nth = nth});
    const absl::Status first = f.Run();
    if (f.folder.disk.failures() == 0) {
      CHECK(nth > 3);
      break;
    }
    INFO("call " << nth << ": " << first.ToString());
    REQUIRE(absl::IsResourceExhausted(first));
    f.folder.disk.ClearFaults();
    // As its thread leaves it under the mutex, and the next takes it.
    SegmentRotation moved = std::move(f.rotation);
    f.rotation = std::move(moved);
    REQUIRE_OK(f.Run());
    CHECK(f.folder.Has(SegmentName(2)));
    CHECK(PrefixHash(*f.folder.disk.Read("log/HEAD")) == f.rotation.prefix_hash());
  }
}

TEST_CASE("one rotation is under way at a time, with the memory it had from the start") {
  Fixture f;
  const auto begin = [&](SegmentFile next) {
    f.rotation.Begin(PrefixOf(3, {1}), kBlockBytes, std::move(next));
  };
  const SegmentFile other = Value(f.files->MakeSpare(2));
  CHECK(FailsAssertion("next_.segment.file == nullptr", [&] { begin(other); }));
  REQUIRE_OK(f.Run());
  f.rotation.TakeFile();
  CHECK(FailsAssertion("next.segment.file != nullptr", [&] { begin({}); }));
  const SegmentRotation away = std::move(f.rotation);
  CHECK(FailsAssertion("footer_.size() == kBlockBytes", [&] { begin(other); }));
}

}  // namespace
}  // namespace dr::test
