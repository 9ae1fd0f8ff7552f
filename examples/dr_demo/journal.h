// The steps that the agents took, one line each, kept for ever. State that only grows gets its
// frozen view for free: what was written does not change, so a view is the blocks and a count.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "examples/dr_demo/tracked_component.h"

namespace demo {

class Journal final : public TrackedComponent {
 public:
  Journal() : TrackedComponent("journal", {.name = "journal", .version = 1}) {}

  /// The operation, ready to be committed; it is also the record that the digest is summed over.
  static std::string Note(std::uint32_t agent, std::uint64_t step, std::string_view text);

  std::size_t size() const;

 private:
  static constexpr std::size_t kBlockLines = 1024;
  using Blocks = std::vector<std::shared_ptr<std::string[]>>;

  absl::Status Apply(const dr::Operation& operation) override;
  absl::Status SaveState(dr::StateWriter& out) const override;
  absl::Status LoadState(dr::StateReader& in) override;
  dr::FrozenState FreezeState() const override;

  void Add(std::string_view line);

  Blocks blocks_;
  std::size_t lines_ = 0;
};

}  // namespace demo
