// adapter/*: dr's adapters beside thin clients of the same stores.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>

#include "bench/peers/peer.h"
#include "bench/peers/thin_client.h"
#include "bench/rate.h"
#include "bench/row.h"
#include "dr/adapter/adapter_registry.h"
#include "dr/environment/uri.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

constexpr std::size_t kKiB = 1024, kBatch = 16;
constexpr double kSaveGoal = 0.95, kBatchGoal = 1.0;
constexpr int kRounds = 3, kSlices = 6;

/// Values of one length under keys with one prefix.
struct Load {
  std::string prefix;
  std::size_t count, bytes;

  std::vector<std::string> Keys() const {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < count; ++i) keys.push_back(fmt::format("{}/{:04}", prefix, i));
    return keys;
  }
  // Not compressible, by whatever lies below.
  std::string Value() const {
    std::mt19937_64 random(bytes);
    std::string value(bytes, '\0');
    std::ranges::generate(value, [&] { return static_cast<char>(random()); });
    return value;
  }
};

/// dr's adapter where a thin client is wanted.
class Adapter final : public ThinClient {
 public:
  explicit Adapter(std::unique_ptr<dr::StateAdapter> store) : store_(std::move(store)) {}

  absl::Status Put(std::string_view key, std::string_view value) override {
    return store_->Put(key, value, {}, {}).status();
  }
  absl::StatusOr<std::string> Get(std::string_view key) override {
    DR_ASSIGN_OR_RETURN(dr::Item item, store_->Get(key, {}));
    return std::move(item.value);
  }
  absl::StatusOr<std::vector<dr::ListEntry>> List(std::string_view prefix) override {
    DR_ASSIGN_OR_RETURN(dr::Page page, store_->List(prefix, "", {}));
    return std::move(page.entries);
  }
  absl::Status PutMany(std::span<const dr::KeyValue> items) override {
    return store_->PutMany(items, {});
  }
  absl::StatusOr<std::vector<std::string>> GetMany(
      std::span<const std::string_view> keys) override {
    std::vector<std::string> values;
    for (absl::StatusOr<dr::Item>& item : store_->GetMany(keys, {})) {
      DR_RETURN_IF_ERROR(item.status());
      values.push_back(std::move(item->value));
    }
    return values;
  }

 private:
  const std::unique_ptr<dr::StateAdapter> store_;
};

absl::StatusOr<std::string> UriOf(std::string_view adapter, const std::string& directory) {
  if (adapter == "filesystem") return fmt::format("file://{}/values", directory);
  if (adapter == "rocksdb") return fmt::format("rocksdb://{}/values", directory);
  if (adapter == "redis") {
    DR_ASSIGN_OR_RETURN(const std::string uri, ServerVariable("DR_TEST_REDIS"));
    return uri + "?namespace=bench";
  }
  if (adapter == "postgres") {
    DR_ASSIGN_OR_RETURN(const std::string uri, ServerVariable("DR_TEST_POSTGRES"));
    return uri + "&namespace=bench";
  }
  DR_ASSIGN_OR_RETURN(const std::string text, ServerVariable("DR_TEST_S3"));
  DR_ASSIGN_OR_RETURN(const dr::Uri uri, dr::ParseUri(text));
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
    DR_ASSIGN_OR_RETURN(const std::string value, ServerVariable(fmt::format("DR_TEST_{}", name)));
    setenv(name, value.c_str(), 1);
  }
  return fmt::format("s3://{}/bench?endpoint={}", uri.host, uri.Find("endpoint").value_or(""));
}

absl::StatusOr<std::unique_ptr<ThinClient>> OpenAdapter(std::string_view name, Place& place) {
  static dr::PosixFileSystem files;
  static dr::SystemClock clock;
  static dr::SystemRandom random;
  DR_ASSIGN_OR_RETURN(const std::string directory, place.Fresh("dr"));
  DR_ASSIGN_OR_RETURN(const std::string uri, UriOf(name, directory));
  DR_ASSIGN_OR_RETURN(auto store, dr::LinkedAdapters().Open(uri, {&files, &clock, &random}));
  return std::make_unique<Adapter>(std::move(store));
}

absl::Status Fill(ThinClient& client, const Load& load) {
  const std::vector<std::string> keys = load.Keys();
  const std::string value = load.Value();
  std::vector<dr::KeyValue> items;
  for (const std::string& key : keys) {
    items.push_back({key, value});
    if (items.size() < kBatch && &key != &keys.back()) continue;
    DR_RETURN_IF_ERROR(client.PutMany(items));
    items.clear();
  }
  return absl::OkStatus();
}

/// One call of a client; how many values it moved.
using Call = std::function<absl::StatusOr<std::uint64_t>(ThinClient& client)>;
using MakeCall = Call (*)(const Load& load);

Call Save(const Load& load) {
  return [keys = load.Keys(), value = load.Value(),
          i = std::size_t{0}](ThinClient& client) mutable -> absl::StatusOr<std::uint64_t> {
    DR_RETURN_IF_ERROR(client.Put(keys[i++ % keys.size()], value));
    return 1;
  };
}

Call LoadOne(const Load& load) {
  return [keys = load.Keys(), bytes = load.bytes,
          i = std::size_t{0}](ThinClient& client) mutable -> absl::StatusOr<std::uint64_t> {
    DR_ASSIGN_OR_RETURN(const std::string value, client.Get(keys[i++ % keys.size()]));
    if (value.size() != bytes) return absl::DataLossError("a value of another length");
    return 1;
  };
}

Call List(const Load& load) {
  return [prefix = load.prefix + "/",
          count = load.count](ThinClient& client) -> absl::StatusOr<std::uint64_t> {
    DR_ASSIGN_OR_RETURN(const std::vector<dr::ListEntry> entries, client.List(prefix));
    if (entries.size() != count) return absl::DataLossError("a list of another length");
    return 1;
  };
}

Call SaveBatch(const Load& load) {
  return [keys = load.Keys(), value = load.Value(),
          i = std::size_t{0}](ThinClient& client) mutable -> absl::StatusOr<std::uint64_t> {
    std::array<dr::KeyValue, kBatch> items;
    for (dr::KeyValue& item : items) item = {keys[i++ % keys.size()], value};
    DR_RETURN_IF_ERROR(client.PutMany(items));
    return kBatch;
  };
}

Call LoadBatch(const Load& load) {
  return [keys = load.Keys(),
          i = std::size_t{0}](ThinClient& client) mutable -> absl::StatusOr<std::uint64_t> {
    std::array<std::string_view, kBatch> wanted;
    for (std::string_view& key : wanted) key = keys[i++ % keys.size()];
    DR_RETURN_IF_ERROR(client.GetMany(wanted).status());
    return kBatch;
  };
}

absl::StatusOr<Round> Prepare(absl::StatusOr<std::shared_ptr<ThinClient>> client, MakeCall make,
                              const Load& load, double seconds) {
  DR_RETURN_IF_ERROR(client.status());
  DR_RETURN_IF_ERROR(Fill(**client, load));
  return [=, client = *client, call = make(load)]() mutable -> absl::StatusOr<Measurement> {
    DR_ASSIGN_OR_RETURN(double rate, Rate(1, seconds, [&](int) { return call(*client); }));
    return Measurement{rate};
  };
}

absl::StatusOr<Field> PrepareField(const ThinPeer& peer, MakeCall make, Load load, Place& place) {
  const double seconds = place.round_seconds() / kSlices;
  if (place.quick()) load.count = std::min(load.count, kBatch);
  Field field;
  DR_ASSIGN_OR_RETURN(field.dr, Prepare(OpenAdapter(peer.adapter, place), make, load, seconds));
  if (!place.TakesPart(peer.name)) return field;
  DR_ASSIGN_OR_RETURN(const std::string directory, place.Fresh("thin"));
  DR_ASSIGN_OR_RETURN(Round round, Prepare(peer.open(directory), make, load, seconds));
  field.peers.push_back({peer.name, std::move(round)});
  return field;
}

Row AdapterRow(const ThinPeer& peer, std::string_view what, double goal, MakeCall make,
               const Load& load) {
  return {.name = fmt::format("adapter/{}/{}", peer.adapter, what),
          .unit = make == List ? "lists/s" : "values/s",
          .goal = {.peer = goal},
          .rounds_max = kRounds,
          .slices = kSlices,
          .prepare = [=](Place& place) { return PrepareField(peer, make, load, place); }};
}

}  // namespace

std::vector<Row> AdapterRows() {
  const struct {
    std::string_view name;
    std::size_t count, bytes;
  } sizes[] = {{"1KiB", 128, kKiB}, {"64KiB", 32, 64 * kKiB}, {"4MiB", 8, 4096 * kKiB}};
  std::vector<Row> rows;
  for (const ThinPeer& peer : AllPeers().thin) {
    for (const auto& [name, count, bytes] : sizes) {
      const Load load{fmt::format("single-{}", name), count, bytes};
      rows.push_back(AdapterRow(peer, fmt::format("save/{}", name), kSaveGoal, Save, load));
      rows.push_back(AdapterRow(peer, fmt::format("load/{}", name), kSaveGoal, LoadOne, load));
    }
    const Load batch{"batch", 8 * kBatch, kKiB};
    rows.push_back(AdapterRow(peer, "batch16/1KiB", kBatchGoal, SaveBatch, batch));
    rows.push_back(AdapterRow(peer, "batch16-load/1KiB", kBatchGoal, LoadBatch, batch));
    rows.push_back(AdapterRow(peer, "list/1000", kSaveGoal, List, {"list", 1000, 100}));
  }
  return rows;
}

}  // namespace bench
