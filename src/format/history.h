// What a log holds up to an operation, as 128 bits: the sum of the digests of its records.
//
//   Digest history = prefix.history;                       // before the segment's first record
//   history += HistoryOf(record, DigestOf(record.payload));
//
// Two logs are the same up to an operation if and only if their histories there are equal, whatever
// their epochs, segments and groups. Being a sum, it can be taken in parts and in any order.
#pragma once

#include "dr/digest.h"
#include "dr/log/segment.h"

namespace dr::inline v0 {

/// What `record` adds. `payload` is the digest of its payload, which is the longest part and can be
/// taken before the record has its place.
Digest HistoryOf(const RecordView& record, const Digest& payload);

}  // namespace dr::inline v0
