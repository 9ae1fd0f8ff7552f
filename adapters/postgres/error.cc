#include "adapters/postgres/error.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "dr/status.h"
#include "fmt/format.h"

namespace dr::inline v0::postgres {
namespace {

struct Meaning {
  std::string_view state;  ///< the beginning of a SQLSTATE; the first row that fits counts
  FaultKind kind;
  std::string_view next;
};

constexpr Meaning kMeanings[] = {
    {"08", FaultKind::kIo, "try again"},
    {"22", FaultKind::kInvalid, "mend the name: the server does not take it as text"},
    {"25006", FaultKind::kIo, "connect to the primary: this server only reads"},
    {"28", FaultKind::kWrongKey, "give a user and password that the server accepts"},
    {"3D", FaultKind::kInvalid, "create the database, or name another"},
    {"3F", FaultKind::kUsage, "open the store again: its schema is gone"},
    {"40", FaultKind::kBusy, "try again"},
    {"42501", FaultKind::kWrongKey, "grant the user what it needs, or create the schema for it"},
    {"42939", FaultKind::kInvalid, "choose a schema whose name does not begin with pg_"},
    {"42P01", FaultKind::kUsage, "open the store again: its table is gone"},
    {"42", FaultKind::kVersion, "open with the version of dr that wrote the schema"},
    {"53100", FaultKind::kNoSpace, "give the server more disk"},
    {"53200", FaultKind::kNoSpace, "give the server more memory"},
    {"53", FaultKind::kBusy, "allow more connections, or take fewer"},
    {"54", FaultKind::kLimit, "store less at once"},
    {"55", FaultKind::kBusy, "try again"},
    {"57014", FaultKind::kDeadline, "allow more time"},
    {"57P", FaultKind::kIo, "try again when the server is up"},
    {"XX001", FaultKind::kAuthFailed, "restore the database from a copy"},
    {"XX002", FaultKind::kAuthFailed, "restore the database from a copy"},
};

}  // namespace

absl::Status ErrorOfState(std::string_view sqlstate, std::string_view message,
                          std::string_view place) {
  const auto* meaning =
      std::find_if(std::begin(kMeanings), std::end(kMeanings),
                   [&](const Meaning& row) { return sqlstate.starts_with(row.state); });
  const bool known = meaning != std::end(kMeanings);
  return MakeFault({.kind = known ? meaning->kind : FaultKind::kIo,
                    .place = std::string(place),
                    .next = std::string(known ? meaning->next : "look into the server's log")},
                   fmt::format("{} (SQLSTATE {})", message, sqlstate));
}

absl::Status ErrorOfDial(std::string_view message, std::string_view place) {
  while (!message.empty() && std::isspace(static_cast<unsigned char>(message.back())) != 0) {
    message.remove_suffix(1);
  }
  // "FATAL:  28P01: password authentication failed …"
  for (std::size_t at = message.find(":  "); at != message.npos; at = message.find(":  ", at + 1)) {
    const std::string_view state = message.substr(at + 3, 5);
    const bool is_state = state.size() == 5 && message.substr(at + 8).starts_with(": ") &&
                          std::all_of(state.begin(), state.end(), [](char c) {
                            return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
                          });
    if (!is_state) continue;
    const std::string_view what = message.substr(at + 10);
    return ErrorOfState(state, what.substr(0, what.find('\n')), place);
  }
  const auto says = [&](std::string_view words) { return message.find(words) != message.npos; };
  if (says("invalid connection option") || (says("invalid ") && says(" value:"))) {
    return MakeFault({.kind = FaultKind::kInvalid,
                      .place = std::string(place),
                      .next = "leave the parameter out, mend it, or use a libpq that knows it"},
                     message);
  }
  // Trying again cannot help where the other side did not prove who it is.
  const bool is_cut =
      says("SSL SYSCALL") || says("SSL connection has been closed") || says("unexpected eof");
  const bool unproven = says("certificate") || says("password") || (says("SSL") && !is_cut);
  return MakeFault({.kind = unproven ? FaultKind::kWrongKey : FaultKind::kIo,
                    .place = std::string(place),
                    .next = unproven ? "see sslmode and sslrootcert in the adapter's README"
                                     : "see whether the server is up and can be reached"},
                   fmt::format("no connection: {}", message));
}

}  // namespace dr::inline v0::postgres
