#include "src/log/group_reader.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/log/segment_values.h"

namespace dr::test {
namespace {

/// A segment of four groups of one block, each of which records that all before it was durable.
struct Fixture {
  Fixture() {
    const std::string first_block = EncodePrefix(prefix);
    REQUIRE_OK(file->WriteAt(0, first_block));
    GroupBuilder builder(prefix, PrefixHash(first_block));
    AlignedBuffer buffer(kBlockBytes);
    for (std::uint64_t lsn = 1; lsn <= 4; ++lsn) {
      builder.Begin(buffer.span(), {lsn}, {lsn - 1}, 5);
      builder.Add({.lsn = {lsn}, .component = "c", .time_ns = 5, .payload = "p"});
      REQUIRE_OK(file->WriteAt(lsn * kBlockBytes, builder.Finish()));
    }
    REQUIRE_OK(file->WriteAt(5 * kBlockBytes, std::string(3 * kBlockBytes, '\0')));
    segment = Value(OpenLogSegment(*folder.directory, SegmentName(1), opened));
  }
  /// How many groups there are before the reader stops.
  std::size_t Count(GroupReader& reader, std::uint64_t limit = 8 * kBlockBytes) const {
    std::size_t count = 0;
    while (Value(reader.Next(limit))) ++count;
    return count;
  }
  void Flip(std::uint64_t at) const {
    char byte = 0;
    REQUIRE(Value(file->ReadAt(at, {&byte, 1})) == 1);
    byte = static_cast<char>(byte ^ 1);
    REQUIRE_OK(file->WriteAt(at, {&byte, 1}));
  }

  SimFolder folder;
  const SegmentPrefix prefix = PrefixOf(1, {1});
  std::shared_ptr<File> file = folder.Open(SegmentName(1));
  std::unique_ptr<File> opened;
  LogSegment segment;
};

TEST_CASE("groups come in order up to where there is none") {
  const Fixture f;
  GroupReader reader(*f.opened, f.segment);
  CHECK(f.Count(reader) == 4);
  CHECK(reader.offset() == 5 * kBlockBytes);
  CHECK(reader.next_lsn() == Lsn{5});
  CHECK(reader.reason() == "there is no group here");
}

TEST_CASE("a group behind the limit is for later, and comes when the limit is raised") {
  const Fixture f;
  GroupReader reader(*f.opened, f.segment);
  CHECK(f.Count(reader, 3 * kBlockBytes) == 2);
  CHECK(reader.reason() == "the segment ends here");
  CHECK(f.Count(reader) == 2);
  CHECK(reader.next_lsn() == Lsn{5});
}

TEST_CASE("the chain stops at what is damaged, says why, and finds the evidence behind") {
  const Fixture f;
  std::string reason;
  SECTION("a header") {
    f.Flip(2 * kBlockBytes + 20);
    reason = "the group's header is damaged";
  }
  SECTION("a body") {
    f.Flip(2 * kBlockBytes + kGroupHeaderBytes + 2);
    reason = "the group's hash does not match its bytes";
  }
  SECTION("a group of another place") {
    std::string block(kBlockBytes, '\0');
    REQUIRE(Value(f.file->ReadAt(3 * kBlockBytes, block)) == kBlockBytes);
    REQUIRE_OK(f.file->WriteAt(2 * kBlockBytes, block));
    reason = "the group does not follow the one before it";
  }
  GroupReader reader(*f.opened, f.segment);
  CHECK(f.Count(reader) == 1);
  CHECK(reader.reason() == reason);
  CHECK(reader.offset() == 2 * kBlockBytes);
  const GroupReader::Evidence behind = Value(reader.ScanBehind());
  CHECK(behind.durable_lsn == Lsn{3});
  CHECK(behind.headers >= 2);
  CHECK(behind.written_end == 5 * kBlockBytes);
}

TEST_CASE("a read that fails is an error and not the end of the chain") {
  Fixture f;
  f.folder.disk.FailReads("log/0000000000000001.wal", 2 * kBlockBytes, 1);
  GroupReader reader(*f.opened, f.segment);
  CHECK(FaultOf(reader.Next(8 * kBlockBytes).status())->kind == FaultKind::kIo);
}

TEST_CASE("a prefix that is damaged is no segment") {
  const Fixture f;
  f.Flip(30);
  std::unique_ptr<File> file;
  CHECK(absl::IsDataLoss(OpenLogSegment(*f.folder.directory, SegmentName(1), file).status()));
}

}  // namespace
}  // namespace dr::test
