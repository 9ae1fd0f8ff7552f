// recover/*: from open until 10^6 operations of 1 KiB, which are in the log and in no checkpoint,
// are in memory again.

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "bench/peers/peer.h"
#include "bench/rate.h"
#include "bench/row.h"
#include "dr/digest.h"
#include "dr/host.h"
#include "dr/status_macros.h"

namespace bench {
namespace {

constexpr std::uint64_t kOperations = 1'000'000;
constexpr std::size_t kBytes = 1024;
constexpr std::size_t kGroupBytes = 1 << 20;

/// What Apply does, for dr and for the limit: a copy of every operation.
using State = std::vector<std::string>;

class Journal final : public dr::StatefulComponent {
 public:
  Journal() : StatefulComponent("journal", {.name = "journal", .version = 1}) {}
  absl::Status Add(std::string_view payload, dr::Durability durability) {
    return Commit(payload, {.durability = durability}).status();
  }
  std::size_t size() const {
    dr::ReaderLock lock(state_mutex());
    return state_.size();
  }

 private:
  absl::Status Apply(const dr::Operation& operation) override {
    state_.emplace_back(operation.payload);
    return absl::OkStatus();
  }
  absl::Status SaveState(dr::StateWriter& out) const override {
    for (const std::string& entry : state_) DR_RETURN_IF_ERROR(out.Write(entry));
    return absl::OkStatus();
  }
  absl::Status LoadState(dr::StateReader& in) override {
    state_.clear();
    for (;;) {
      DR_ASSIGN_OR_RETURN(std::optional<std::string_view> entry, in.Next());
      if (!entry) return absl::OkStatus();
      state_.emplace_back(*entry);
    }
  }

  State state_;
};

absl::StatusOr<std::unique_ptr<dr::Host>> OpenHost(const std::string& directory, Journal& journal) {
  return dr::Host::Open(
      {.directory = directory, .components = {&journal}, .checkpoint = {.on_shutdown = false}},
      dr::AdapterRegistry());
}

absl::StatusOr<Round> PrepareDr(const std::string& directory, std::uint64_t operations) {
  {
    Journal journal;
    DR_ASSIGN_OR_RETURN(std::unique_ptr<dr::Host> host, OpenHost(directory, journal));
    const std::string payload(kBytes, 'x');
    for (std::uint64_t i = 1; i < operations; ++i) {
      DR_RETURN_IF_ERROR(journal.Add(payload, dr::Durability::kProcess));
    }
    DR_RETURN_IF_ERROR(journal.Add(payload, dr::Durability::kLocal));
  }
  return [directory, operations]() -> absl::StatusOr<Measurement> {
    Journal journal;
    const double begin = Seconds();
    DR_ASSIGN_OR_RETURN(std::unique_ptr<dr::Host> host, OpenHost(directory, journal));
    const double elapsed = Seconds() - begin;
    if (journal.size() != operations) return absl::InternalError("operations are missing");
    return Measurement{elapsed};
  };
}

/// The limit: reads groups, hashes them, and copies every operation into the same state.
absl::StatusOr<Round> PrepareLimit(const std::string& directory, std::uint64_t operations) {
  const std::string name = directory + "/bare.log";
  const int out = open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  std::vector<char> group(kGroupBytes, 'x');
  for (std::uint64_t i = 0; i < operations * kBytes / kGroupBytes + 1; ++i) {
    if (write(out, group.data(), kGroupBytes) < 0) return absl::UnavailableError("write failed");
  }
  close(out);
  const std::uint64_t expected = dr::HashOf({group.data(), kGroupBytes});
  return [name, operations, expected]() -> absl::StatusOr<Measurement> {
    State state;
    std::vector<char> group(kGroupBytes);
    const double begin = Seconds();
    const int in = open(name.c_str(), O_RDONLY | O_CLOEXEC);
    while (read(in, group.data(), kGroupBytes) > 0) {
      if (dr::HashOf({group.data(), kGroupBytes}) != expected)
        return absl::DataLossError("bad hash");
      for (std::size_t at = 0; at < kGroupBytes && state.size() < operations; at += kBytes) {
        state.emplace_back(&group[at], kBytes);
      }
    }
    const double elapsed = Seconds() - begin;
    close(in);
    return Measurement{elapsed};
  };
}

absl::StatusOr<Field> PrepareRecover(Place& place) {
  const std::uint64_t operations = place.Scaled(kOperations);
  Field field;
  DR_ASSIGN_OR_RETURN(std::string directory, place.Fresh("dr"));
  DR_ASSIGN_OR_RETURN(field.dr, PrepareDr(directory, operations));
  for (const PreparedPeer& peer : AllPeers().recoveries) {
    if (!place.TakesPart(peer.name)) continue;
    DR_ASSIGN_OR_RETURN(std::string peer_directory, place.Fresh("peer"));
    DR_ASSIGN_OR_RETURN(Round round, peer.prepare(peer_directory, operations, kBytes));
    field.peers.push_back({peer.name, std::move(round), peer.comparable});
  }
  if (!place.TakesPart("limit")) return field;
  DR_ASSIGN_OR_RETURN(std::string limit_directory, place.Fresh("limit"));
  DR_ASSIGN_OR_RETURN(field.limit, PrepareLimit(limit_directory, operations));
  return field;
}

}  // namespace

std::vector<Row> RecoverRows() {
  return {{.name = "recover/1e6x1KiB",
           .unit = "s",
           .better = Better::kLower,
           .goal = {3, 0.7},
           .rounds_max = 3,
           .prepare = PrepareRecover}};
}

}  // namespace bench
