// URIs from a stranger's configuration. What is shown of one says where it leads, and no password.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dr/environment/uri.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<dr::Uri> uri = dr::ParseUri(text);
  if (!uri.ok()) return 0;
  const std::string redacted = uri->Redacted();
  if (redacted.size() > 4096) return 0;  // longer by its escapes than one that is read
  const absl::StatusOr<dr::Uri> shown = dr::ParseUri(redacted);
  Require(shown.ok());
  Require(shown->scheme == uri->scheme && shown->host == uri->host && shown->port == uri->port);
  Require(shown->path == uri->path);
  Require(shown->query.size() == uri->query.size());
  Require(shown->password.has_value() == uri->password.has_value());
  const bool is_named = uri->user.empty() || uri->password;  // else it may be a token
  Require(shown->user == (is_named ? uri->user : "***"));
  if (uri->password) Require(shown->password->Reveal() == "***");
  return 0;
}
