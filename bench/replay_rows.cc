// replay/*: a log of 1 GiB is read from its beginning and checked; nothing is done with the
// records.

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "bench/dr_log.h"
#include "bench/peers/peer.h"
#include "bench/rate.h"
#include "bench/row.h"
#include "dr/digest.h"
#include "dr/status_macros.h"

namespace bench {
namespace {

constexpr std::size_t kBytes = 100;
constexpr std::uint64_t kRecords = 9'000'000;  // with their headers 1 GiB of log
constexpr std::size_t kGroupBytes = 1 << 20;

absl::StatusOr<Round> PrepareDr(const std::string& directory, std::uint64_t expected) {
  DR_ASSIGN_OR_RETURN(std::shared_ptr<DrLog> log, DrLog::Open(directory, 1, DrLog::Trims::kNever));
  const std::string payload(kBytes, 'x');
  for (std::uint64_t i = 0; i < expected; ++i) DR_RETURN_IF_ERROR(log->AppendBuffered(payload));
  DR_RETURN_IF_ERROR(log->log().Persist(log->log().last()));
  return [log, expected]() -> absl::StatusOr<Measurement> {
    const double begin = Seconds();
    DR_ASSIGN_OR_RETURN(std::unique_ptr<dr::WalReader> reader, log->wal().Read({1}));
    std::uint64_t records = 0, bytes = 0;
    for (;; ++records) {
      const absl::StatusOr<std::optional<dr::RecordView>> record = reader->Next();
      if (!record.ok()) return record.status();
      if (!record->has_value()) break;
      bytes += (*record)->payload.size();
    }
    const double elapsed = Seconds() - begin;
    if (records != expected || bytes != expected * kBytes) {
      return absl::InternalError("not all records were read");
    }
    return Measurement{static_cast<double>(records) / elapsed};
  };
}

/// The limit: groups of 1 MiB, each a hash and frames of a length and a payload.
class BareScan {
 public:
  static absl::StatusOr<std::shared_ptr<BareScan>> Write(const std::string& directory,
                                                         std::uint64_t records) {
    auto scan = std::make_shared<BareScan>();
    scan->records_ = records;
    scan->fd_ = open((directory + "/bare.log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const std::string payload(kBytes, 'x');
    std::vector<char>& group = scan->group_;
    for (std::uint64_t record = 0; record < records;) {
      std::size_t at = sizeof(std::uint64_t);
      for (; record < records && at + sizeof(std::uint32_t) + kBytes <= kGroupBytes; ++record) {
        const std::uint32_t length = kBytes;
        std::memcpy(&group[at], &length, sizeof(length));
        std::memcpy(&group[at + sizeof(length)], payload.data(), kBytes);
        at += sizeof(length) + kBytes;
      }
      std::memset(&group[at], 0, kGroupBytes - at);
      const std::uint64_t hash = Hash(group);
      std::memcpy(group.data(), &hash, sizeof(hash));
      if (write(scan->fd_, group.data(), kGroupBytes) != static_cast<ssize_t>(kGroupBytes)) {
        return absl::UnavailableError("write failed");
      }
    }
    return scan;
  }
  ~BareScan() { close(fd_); }

  absl::StatusOr<Measurement> Read() {
    const double begin = Seconds();
    std::uint64_t records = 0, bytes = 0;
    for (off_t offset = 0; pread(fd_, group_.data(), kGroupBytes, offset) > 0;
         offset += kGroupBytes) {
      std::uint64_t hash = 0;
      std::memcpy(&hash, group_.data(), sizeof(hash));
      if (Hash(group_) != hash) return absl::DataLossError("the hash does not hold");
      std::uint32_t length = 0;
      for (std::size_t at = sizeof(hash); at + sizeof(length) <= kGroupBytes;
           at += sizeof(length) + length) {
        std::memcpy(&length, &group_[at], sizeof(length));
        if (length == 0) break;
        ++records;
        bytes += length;
      }
    }
    const double elapsed = Seconds() - begin;
    if (bytes != records_ * kBytes) return absl::InternalError("not all records were read");
    return Measurement{static_cast<double>(records) / elapsed};
  }

 private:
  static std::uint64_t Hash(const std::vector<char>& group) {
    return dr::HashOf({group.data() + sizeof(std::uint64_t), kGroupBytes - sizeof(std::uint64_t)});
  }

  int fd_ = -1;
  std::uint64_t records_ = 0;
  std::vector<char> group_ = std::vector<char>(kGroupBytes);
};

absl::StatusOr<Field> PrepareReplay(Place& place) {
  const std::uint64_t records = place.Scaled(kRecords);
  Field field;
  DR_ASSIGN_OR_RETURN(std::string directory, place.Fresh("dr"));
  DR_ASSIGN_OR_RETURN(field.dr, PrepareDr(directory, records));
  for (const PreparedPeer& peer : AllPeers().replays) {
    if (!place.TakesPart(peer.name)) continue;
    DR_ASSIGN_OR_RETURN(std::string peer_directory, place.Fresh("peer"));
    DR_ASSIGN_OR_RETURN(Round round, peer.prepare(peer_directory, records, kBytes));
    field.peers.push_back({peer.name, std::move(round), peer.comparable});
  }
  if (!place.TakesPart("limit")) return field;
  DR_ASSIGN_OR_RETURN(std::string limit_directory, place.Fresh("limit"));
  DR_ASSIGN_OR_RETURN(std::shared_ptr<BareScan> bare, BareScan::Write(limit_directory, records));
  field.limit = [bare] { return bare->Read(); };
  return field;
}

}  // namespace

std::vector<Row> ReplayRows() {
  return {{.name = "replay/100B/1GiB",
           .unit = "records/s",
           .goal = {4, 0.65},
           .rounds_max = 3,
           .prepare = PrepareReplay}};
}

}  // namespace bench
