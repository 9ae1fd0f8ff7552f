// The last groups of a log have no later one that proves them. The mark does, after a kill.

#include "src/log/durable_mark.h"

#include <fstream>
#include <iterator>

#include "src/log/segment_files.h"
#include "tests/log/log_fixture.h"

namespace dr {
namespace {

using namespace dr::test;  // NOLINT

/// A log of five records whose process was killed right after the last acknowledgement.
struct KilledLog {
  TempDirectory place;
  PosixFileSystem files;
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<Directory> directory = Value(files.OpenDirectory(place.path(), Create::kNever));

  KilledLog() {
    OpenLog log = Value(Open());
    for (int i = 0; i < 5; ++i) REQUIRE_OK(log.Append(std::string(60, static_cast<char>('a' + i))));
  }
  absl::StatusOr<OpenLog> Open() { return TryOpen(*directory, clock, random); }
  std::string PathOf(std::string_view name) const { return place.path() + "/" + std::string(name); }
};

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void FlipBit(const std::string& path, std::uint64_t at) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(at));
  const auto byte = static_cast<char>(file.get() ^ 0x10);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

// Groups begin at blocks, and the last one of this log fills no more than one.
std::uint64_t LastGroup(const std::string& segment) {
  return segment.find_last_not_of('\0') / kBlockBytes * kBlockBytes;
}

TEST_CASE("A4: after a kill every flipped bit of the last acknowledged group is noticed") {
  KilledLog killed;
  const LogFileName name = SegmentName(1);
  const std::string path = killed.PathOf(name);
  const std::string segment = Contents(path);
  for (std::uint64_t at = LastGroup(segment); segment.find_last_not_of('\0') >= at; ++at) {
    FlipBit(path, at);
    const absl::StatusOr<OpenLog> opened = killed.Open();
    INFO("byte " << at << ": " << opened.status().ToString());
    REQUIRE(absl::IsDataLoss(opened.status()));
    const Fault fault = *FaultOf(opened.status());
    CHECK(fault.place == name.view());
    CHECK(fault.lsn == Lsn{5});
    FlipBit(path, at);
  }
  CHECK(Payloads(*Value(killed.Open()).wal).size() == 5);
}

TEST_CASE("A5: without its mark the last group of a killed log looks like a torn tail") {
  KilledLog killed;
  REQUIRE_OK(killed.directory->Remove(kDurableMarkName));
  const std::string path = killed.PathOf(SegmentName(1));
  FlipBit(path, LastGroup(Contents(path)) + kGroupHeaderBytes);
  CHECK(Payloads(*Value(killed.Open()).wal).size() == 4);
}

TEST_CASE("A damaged mark proves nothing and is made anew") {
  KilledLog killed;
  const std::size_t bytes = Contents(killed.PathOf(kDurableMarkName)).size();
  for (std::size_t at = 0; at < bytes; ++at) {
    FlipBit(killed.PathOf(kDurableMarkName), at);
    CHECK_FALSE(Value(ReadDurableMark(*killed.directory)).has_value());
    FlipBit(killed.PathOf(kDurableMarkName), at);
  }
  FlipBit(killed.PathOf(kDurableMarkName), 24);
  CHECK(Payloads(*Value(killed.Open()).wal).size() == 5);
  CHECK(Value(ReadDurableMark(*killed.directory))->durable.lsn == Lsn{5});
}

TEST_CASE("The mark of another log proves nothing") {
  KilledLog killed, other;
  OpenLog longer = Value(other.Open());
  for (int i = 0; i < 10; ++i) REQUIRE_OK(longer.Append("more"));
  std::ofstream(killed.PathOf(kDurableMarkName), std::ios::binary)
      << Contents(other.PathOf(kDurableMarkName));
  CHECK(Payloads(*Value(killed.Open()).wal).size() == 5);
}

TEST_CASE("A mark without segments says that they are missing") {
  KilledLog killed;
  REQUIRE_OK(killed.directory->Remove(SegmentName(1)));
  REQUIRE_OK(killed.directory->Remove(kHeadName));
  const absl::StatusOr<OpenLog> opened = killed.Open();
  CHECK(absl::IsDataLoss(opened.status()));
  CHECK(FaultOf(opened.status())->kind == FaultKind::kWalGap);
}

}  // namespace
}  // namespace dr
