// A component whose callbacks do what the test says.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dr/stateful_component.h"

namespace dr::test {

/// Its state is the payloads that were applied.
class Scripted : public StatefulComponent {
 public:
  explicit Scripted(std::string id = "scripted", std::uint32_t version = 1)
      : StatefulComponent(std::move(id), {.name = "scripted", .version = version}) {}

  absl::StatusOr<Lsn> Add(std::string_view payload, const CommitOptions& options = {}) {
    return Commit(payload, options);
  }
  absl::StatusOr<Lsn> AddIf(absl::FunctionRef<absl::StatusOr<std::string>()> decide,
                            const CommitOptions& options = {}) {
    return CommitIf(decide, options);
  }
  void AddLater(std::string payload, absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done,
                const CommitOptions& options = {}) {
    CommitAsync(std::move(payload), options, std::move(done));
  }
  std::vector<std::string> Payloads() const {
    ReaderLock lock(state_mutex());
    return payloads;
  }
  using StatefulComponent::state_mutex;

  std::vector<std::string> payloads;
  std::function<absl::Status(const Operation&)> on_apply;
  std::function<absl::Status()> on_save;
  std::function<absl::Status()> on_load;
  std::function<FrozenState()> on_freeze;
  std::function<std::optional<Digest>()> on_digest;
  std::function<absl::Status(SchemaUpgrades&)> on_upgrades;

 private:
  absl::Status Apply(const Operation& op) override {
    if (on_apply) {
      if (absl::Status s = on_apply(op); !s.ok()) return s;
    }
    payloads.emplace_back(op.payload);
    return absl::OkStatus();
  }
  absl::Status SaveState(StateWriter& out) const override {
    if (on_save) {
      if (absl::Status s = on_save(); !s.ok()) return s;
    }
    for (const std::string& payload : payloads) {
      if (absl::Status s = out.Write(payload); !s.ok()) return s;
    }
    return absl::OkStatus();
  }
  absl::Status LoadState(StateReader& in) override {
    if (on_load) {
      if (absl::Status s = on_load(); !s.ok()) return s;
    }
    payloads.clear();
    for (;;) {
      auto record = in.Next();
      if (!record.ok() || !*record) return record.status();
      payloads.emplace_back(**record);
    }
  }
  FrozenState FreezeState() const override { return on_freeze ? on_freeze() : nullptr; }
  std::optional<Digest> StateDigest() const override {
    return on_digest ? on_digest() : std::nullopt;
  }
  absl::Status RegisterUpgrades(SchemaUpgrades& upgrades) const override {
    return on_upgrades ? on_upgrades(upgrades) : absl::OkStatus();
  }
};

/// Records in memory, to be read and written.
class Records final : public StateReader, public StateWriter {
 public:
  Records() = default;
  explicit Records(std::vector<std::string> some) : records(std::move(some)) {}
  absl::Status WriteRecord(std::string_view record) override {
    records.emplace_back(record);
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<std::string_view>> Next() override {
    if (next_ == records.size()) return std::nullopt;
    return std::optional<std::string_view>(records[next_++]);
  }
  std::vector<std::string> records;

 private:
  std::size_t next_ = 0;
};

}  // namespace dr::test
