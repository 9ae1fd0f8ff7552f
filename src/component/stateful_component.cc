#include "dr/stateful_component.h"

#include <utility>

#include "dr/batch.h"
#include "src/component/commit.h"
#include "src/component/component_core.h"

namespace dr::inline v0 {

StatefulComponent::StatefulComponent(std::string id, Schema schema)
    : core_(std::make_shared<ComponentCore>(*this, std::move(id), std::move(schema))) {}
StatefulComponent::~StatefulComponent() { core_->Orphan(); }

const std::string& StatefulComponent::id() const { return core_->id(); }
const Schema& StatefulComponent::schema() const { return core_->schema(); }
SharedMutex& StatefulComponent::state_mutex() const { return core_->callbacks().state_mutex(); }

absl::StatusOr<Lsn> StatefulComponent::Commit(std::string_view payload,
                                              const CommitOptions& options) {
  return CommitOperation(*core_, payload, options);
}

absl::StatusOr<Lsn> StatefulComponent::CommitIf(
    absl::FunctionRef<absl::StatusOr<std::string>()> decide, const CommitOptions& options) {
  return CommitDecision(*core_, decide, options);
}

void StatefulComponent::CommitAsync(std::string payload, const CommitOptions& options,
                                    absl::AnyInvocable<void(absl::StatusOr<Lsn>) &&> done) {
  CommitLater(*core_, payload, options, std::move(done));
}

absl::StatusOr<Lsn> CommitAll(std::span<const ComponentCommit> commits,
                              const CommitOptions& options) {
  return CommitBatch(commits, options);
}

}  // namespace dr::inline v0
