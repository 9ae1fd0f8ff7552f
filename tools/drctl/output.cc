#include "tools/drctl/output.h"

#include <unistd.h>

#include <cstdlib>

#include "dr/printable.h"
#include "dr/status.h"

namespace drctl {
namespace {

std::string Paint(std::string_view text, int colour) {
  static const bool on = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  return on ? fmt::format("\x1b[{}m{}\x1b[0m", colour, text) : std::string(text);
}

}  // namespace

std::string JsonQuote(std::string_view text) {
  std::string quoted = "\"";
  for (char c : dr::Printable(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string Good(std::string_view text) { return Paint(text, 32); }
std::string Bad(std::string_view text) { return Paint(text, 31); }

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

std::string LogIdText(const dr::LogId& id) {
  return fmt::format("{:016x}{:016x}", id.high, id.low);
}

JsonObject JsonError(const absl::Status& status) {
  JsonObject json;
  if (const auto fault = dr::FaultOf(status)) {
    json.Add("kind", dr::NameOf(fault->kind)).Add("place", fault->place);
    if (fault->offset) json.Add("offset", *fault->offset);
    if (fault->lsn) json.Add("lsn", fault->lsn->value);
    json.Add("next", fault->next);
  }
  return json.Add("message", dr::AsStd(status.message()));
}

}  // namespace drctl
