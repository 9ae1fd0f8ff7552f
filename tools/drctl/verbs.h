// The verbs. Each prints what it found and returns the error that becomes the exit code.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "tools/drctl/output.h"
#include "tools/drctl/source.h"

namespace drctl {

absl::Status WalInspect(Machine& machine, const Arguments& arguments);
absl::Status WalVerify(Machine& machine, const Arguments& arguments);

struct SalvageArguments {
  std::uint64_t to = 0;     ///< the last operation to keep
  std::string output = {};  ///< must not be there, or be empty; none: nothing is written
};
absl::Status WalSalvage(Machine& machine, const Arguments& arguments,
                        const SalvageArguments& salvage);

struct LogArguments {
  std::uint64_t from = 1, to = std::numeric_limits<std::uint64_t>::max();
  std::string component = {}, kind = {};  ///< empty: all
  bool full = false;                      ///< whole payloads
};
absl::Status LogShow(Machine& machine, const Arguments& arguments, const LogArguments& log);

struct CheckpointArguments {
  std::uint64_t sequence = 0;  ///< 0: the newest
  bool verify = false;         ///< read all chunks
};
absl::Status CheckpointList(Machine& machine, const Arguments& arguments,
                            const CheckpointArguments& checkpoint);
absl::Status CheckpointShow(Machine& machine, const Arguments& arguments,
                            const CheckpointArguments& checkpoint);

absl::Status Doctor(Machine& machine, const Arguments& arguments);

struct StoreArguments {
  std::string uri = {};  ///< with variables
  bool json = false;
  std::string prefix = "drctl-validate/";  ///< of all that is written
  bool quick = false;
};
absl::Status StoreValidate(Machine& machine, const StoreArguments& arguments);

}  // namespace drctl
