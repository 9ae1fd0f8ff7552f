#include "adapters/redis/error.h"

#include <algorithm>
#include <string>

#include "dr/status.h"
#include "fmt/format.h"

namespace dr::inline v0::redis {
namespace {

struct ErrorRow {
  std::string_view code;
  FaultKind kind;
  std::string_view next;
};

constexpr std::string_view kWait = "try again in a moment";
constexpr ErrorRow kErrors[] = {
    {"LOADING", FaultKind::kBusy, kWait},
    {"TRYAGAIN", FaultKind::kBusy, kWait},
    {"CLUSTERDOWN", FaultKind::kBusy, kWait},
    {"MASTERDOWN", FaultKind::kBusy, kWait},
    {"NOREPLICAS", FaultKind::kBusy, "try again when enough replicas are connected"},
    {"BUSY", FaultKind::kBusy,
     "end the script that keeps the server (SCRIPT KILL), or wait for it"},
    {"READONLY", FaultKind::kBusy, "this is a replica: point the URI at the master"},
    {"MISCONF", FaultKind::kIo, "the server cannot write to its disk: see its log"},
    {"OOM", FaultKind::kNoSpace, "raise the server's maxmemory, or delete something"},
    {"WRONGTYPE", FaultKind::kAuthFailed, "something else uses this key: choose another namespace"},
    {"NOAUTH", FaultKind::kWrongKey, "put user and password into the URI"},
    {"WRONGPASS", FaultKind::kWrongKey, "check user and password of the URI"},
    {"NOPERM", FaultKind::kWrongKey, "grant the user what adapters/redis/README.md lists"},
    {"MOVED", FaultKind::kUnsupported, "it is of a cluster: write redis+cluster:"},
    {"ASK", FaultKind::kUnsupported, "it is of a cluster: write redis+cluster:"},
};

ErrorRow RowOf(std::string_view text) {
  const std::string_view code = text.substr(0, text.find(' '));
  const auto* row = std::find_if(std::begin(kErrors), std::end(kErrors),
                                 [&](const ErrorRow& each) { return each.code == code; });
  if (row != std::end(kErrors)) return *row;
  if (text.find("max number of clients") != text.npos) return {"", FaultKind::kBusy, kWait};
  if (text.find("unknown command") != text.npos) {
    return {"", FaultKind::kUnsupported, "use Redis 6.2 or newer, with its commands enabled"};
  }
  return {"", FaultKind::kComponent, "see the server's log"};
}

}  // namespace

absl::Status ErrorOf(const Reply& reply, std::string_view place) {
  const std::string_view text = reply.text;
  const ErrorRow row = RowOf(text);
  // Redis repeats the arguments of a command it does not know: values are not for logs.
  const std::string_view shown =
      text.substr(0, std::min(text.find(", with args"), std::size_t{200}));
  return MakeFault({.kind = row.kind, .place = std::string(place), .next = std::string(row.next)},
                   fmt::format("Redis refused: {}", shown));
}

absl::Status ConnectionLost(std::string_view place, std::string_view why) {
  return MakeFault({.kind = FaultKind::kIo,
                    .place = std::string(place),
                    .next = "try again; see that the server runs and can be reached"},
                   fmt::format("no connection: {}", why));
}

}  // namespace dr::inline v0::redis
