// A component that can show that it holds the right state: it keeps a history of its operations,
// and the sum of the digests of its records, with every operation.
#pragma once

#include <optional>
#include <string>

#include "dr/digest.h"
#include "dr/stateful_component.h"
#include "examples/dr_demo/history.h"

namespace demo {

class TrackedComponent : public dr::StatefulComponent {
 public:
  Positions positions() const {
    dr::ReaderLock lock(state_mutex());
    return history_.positions();
  }
  /// Of the whole state, as kept up to date.
  dr::Digest digest() const {
    dr::ReaderLock lock(state_mutex());
    return *StateDigest();
  }
  /// The same, from every record there is.
  dr::Digest Recount() const {
    struct Sum : dr::StateWriter {
      absl::Status WriteRecord(std::string_view record) override {
        digest += dr::DigestOf(record);
        return absl::OkStatus();
      }
      dr::Digest digest;
    } sum;
    dr::ReaderLock lock(state_mutex());
    return SaveState(sum).ok() ? sum.digest : dr::Digest{};
  }

 protected:
  using StatefulComponent::StatefulComponent;

  History history_;
  dr::Digest content_;  // of all records but the history's

 private:
  absl::Status SaveState(dr::StateWriter& out) const override = 0;
  /// dr logs it now and then; replay is then checked against what was.
  std::optional<dr::Digest> StateDigest() const override {
    dr::Digest digest = content_;
    return digest += history_.digest();
  }
};

}  // namespace demo
