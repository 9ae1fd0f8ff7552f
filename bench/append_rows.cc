// append/*: records into a log, each acknowledged after its sync, or not synced at all.

#include "bench/dr_log.h"
#include "bench/limit.h"
#include "bench/peers/peer.h"
#include "bench/rate.h"
#include "bench/row.h"
#include "dr/host.h"
#include "dr/status_macros.h"

namespace bench {
namespace {

struct Load {
  std::size_t bytes;
  int threads;
  int window = 1;  ///< outstanding per thread
};

Round Appends(std::shared_ptr<LogStore> store, const Load& load, double seconds) {
  return [=, payload = std::string(load.bytes, 'x')]() -> absl::StatusOr<Measurement> {
    const std::vector<std::string_view> records(load.window, payload);
    DR_ASSIGN_OR_RETURN(
        double rate, Rate(load.threads, seconds, [&](int thread) -> absl::StatusOr<std::uint64_t> {
          DR_RETURN_IF_ERROR(store->Append(thread, records));
          return records.size();
        }));
    return Measurement{rate};
  };
}

using LimitRate = std::function<absl::StatusOr<double>(BareLog& log)>;

absl::Status AddLimit(LimitRate measure, Place& place, Field& field) {
  if (!place.TakesPart("limit")) return absl::OkStatus();
  DR_ASSIGN_OR_RETURN(std::string directory, place.Fresh("limit"));
  DR_ASSIGN_OR_RETURN(std::shared_ptr<BareLog> bare, BareLog::Open(directory));
  field.limit = [=]() -> absl::StatusOr<Measurement> {
    DR_ASSIGN_OR_RETURN(double rate, measure(*bare));
    return Measurement{rate};
  };
  return absl::OkStatus();
}

absl::Status AddDurableLimit(const Load& load, Place& place, Field& field) {
  return AddLimit(
      [=, seconds = place.round_seconds()](BareLog& log) {
        return log.Durable(load.bytes, load.threads, load.window, seconds);
      },
      place, field);
}

absl::StatusOr<std::shared_ptr<DrLog>> OpenDr(const Load& load, Place& place) {
  DR_ASSIGN_OR_RETURN(std::string directory, place.Fresh("dr"));
  DR_ASSIGN_OR_RETURN(std::shared_ptr<DrLog> log, DrLog::Open(directory, load.threads));
  DR_RETURN_IF_ERROR(log->Warm());
  return log;
}

absl::Status AddPeer(const LogPeer& peer, const Load& load, Place& place, Field& field) {
  if (!place.TakesPart(peer.name)) return absl::OkStatus();
  DR_ASSIGN_OR_RETURN(std::string directory, place.Fresh("peer"));
  absl::StatusOr<std::shared_ptr<LogStore>> store = peer.open(directory, load.threads);
  if (store.ok()) {
    field.peers.push_back({peer.name, Appends(*store, load, place.round_seconds())});
  } else {
    field.LeaveOut(peer.name, store.status());
  }
  return absl::OkStatus();
}

absl::StatusOr<Field> PrepareDurable(const Load& load, Place& place) {
  Field field;
  DR_ASSIGN_OR_RETURN(std::shared_ptr<DrLog> log, OpenDr(load, place));
  field.dr = Appends(std::move(log), load, place.round_seconds());
  for (const LogPeer& peer : AllPeers().logs) DR_RETURN_IF_ERROR(AddPeer(peer, load, place, field));
  DR_RETURN_IF_ERROR(AddDurableLimit(load, place, field));
  return field;
}

// One call a record for dr: its batch is only what lies between two looks at the clock.
absl::StatusOr<Field> PrepareBuffered(std::size_t bytes, Place& place) {
  const Load load{.bytes = bytes, .threads = 1, .window = 1000};
  const double seconds = place.round_seconds();
  Field field;
  DR_ASSIGN_OR_RETURN(std::shared_ptr<DrLog> log, OpenDr(load, place));
  field.dr = Appends(std::make_shared<BufferedDrLog>(std::move(log)), load, seconds);
  for (const LogPeer& peer : AllPeers().buffered) {
    DR_RETURN_IF_ERROR(AddPeer(peer, {bytes, 1, peer.batch}, place, field));
  }
  DR_RETURN_IF_ERROR(
      AddLimit([=](BareLog& log) { return log.Buffered(bytes, seconds); }, place, field));
  return field;
}

class Counter final : public dr::StatefulComponent {
 public:
  Counter() : StatefulComponent("bench", {.name = "bench", .version = 1}) {}
  absl::Status Add(std::string_view payload) { return Commit(payload).status(); }

 private:
  absl::Status Apply(const dr::Operation& operation) override {
    bytes_ += operation.payload.size();
    return absl::OkStatus();
  }
  absl::Status SaveState(dr::StateWriter&) const override { return absl::OkStatus(); }
  absl::Status LoadState(dr::StateReader&) override { return absl::OkStatus(); }

  std::uint64_t bytes_ = 0;
};

class ComponentLog final : public LogStore {
 public:
  absl::Status Open(const std::string& directory) {
    DR_ASSIGN_OR_RETURN(host_, dr::Host::Open({.directory = directory, .components = {&counter_}},
                                              dr::AdapterRegistry()));
    return host_->Start();
  }
  absl::Status Append(int, std::span<const std::string_view> records) override {
    for (std::string_view record : records) DR_RETURN_IF_ERROR(counter_.Add(record));
    return absl::OkStatus();
  }

 private:
  Counter counter_;
  std::unique_ptr<dr::Host> host_;
};

absl::StatusOr<Field> PrepareCommit(const Load& load, Place& place) {
  Field field;
  DR_ASSIGN_OR_RETURN(std::string directory, place.Fresh("host"));
  auto log = std::make_shared<ComponentLog>();
  DR_RETURN_IF_ERROR(log->Open(directory));
  field.dr = Appends(std::move(log), load, place.round_seconds());
  if (constexpr const char* kBareLog = "dr append"; place.TakesPart(kBareLog)) {
    DR_ASSIGN_OR_RETURN(std::shared_ptr<DrLog> bare, OpenDr(load, place));
    field.peers.push_back({kBareLog, Appends(std::move(bare), load, place.round_seconds())});
  }
  DR_RETURN_IF_ERROR(AddDurableLimit(load, place, field));
  return field;
}

Row Durable(std::string name, const Load& load, const Goal& goal) {
  return {
      .name = std::move(name), .unit = "records/s", .goal = goal, .prepare = [load](Place& place) {
        return PrepareDurable(load, place);
      }};
}

}  // namespace

std::vector<Row> AppendRows() {
  return {
      Durable("append/durable/100B/1", {100, 1}, {1.4, 0.9}),
      Durable("append/durable/100B/4", {100, 4}, {1.6, 0.9}),
      Durable("append/durable/100B/16", {100, 16}, {1.7, 0.9}),
      Durable("append/durable/1KiB/16", {1024, 16}, {2.5, 0.9}),
      Durable("append/durable/16KiB/1", {16384, 1}, {2.0, 0.9}),
      Durable("append/durable/16KiB/16", {16384, 16}, {3.0, 0.9}),
      Durable("append/window64/100B/1", {100, 1, 64}, {2.0, 0.9}),
      Durable("append/window64/100B/16", {100, 16, 64}, {5.0, 0.85}),
      {.name = "append/buffered/100B/1",
       .unit = "records/s",
       .goal = {1.6, 0.8},
       .prepare = [](Place& place) { return PrepareBuffered(100, place); }},
      {.name = "commit/100B/16",
       .unit = "commits/s",
       .goal = {0.9, 0},
       .prepare =
           [](Place& place) {
             return PrepareCommit({100, 16}, place);
           }},
  };
}

}  // namespace bench
