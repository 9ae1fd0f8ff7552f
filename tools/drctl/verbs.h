// The verbs. Each prints what the library found, and returns the error that becomes the exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "dr/inspect/log_listing.h"
#include "dr/inspect/stored_host.h"

namespace drctl {

enum class Format : std::uint8_t { kText, kJson };

absl::Status WalInspect(const dr::StoredHost& host, Format format);
absl::Status WalVerify(const dr::StoredHost& host, Format format);

struct SalvageArguments {
  dr::Lsn to = {};          ///< the last operation to keep
  std::string output = {};  ///< empty: nothing is written
};
absl::Status WalSalvage(const dr::StoredHost& host, Format format,
                        const SalvageArguments& arguments);

struct LogArguments {
  dr::LogSelection selection = {};
  bool full = false;  ///< whole payloads
};
absl::Status LogShow(const dr::StoredHost& host, Format format, const LogArguments& arguments);

struct CheckpointArguments {
  std::optional<std::uint64_t> sequence = {};  ///< nullopt: the newest
  bool verify = false;                         ///< read all objects
};
absl::Status CheckpointList(const dr::StoredHost& host, Format format,
                            const CheckpointArguments& arguments);
absl::Status CheckpointShow(const dr::StoredHost& host, Format format,
                            const CheckpointArguments& arguments);

absl::Status Doctor(const std::string& directory, Format format);

struct StoreArguments {
  std::string uri = {};  ///< with variables
  std::string prefix = "drctl-validate/";
  bool quick = false;
};
absl::Status StoreValidate(Format format, const StoreArguments& arguments);

}  // namespace drctl
