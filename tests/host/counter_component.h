// A component for tests: named counters, and the sequence of what was applied.
#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "dr/host.h"

namespace dr::test {

class Counters : public StatefulComponent {
 public:
  explicit Counters(std::string id = "counters", std::uint32_t version = 1)
      : StatefulComponent(std::move(id), {.name = "counters", .version = version}) {}

  absl::StatusOr<Lsn> Add(const std::string& name, const CommitOptions& options = {}) {
    return Commit(name, options);
  }
  absl::StatusOr<Lsn> AddIf(absl::FunctionRef<absl::StatusOr<std::string>()> decide,
                            const CommitOptions& options = {}) {
    return CommitIf(decide, options);
  }
  void AddAsync(const std::string& name, absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done) {
    CommitAsync(name, {}, std::move(done));
  }
  std::uint64_t Count(const std::string& name) const {
    ReaderLock lock(state_mutex());
    auto found = counts_.find(name);
    return found == counts_.end() ? 0 : found->second;
  }
  std::uint64_t Total() const {
    ReaderLock lock(state_mutex());
    std::uint64_t total = 0;
    for (const auto& [name, count] : counts_) total += count;
    return total;
  }

  /// One line per operation that was applied since construction: Lsn, time, epoch, payload.
  std::vector<std::string> applied;
  /// Runs while the state is being saved.
  std::function<void()> while_saving = [] {};
  /// Runs before an operation is applied.
  std::function<void()> before_applying = [] {};

 private:
  absl::Status Apply(const Operation& op) override {
    before_applying();
    ++counts_[std::string(op.payload)];
    applied.push_back(std::to_string(op.lsn.value) + " " +
                      std::to_string(absl::ToUnixNanos(op.time)) + " " +
                      std::to_string(op.epoch.value) + " " + std::string(op.payload));
    return absl::OkStatus();
  }
  absl::Status SaveState(StateWriter& out) const override {
    while_saving();
    for (const auto& [name, count] : counts_) {
      if (absl::Status s = out.Write(name + "=" + std::to_string(count)); !s.ok()) return s;
    }
    return absl::OkStatus();
  }
  absl::Status LoadState(StateReader& in) override {
    counts_.clear();
    for (;;) {
      absl::StatusOr<std::optional<std::string_view>> record = in.Next();
      if (!record.ok()) return record.status();
      if (!*record) return absl::OkStatus();
      const std::size_t equals = (*record)->rfind('=');
      counts_[std::string((*record)->substr(0, equals))] =
          std::stoull(std::string((*record)->substr(equals + 1)));
    }
  }

  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace dr::test
