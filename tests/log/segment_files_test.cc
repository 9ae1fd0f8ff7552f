#include "src/log/segment_files.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "dr/status.h"
#include "tests/log/segment_values.h"

namespace dr::test {
namespace {

std::unique_ptr<SegmentFiles> OpenFiles(const SimFolder& folder) {
  return Value(SegmentFiles::Open(*folder.directory, kSegmentBytes));
}

/// Whole and prepared, as a rotation takes it.
SegmentFile WholeSpare(const SegmentFiles& files, std::uint64_t number) {
  SegmentFile spare = Value(files.MakeSpare(number));
  while (spare.prepared_bytes < files.segment_bytes()) {
    spare.prepared_bytes += Value(files.PrepareChunk(spare.segment, spare.prepared_bytes));
  }
  return spare;
}

/// A block that suits direct writes.
struct Block {
  Block() { std::fill(buffer.span().begin(), buffer.span().end(), 'p'); }
  operator std::string_view() const { return {buffer.data(), buffer.size()}; }  // NOLINT
  AlignedBuffer buffer{kBlockBytes};
};

TEST_CASE("segments are named by their number, and nothing else is one") {
  CHECK(SegmentName(7).view() == "0000000000000007.wal");
  CHECK(ParseSegmentName("0000000000000007.wal") == 7);
  for (const char* other : {"", "7.wal", "0000000000000007.spare", "000000000000000x.wal",
                            "-000000000000007.wal", "0000000000000007.wal.tmp"}) {
    CHECK_FALSE(ParseSegmentName(other));
  }
}

TEST_CASE("whether direct writes work is found out at open, and leaves nothing behind") {
  const bool direct = GENERATE(true, false);
  const SimFolder folder({.direct = direct});
  CHECK(OpenFiles(folder)->direct() == direct);
  CHECK_FALSE(folder.Has("probe.tmp"));
}

TEST_CASE("a spare counts once its bytes were written, and is whole in the end") {
  const SimFolder folder;
  const auto files = OpenFiles(folder);
  const SegmentFile spare = WholeSpare(*files, 3);
  CHECK(spare.prepared_bytes == kSegmentBytes);
  CHECK(Value(folder.directory->Info("0000000000000003.spare")).size == kSegmentBytes);
}

TEST_CASE("an opening keeps whole spares, up to a bound, and removes what is unfinished") {
  const SimFolder folder;
  {
    const auto files = OpenFiles(folder);
    for (std::uint64_t number = 1; number <= 5; ++number) WholeSpare(*files, number);
    Value(files->MakeSpare(9));
    folder.Open("left.tmp");
  }
  const auto files = OpenFiles(folder);
  SpareList spares = Value(files->AdoptSpares());
  CHECK(spares.size() == SpareList::kKeptMax);
  CHECK(spares.Blocks() == SpareList::kKeptMax * 14);
  CHECK(spares.ReserveNumbers(1).first == 10);
  CHECK_FALSE(folder.Has("left.tmp"));
  CHECK_FALSE(folder.Has("0000000000000009.spare"));
}

TEST_CASE("a spare gets its prefix, then its name, then HEAD, each durable before the next") {
  const SimFolder folder;
  const auto files = OpenFiles(folder);
  SegmentFile spare = WholeSpare(*files, 1);
  const Block block;
  REQUIRE_OK(files->Activate(spare, 4, block));
  CHECK(spare.segment.name.view() == SegmentName(4).view());
  CHECK(spare.head.file == nullptr);
  const std::unique_ptr<SimFileSystem> after = folder.disk.AfterPowerCut();
  CHECK(after->Read("log/0000000000000004.wal")->substr(0, kBlockBytes) == std::string_view(block));
  CHECK(*after->Read("log/HEAD") == std::string_view(block));
}

TEST_CASE("a segment that got its name on a full disk goes on behind it") {
  SimFolder folder;
  const auto files = OpenFiles(folder);
  SegmentFile spare = WholeSpare(*files, 1);
  const Block block;
  folder.disk.Inject({.error = ENOSPC, .nth = 2, .only = SimCall::kNames});
  REQUIRE(absl::IsResourceExhausted(files->Activate(spare, 4, block)));
  CHECK(folder.Has("0000000000000004.wal"));
  CHECK_FALSE(folder.Has("HEAD"));
  folder.disk.ClearFaults();
  REQUIRE_OK(files->Activate(spare, 4, block));
  CHECK(*folder.disk.Read("log/HEAD") == std::string_view(block));
}

TEST_CASE("retired segments become spares as far as there are numbers, the rest goes") {
  const SimFolder folder;
  const auto files = OpenFiles(folder);
  const Block block;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    SegmentFile spare = WholeSpare(*files, number);
    REQUIRE_OK(files->Activate(spare, number, block));
  }
  const std::vector<SegmentFile> recycled = Value(files->RetireBelow(4, {.first = 20, .count = 2}));
  REQUIRE(recycled.size() == 2);
  CHECK(recycled[0].segment.name.view() == "0000000000000020.spare");
  CHECK(recycled[0].prepared_bytes == kSegmentBytes);
  CHECK(recycled[1].head.file != nullptr);
  for (const char* gone :
       {"0000000000000001.wal", "0000000000000002.wal", "0000000000000003.wal"}) {
    CHECK_FALSE(folder.Has(gone));
  }
  CHECK(folder.Has("0000000000000004.wal"));
}

TEST_CASE("a failed sync is never for want of room, as the kernel forgets what it has told") {
  SimFolder folder({.direct = false});
  const auto files = OpenFiles(folder);
  const NamedFile file{LogFileName("a"), folder.Open("a")};
  const Block block;
  folder.disk.Inject({.error = ENOSPC, .only = SimCall::kSync});
  CHECK(IsFault(files->WriteAndSync(file, 0, block), FaultKind::kIo));
  folder.disk.Inject({.error = ENOSPC, .only = SimCall::kWrite});
  const absl::Status refused = files->WriteAndSync(file, 0, block);
  CHECK(IsFault(refused, FaultKind::kNoSpace));
  CHECK(FaultOf(refused)->place.ends_with("/a"));
}

TEST_CASE("A19: a file that is gone or shorter than what was prepared is noticed") {
  const SimFolder folder;
  const auto files = OpenFiles(folder);
  const SegmentFile spare = WholeSpare(*files, 1);
  REQUIRE_OK(files->CheckWhole(spare.segment, kSegmentBytes));
  SECTION("cut") { REQUIRE_OK(spare.segment.file->Truncate(kSegmentBytes - 1)); }
  SECTION("removed") { REQUIRE_OK(folder.directory->Remove(spare.segment.name)); }
  const absl::Status noticed = files->CheckWhole(spare.segment, kSegmentBytes);
  CHECK(IsFault(noticed, FaultKind::kIo));
  CHECK(FaultOf(noticed)->place == spare.segment.name.view());
}

}  // namespace
}  // namespace dr::test
