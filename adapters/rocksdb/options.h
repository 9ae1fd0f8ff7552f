// What a URI says of a database: rocksdb:///path?option=value…
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "dr/environment/uri.h"

namespace dr::inline v0 {

/// What opening does about a log that ends before the last write which was acknowledged.
enum class TornTail : std::uint8_t {
  kRefuse,  ///< kDataLoss
  kCut,     ///< the database begins anew from there
};

struct RocksDbOptions {
  std::string name_space = {};  ///< the column family's name
  TornTail torn_tail = TornTail::kRefuse;
};

/// kInvalidArgument for what is unknown, and for more than a path in the place of one.
absl::StatusOr<RocksDbOptions> ReadRocksDbOptions(const Uri& uri);

}  // namespace dr::inline v0
