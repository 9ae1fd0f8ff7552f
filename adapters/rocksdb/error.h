// What RocksDB's errors mean in dr.
#pragma once

#include <rocksdb/status.h>

#include <string_view>

#include "absl/status/status.h"

namespace dr::inline v0 {

/// OK, or the error at `place`: a path or a key.
absl::Status ErrorOf(const ::rocksdb::Status& status, std::string_view place);

}  // namespace dr::inline v0
