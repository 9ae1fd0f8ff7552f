// A component that keeps lines of text: what the examples of changing components have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dr/host.h"

/// An operation is "+" and a line to add, or "0": give up all lines.
class Lines : public dr::StatefulComponent {
 public:
  explicit Lines(std::string id)
      : StatefulComponent(std::move(id), {.name = "lines", .version = 1}) {}

  static std::string Adding(std::string_view line) { return "+" + std::string(line); }
  static std::string GivingUpAll() { return "0"; }

  absl::Status Add(std::string_view line) { return Commit(Adding(line)).status(); }
  std::vector<std::string> lines() const {
    dr::ReaderLock lock(state_mutex());
    return lines_;
  }

 private:
  absl::Status Apply(const dr::Operation& op) override {
    if (op.payload == GivingUpAll()) {
      lines_.clear();
    } else {
      lines_.emplace_back(op.payload.substr(1));
    }
    return absl::OkStatus();
  }
  absl::Status SaveState(dr::StateWriter& out) const override {
    for (const std::string& line : lines_) {
      if (absl::Status s = out.Write(line); !s.ok()) return s;
    }
    return absl::OkStatus();
  }
  absl::Status LoadState(dr::StateReader& in) override {
    lines_.clear();
    for (;;) {
      const absl::StatusOr<std::optional<std::string_view>> line = in.Next();
      if (!line.ok() || !line->has_value()) return line.status();
      lines_.emplace_back(**line);
    }
  }

  std::vector<std::string> lines_;
};
