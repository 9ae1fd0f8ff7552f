#include "dr/schema_upgrades.h"

#include <deque>
#include <exception>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

template <typename Steps>
absl::Status Add(Steps& steps, std::string_view what, std::string_view schema, std::uint32_t from,
                 typename Steps::mapped_type step) {
  if (steps.try_emplace({std::string(schema), from}, std::move(step)).second) {
    return absl::OkStatus();
  }
  return MakeFault(
      {.kind = FaultKind::kExists, .place = std::string(schema), .next = "register each step once"},
      fmt::format("there is a {} upgrade of schema '{}' from version {} already", what, schema,
                  from));
}

// As far as it can be seen: a type of their own tells lambdas apart, the address plain functions.
template <typename Result, typename... Args>
bool IsSameCode(const std::function<Result(Args...)>& a, const std::function<Result(Args...)>& b) {
  using Function = Result (*)(Args...);
  const Function* const f = a.template target<Function>();
  const Function* const g = b.template target<Function>();
  return f != nullptr && g != nullptr ? *f == *g : a.target_type() == b.target_type();
}

template <typename Steps>
absl::Status Merge(Steps& steps, std::string_view what, const Steps& others) {
  for (const auto& [step, code] : others) {
    const auto& [place, is_new] = steps.try_emplace(step, code);
    if (is_new || IsSameCode(place->second, code)) continue;
    const auto& [schema, from] = step;
    return MakeFault({.kind = FaultKind::kExists,
                      .place = schema,
                      .next = "give all components of the schema one function that registers it"},
                     fmt::format("two components register different {} upgrades of schema '{}' "
                                 "from version {}",
                                 what, schema, from));
  }
  return absl::OkStatus();
}

template <typename Steps>
absl::Status Check(const Steps& steps, std::string_view what, std::string_view schema,
                   std::uint32_t found, std::uint32_t today) {
  if (found > today) {
    return MakeFault({.kind = FaultKind::kVersion,
                      .place = std::string(schema),
                      .next = "run the program that wrote it, or a newer one"},
                     fmt::format("{} of schema '{}' version {} was found, this program knows up to "
                                 "version {}",
                                 what, schema, found, today));
  }
  for (std::uint32_t version = found; version < today; ++version) {
    if (steps.contains({std::string(schema), version})) continue;
    return MakeFault({.kind = FaultKind::kVersion,
                      .place = std::string(schema),
                      .next = "register the step in RegisterUpgrades"},
                     fmt::format("{} of schema '{}' version {} was found, and nothing leads from "
                                 "version {} to {}",
                                 what, schema, found, version, version + 1));
  }
  return absl::OkStatus();
}

// A step is foreign code: what it throws is an error of its schema.
template <typename Step>
auto Guarded(std::string_view schema, std::uint32_t from, Step&& step) -> decltype(step()) {
  const auto threw = [&](std::string_view what) {
    return MakeFault(
        {.kind = FaultKind::kComponent,
         .place = std::string(schema),
         .next = "return an error instead"},
        fmt::format("the upgrade of schema '{}' from version {} threw: {}", schema, from, what));
  };
  try {
    return step();
  } catch (const std::exception& error) {
    return threw(error.what());
  } catch (...) {
    return threw("an unknown exception");
  }
}

// One step of the way: reads version v, hands out version v + 1.
class UpgradingReader final : public StateReader, private StateWriter {
 public:
  UpgradingReader(std::unique_ptr<StateReader> in, std::string_view schema, std::uint32_t from,
                  const StateUpgrade& step)
      : in_(std::move(in)), schema_(schema), from_(from), step_(step) {}

  absl::StatusOr<std::optional<std::string_view>> Next() override {
    while (upgraded_.empty()) {
      DR_ASSIGN_OR_RETURN(std::optional<std::string_view> record, in_->Next());
      if (!record) return std::nullopt;
      DR_RETURN_IF_ERROR(Guarded(schema_, from_, [&] { return step_(*record, *this); }));
    }
    current_ = std::move(upgraded_.front());
    upgraded_.pop_front();
    return std::optional<std::string_view>(current_);
  }

 private:
  absl::Status WriteRecord(std::string_view record) override {
    upgraded_.emplace_back(record);
    return absl::OkStatus();
  }

  const std::unique_ptr<StateReader> in_;
  const std::string schema_;
  const std::uint32_t from_;
  const StateUpgrade& step_;
  std::deque<std::string> upgraded_;
  std::string current_;
};

}  // namespace

absl::Status SchemaUpgrades::AddStateUpgrade(std::string_view schema, std::uint32_t from_version,
                                             StateUpgrade step) {
  return Add(state_, "state", schema, from_version, std::move(step));
}

absl::Status SchemaUpgrades::AddOperationUpgrade(std::string_view schema,
                                                 std::uint32_t from_version,
                                                 OperationUpgrade step) {
  return Add(operation_, "operation", schema, from_version, std::move(step));
}

absl::Status SchemaUpgrades::Merge(const SchemaUpgrades& sibling) {
  DR_RETURN_IF_ERROR(dr::Merge(state_, "state", sibling.state_));
  return dr::Merge(operation_, "operation", sibling.operation_);
}

absl::Status SchemaUpgrades::CheckState(std::string_view schema, std::uint32_t found,
                                        std::uint32_t today) const {
  return Check(state_, "state", schema, found, today);
}

absl::Status SchemaUpgrades::CheckOperation(std::string_view schema, std::uint32_t found,
                                            std::uint32_t today) const {
  return Check(operation_, "an operation", schema, found, today);
}

absl::StatusOr<std::unique_ptr<StateReader>> SchemaUpgrades::UpgradeState(
    std::unique_ptr<StateReader> in, std::string_view schema, std::uint32_t found,
    std::uint32_t today) const {
  DR_RETURN_IF_ERROR(CheckState(schema, found, today));
  for (std::uint32_t version = found; version < today; ++version) {
    in = std::make_unique<UpgradingReader>(std::move(in), schema, version,
                                           state_.at({std::string(schema), version}));
  }
  return in;
}

absl::StatusOr<std::string> SchemaUpgrades::UpgradeOperation(std::string_view payload,
                                                             std::string_view schema,
                                                             std::uint32_t found,
                                                             std::uint32_t today) const {
  DR_RETURN_IF_ERROR(CheckOperation(schema, found, today));
  std::string upgraded(payload);
  for (std::uint32_t version = found; version < today; ++version) {
    const OperationUpgrade& step = operation_.at({std::string(schema), version});
    DR_ASSIGN_OR_RETURN(upgraded, Guarded(schema, version, [&] { return step(upgraded); }));
  }
  return upgraded;
}

}  // namespace dr::inline v0
