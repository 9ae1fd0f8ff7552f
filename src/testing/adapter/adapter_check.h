// What the adapter cases are made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/adapter/state_adapter.h"
#include "dr/status.h"
#include "dr/testing/adapter_cases.h"
#include "fmt/format.h"

namespace dr::inline v0 {

/// An error with `what` unless `holds`.
inline absl::Status Expect(bool holds, std::string_view what) {
  return holds ? absl::OkStatus() : absl::InternalError(AsAbsl(what));
}

/// An error unless `status` has `code`.
inline absl::Status ExpectCode(absl::StatusCode code, const absl::Status& status,
                               std::string_view call) {
  return Expect(status.code() == code,
                fmt::format("{} returned {}, expected {}", call, AsStd(status.ToString()),
                            absl::StatusCodeToString(code)));
}

/// One run of a case: a client of the store, and where in it there is room.
struct Trial {
  StateAdapter& store;
  std::string_view prefix;

  /// The same place through another client.
  Trial With(StateAdapter& client) const { return {client, prefix}; }
  std::string Key(std::string_view name) const { return fmt::format("{}{}", prefix, name); }

  absl::StatusOr<Version> Put(std::string_view name, std::string_view value,
                              const PutOptions& options = {}) const {
    return store.Put(Key(name), value, options, {});
  }
  absl::StatusOr<Version> Create(std::string_view name, std::string_view value) const {
    return Put(name, value, {.condition = PutCondition::kIfAbsent});
  }
  absl::StatusOr<Version> Replace(std::string_view name, std::string_view value,
                                  const Version& version) const {
    return Put(name, value, {.condition = PutCondition::kIfVersion, .version = version});
  }
  absl::StatusOr<Item> Get(std::string_view name) const { return store.Get(Key(name), {}); }
  absl::Status Delete(std::string_view name, const DeleteOptions& options = {}) const {
    return store.Delete(Key(name), options, {});
  }
  absl::Status DeleteMany(const std::vector<std::string>& names) const;
  /// All under names that begin with `name`, page by page, without the prefix.
  absl::StatusOr<std::vector<std::string>> List(std::string_view name = "") const;
  /// Empty values under all of them.
  absl::Status PutEmpty(const std::vector<std::string>& names) const;

  /// Errors unless it is so.
  absl::Status ExpectValue(std::string_view name, std::string_view value) const;
  absl::Status ExpectNothing(std::string_view name) const;
  absl::Status ExpectNames(std::string_view name, const std::vector<std::string>& expected) const;
};

using TrialBody = absl::Status (*)(const Trial& trial);
using TwoClientsBody = absl::Status (*)(const Trial& first, const Trial& second);

/// AdapterCase::run for a case of one client.
template <TrialBody kBody>
absl::Status One(const AdapterUnderTest& tested, std::string_view prefix) {
  return kBody({tested.store, prefix});
}

/// AdapterCase::run for a case of two.
template <TwoClientsBody kBody>
absl::Status Two(const AdapterUnderTest& tested, std::string_view prefix) {
  const Trial first{tested.store, prefix};
  if (!tested.open_another) return kBody(first, first);
  auto opened = tested.open_another();
  if (!opened.ok()) return opened.status();
  return kBody(first, first.With(**opened));
}

inline bool Always(const Capabilities&) { return true; }
inline bool WithIfAbsent(const Capabilities& can) { return can.if_absent; }
inline bool WithIfVersion(const Capabilities& can) { return can.if_version; }
inline bool WithBoth(const Capabilities& can) { return can.if_absent && can.if_version; }

std::span<const AdapterCase> ValueCases();
std::span<const AdapterCase> KeyCases();
std::span<const AdapterCase> ListingCases();
std::span<const AdapterCase> ConditionCases();
std::span<const AdapterCase> DeletionCases();
std::span<const AdapterCase> BatchCases();
std::span<const AdapterCase> TtlCases();
std::span<const AdapterCase> ContextCases();
std::span<const AdapterCase> RaceCases();
std::span<const AdapterCase> ModelCases();

}  // namespace dr::inline v0
