// Whole values under keys: all that dr asks of a store.
//
//   auto version = store.Put("runs/1", bytes, {.condition = dr::PutCondition::kIfAbsent}, context);
//   auto item = store.Get("runs/1", context);                       // item->value == bytes
//
// What an adapter cannot do it does not declare, and refuses with kUnimplemented; it never ignores
// an option. Core cuts what it stores into values no longer than `max_value_bytes`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dr/export.h"
#include "dr/types.h"

namespace dr::inline v0 {

inline constexpr std::size_t kMaxKeyBytes = 512;      ///< of any store
inline constexpr std::size_t kMaxPageEntries = 1000;  ///< of one List

/// What a store can do, and promises. The same for as long as it is open.
struct Capabilities {
  bool if_absent = false;     ///< conditional creation, atomic against other processes and machines
  bool if_version = false;    ///< conditional replacement and deletion, likewise
  bool atomic_batch = false;  ///< PutMany happens as a whole or not at all
  bool ttl = false;           ///< PutOptions::ttl is taken
  bool durable = false;       ///< an OK Put survives the loss of power at the store
  bool fence_safe = false;    ///< an OK conditional Put is never lost or granted twice
  std::uint64_t max_value_bytes = 0;         ///< a longer one is refused with kInvalidArgument
  std::size_t max_key_bytes = kMaxKeyBytes;  ///< likewise
  /// Why `durable` or `fence_safe` is not declared, a sentence each, for the operator; empty if
  /// both are, or the adapter cannot say.
  std::vector<std::string> weaknesses = {};
};

/// Identifies one Put among all that were made to a key: equal bytes written twice differ. Opaque.
struct Version {
  std::string value = {};  ///< the store's own; compared for equality and nothing else
  friend bool operator==(const Version&, const Version&) = default;
};

/// When a Put happens.
enum class PutCondition : std::uint8_t {
  kAlways,
  kIfAbsent,   ///< kAlreadyExists if there is a value
  kIfVersion,  ///< kAborted unless the value has `version`; kNotFound if there is none
};

/// How a value is put.
struct PutOptions {
  PutCondition condition = PutCondition::kAlways;  ///< anything but kAlways has to be declared
  Version version = {};                            ///< for kIfVersion
  std::optional<absl::Duration> ttl = {};          ///< the value is gone after it; none: never
};

/// How a value is deleted.
struct DeleteOptions {
  std::optional<Version> if_version = {};  ///< kAborted unless the value has it
};

/// A value as it was read.
struct Item {
  std::string value;  ///< the whole of it
  Version version;    ///< of the Put that left it
};

/// A key that has a value.
struct ListEntry {
  std::string key;          ///< the whole of it
  std::uint64_t bytes = 0;  ///< of the value
};

/// A part of a listing.
struct Page {
  std::vector<ListEntry> entries;  ///< in order
  bool more = false;               ///< ask again, `after` the last key of this page
};

/// What PutMany puts.
struct KeyValue {
  std::string_view key;    ///< kept by the caller during the call
  std::string_view value;  ///< likewise
};

/// kInvalidArgument unless the key has 1 to `max` bytes, of any value.
DR_EXPORT absl::Status CheckKey(std::string_view key, std::size_t max = kMaxKeyBytes);

/// Thread-safe. Errors by code: kUnavailable retry, kAborted and kAlreadyExists lost a race,
/// kNotFound no value, kDataLoss damaged, kUnknown a Put or Delete may have happened or may yet
/// happen, kResourceExhausted, kInvalidArgument (key, length), kUnimplemented an option that was
/// not declared, kDeadlineExceeded, kCancelled. A Put or Delete that fails with anything but
/// kUnknown has not happened. A lost race speaks of a value that is as durable as the store makes
/// values.
class DR_EXPORT StateAdapter {
 public:
  virtual ~StateAdapter() = default;
  /// Cheap, and never changes; valid as long as the store.
  virtual const Capabilities& capabilities() const = 0;

  /// Atomic: others see the old value or the new one, possibly before this returns. Durable when
  /// OK, if declared. 0 bytes are a value.
  virtual absl::StatusOr<Version> Put(std::string_view key, std::string_view value,
                                      const PutOptions& options, const Context& context) = 0;
  /// The whole value, as a single Put left it.
  virtual absl::StatusOr<Item> Get(std::string_view key, const Context& context) = 0;
  /// Keys that start with `prefix` and are greater than `after`, ascending by unsigned bytes; both
  /// may be empty. A page has at most kMaxPageEntries, one with `more` at least one. A key that is
  /// there all the time is in exactly one page; one that comes or goes meanwhile may be missed.
  virtual absl::StatusOr<Page> List(std::string_view prefix, std::string_view after,
                                    const Context& context) = 0;
  /// Durable when OK, like Put. OK also if there was no value, unless `if_version` is set (then
  /// kNotFound).
  virtual absl::Status Delete(std::string_view key, const DeleteOptions& options,
                              const Context& context) = 0;
  /// OK if the store can be reached and used.
  virtual absl::Status Check(const Context& context) = 0;

  /// One result per key, in order. The default loops over Get.
  virtual std::vector<absl::StatusOr<Item>> GetMany(std::span<const std::string_view> keys,
                                                    const Context& context);
  /// Unconditional puts, in order; stops at the first error. The default loops over Put.
  virtual absl::Status PutMany(std::span<const KeyValue> items, const Context& context);
  /// Deletes all of them, in any order, and durably when OK. OK also for keys without a value and
  /// for none at all; a key may be there twice. Not atomic: after an error, which is one of
  /// Delete's, any of the keys may be deleted, and after kUnknown more of them may yet be. What
  /// others put under one of the keys meanwhile may be deleted too. The default loops over Delete
  /// and stops at the first error.
  virtual absl::Status DeleteMany(std::span<const std::string> keys, const Context& context);
};

}  // namespace dr::inline v0
