#include "src/log/copy_records.h"

#include <vector>

#include "src/log/segment_files.h"
#include "tests/log/log_fixture.h"

namespace dr::test {
namespace {

/// Records from a list, by their payloads. Behind the last there is damage.
class ListReader final : public WalReader {
 public:
  explicit ListReader(std::vector<std::string> payloads) : payloads_(std::move(payloads)) {}
  absl::StatusOr<std::optional<RecordView>> Next() override {
    if (next_ == payloads_.size()) return absl::DataLossError("damage");
    const std::string& payload = payloads_[next_++];
    return RecordView{
        .lsn = {next_}, .component = "c", .schema_version = 1, .time_ns = 5, .payload = payload};
  }

 private:
  std::vector<std::string> payloads_;
  std::size_t next_ = 0;
};

const SegmentPrefix kPrefix{.block_bytes = kBlockBytes, .first_lsn = {1}};

/// What the copied groups hold.
std::vector<std::string> Read(const std::vector<std::string>& groups) {
  std::vector<std::string> payloads;
  RecordReader reader;
  for (const std::string& group : groups) {
    const GroupHeader header = DecodeGroupHeader(group, kPrefix).value();
    CHECK(header.durable_lsn == Lsn{77});
    REQUIRE(VerifyGroup(group, header));
    REQUIRE_OK(reader.Begin(group, header));
    while (const std::optional<RecordView> record = Value(reader.Next())) {
      payloads.emplace_back(record->payload);
    }
  }
  CHECK_FALSE(reader.in_record());
  return payloads;
}

struct Copy {
  std::vector<std::string> groups;
  absl::StatusOr<std::uint64_t> copied;
  Digest history = {};
};

Copy CopyAll(const std::vector<std::string>& payloads, Lsn last) {
  ListReader reader(payloads);
  GroupBuilder builder(kPrefix, PrefixHash(EncodePrefix(kPrefix)));
  AlignedBuffer buffer(2 * kBlockBytes);
  Copy copy;
  copy.copied = CopyRecords(
      reader, {1}, last, {builder, buffer.span(), {77}, copy.history, [&](std::string_view group) {
                            copy.groups.emplace_back(group);
                            return absl::OkStatus();
                          }});
  return copy;
}

TEST_CASE("Records are copied up to the last that is wanted, and nothing behind it is read") {
  const std::vector<std::string> payloads = {"one", "two", "three"};
  const Copy all = CopyAll(payloads, {3});
  CHECK(Value(all.copied) == 3);
  CHECK(all.groups.size() == 1);
  CHECK(Read(all.groups) == payloads);
  CHECK(Read(CopyAll(payloads, {2}).groups) == std::vector<std::string>{"one", "two"});
  CHECK(Value(CopyAll(payloads, {0}).copied) == 0);
  CHECK(CopyAll(payloads, {0}).history == Digest{});
  CHECK_FALSE(CopyAll(payloads, {2}).history == all.history);
  CHECK(absl::IsDataLoss(CopyAll(payloads, {4}).copied.status()));
}

TEST_CASE("A record that is longer than a group is copied whole, in several") {
  const std::vector<std::string> payloads = {"a", std::string(20'000, 'b'), "c",
                                             std::string(kBlockBytes, 'd')};
  const Copy copy = CopyAll(payloads, {4});
  CHECK(copy.groups.size() >= 3);
  CHECK(Read(copy.groups) == payloads);
}

TEST_CASE("A group that cannot be written ends the copy with its error") {
  ListReader reader({"one", std::string(20'000, 'b')});
  GroupBuilder builder(kPrefix, PrefixHash(EncodePrefix(kPrefix)));
  AlignedBuffer buffer(2 * kBlockBytes);
  int writes = 0;
  Digest history;
  const auto copied =
      CopyRecords(reader, {1}, {2}, {builder, buffer.span(), {}, history, [&](std::string_view) {
                                       ++writes;
                                       return absl::ResourceExhaustedError("full");
                                     }});
  CHECK(copied.status() == absl::ResourceExhaustedError("full"));
  CHECK(writes == 1);
}

}  // namespace
}  // namespace dr::test
