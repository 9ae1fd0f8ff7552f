#include "adapters/rocksdb/options.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "dr/status_macros.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kMaxNamespaceBytes = 128;

absl::StatusOr<std::string> NamespaceOf(const Uri& uri) {
  const std::string_view name = uri.Find("namespace").value_or("default");
  const bool plain = std::ranges::all_of(name, [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.');
  });
  if (name.empty() || name.size() > kMaxNamespaceBytes || !plain) {
    return uri.Refuse("not a name of a namespace",
                      "write 1 to 128 letters, digits, '-', '_' and '.'");
  }
  return std::string(name);
}

}  // namespace

absl::StatusOr<RocksDbOptions> ReadRocksDbOptions(const Uri& uri) {
  DR_RETURN_IF_ERROR(uri.CheckParameters({"namespace", "torn_tail"}));
  DR_RETURN_IF_ERROR(uri.CheckLocal());
  RocksDbOptions options;
  DR_ASSIGN_OR_RETURN(options.name_space, NamespaceOf(uri));
  DR_ASSIGN_OR_RETURN(const std::string_view torn_tail, uri.Word("torn_tail", {"refuse", "cut"}));
  if (torn_tail == "cut") options.torn_tail = TornTail::kCut;
  return options;
}

}  // namespace dr::inline v0
