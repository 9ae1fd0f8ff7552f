// What stands before the payload of a record.
#pragma once

#include <cstdint>

#include "dr/log/segment.h"

namespace dr::inline v0 {

/// Its name is stored where it is not the component's.
inline bool HasSchemaName(const RecordView& record) {
  return !record.schema_name.empty() && record.schema_name != record.component;
}
/// The first byte of a record: its kind, and what it has.
std::uint8_t RecordFlags(const RecordView& record);
/// `to` has room for format_v1::record::kMaxHeaderBytes. Returns the first byte behind.
char* StoreRecordHeader(char* to, const RecordView& record, std::int64_t base_time_ns);

}  // namespace dr::inline v0
