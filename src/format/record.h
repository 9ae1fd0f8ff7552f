// Writes what stands before the payload of a record.
#pragma once

#include <cstdint>

#include "dr/log/segment.h"

namespace dr::inline v0 {

/// `to` has room for format_v1::record::kMaxHeaderBytes. Returns the first byte behind.
char* StoreRecordHeader(char* to, const RecordView& record, std::int64_t base_time_ns);

}  // namespace dr::inline v0
