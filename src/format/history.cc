#include "src/format/history.h"

#include <xxhash.h>

#include <algorithm>

#include "src/format/little_endian.h"
#include "src/format/record.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kHeadBytesMax = 16 + 8 + 8 + 1 + 4 + 3 * (1 + kMaxNameBytes);

char* StoreName(char* to, std::string_view name) {
  *to++ = static_cast<char>(name.size());
  return std::copy(name.begin(), name.end(), to);
}

}  // namespace

Digest HistoryOf(const RecordView& record, const Digest& payload) {
  char head[kHeadBytesMax];
  StoreLittle(head, payload.high);
  StoreLittle(head + 8, payload.low);
  StoreLittle(head + 16, record.lsn.value);
  StoreLittle(head + 24, record.time_ns);
  head[32] = static_cast<char>(RecordFlags(record));
  StoreLittle(head + 33, record.schema_version);
  char* end = StoreName(head + 37, record.component);
  end = StoreName(end, HasSchemaName(record) ? record.schema_name : std::string_view());
  end = StoreName(end, record.subject);
  const XXH128_hash_t hash = XXH3_128bits(head, static_cast<std::size_t>(end - head));
  return {.high = hash.high64, .low = hash.low64};
}

}  // namespace dr::inline v0
