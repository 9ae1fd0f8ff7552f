#include "dr/status.h"

#include <cerrno>
#include <set>
#include <string>

#include "catch2/catch.hpp"
#include "dr/printable.h"

namespace {

using dr::AsStd;
using dr::Fault;
using dr::FaultKind;

class FixedClock final : public dr::Clock {
 public:
  dr::Instant Now() const override { return dr::Instant::FromNanoseconds(1000); }
  absl::Time WallTime() const override { return absl::UnixEpoch(); }
};

void CheckEqual(const Fault& a, const Fault& b) {
  CHECK(a.kind == b.kind);
  CHECK(a.place == b.place);
  CHECK(a.offset == b.offset);
  CHECK(a.lsn == b.lsn);
  CHECK(a.next == b.next);
}

TEST_CASE("A fault comes back from its status exactly, odd bytes and absent fields included") {
  const Fault faults[] = {
      {},
      {.kind = FaultKind::kWalCorrupt, .place = "wal/1", .offset = 0, .lsn = dr::Lsn{0}},
      {.kind = FaultKind::kWalGap, .place = std::string("a\0b\n", 4), .lsn = dr::Lsn{~0ULL}},
      {.kind = FaultKind::kUnsupported, .place = "x", .offset = ~0ULL, .next = "do\x1b[31m"},
  };
  for (const Fault& fault : faults) {
    auto back = dr::FaultOf(dr::MakeFault(fault, "what"));
    REQUIRE(back.has_value());
    CheckEqual(*back, fault);
  }
}

TEST_CASE("what a status prints of its fault is one short printable line (K7)") {
  const auto extra = [](const absl::Status& status) {
    return std::string(status.ToString()).substr(status.message().size());
  };
  const std::string path = "/var/lib/agent/" + std::string(200, 'x') + "/wal/0000000000000007.wal";
  const absl::Status status = dr::MakeFault({.kind = FaultKind::kWalCorrupt,
                                             .place = path,
                                             .offset = 4096,
                                             .lsn = dr::Lsn{12345},
                                             .next = "restore a backup, or salvage the log"},
                                            "the checksum differs");
  CHECK(extra(status).size() < 80);
  // Told again as a part of another, it does not grow by more than was said.
  absl::Status again = status;
  for (int i = 0; i < 8; ++i) again = dr::MakeFault({}, dr::AsStd(again.message()));
  CHECK(again.ToString().size() < status.ToString().size() + 8 * 8);
  const Fault hostile[] = {
      {.place = "a\nERROR: forged\x1b[2J\u202e", .next = "do \"this\" '\\' % 100%"},
      {.place = std::string("\0\xff\x7f", 3), .next = "\n"},
      {.place = "Grüße 世界", .lsn = dr::Lsn{1}, .next = "a]; b [c, offset 3]"},
      {.place = "- = 1-1", .next = "\\n"},
      {.place = "\n", .next = "=%0A"},
  };
  for (const Fault& fault : hostile) {
    const absl::Status shown = dr::MakeFault(fault, "what [is]; it\n");
    CHECK(dr::Printable(AsStd(shown.ToString())) == shown.ToString());
    REQUIRE(dr::FaultOf(shown).has_value());
    CheckEqual(*dr::FaultOf(shown), fault);
  }
}

TEST_CASE("a fault is still found in a status whose message got more in front (K7)") {
  const Fault fault{.place = "wal/1", .offset = 7, .next = "look"};
  const absl::Status status = dr::MakeFault(fault, "what");
  absl::Status wrapped(status.code(), "while opening: " + std::string(status.message()));
  status.ForEachPayload(
      [&](absl::string_view name, const absl::Cord& value) { wrapped.SetPayload(name, value); });
  REQUIRE(dr::FaultOf(wrapped).has_value());
  CheckEqual(*dr::FaultOf(wrapped), fault);
}

TEST_CASE("An error about a file that was renamed names it as it is called now") {
  const absl::Status moved =
      dr::WithPlace(dr::MakeIoFault("pwrite", "a/1.spare", EACCES, 7), "a/2.wal");
  const absl::Status expected = dr::MakeIoFault("pwrite", "a/2.wal", EACCES, 7);
  CHECK(moved == expected);
  CHECK(dr::WithPlace(absl::InternalError("x"), "y") == absl::InternalError("x"));
}

TEST_CASE("A status from elsewhere has no fault, nor has one with a payload cut short") {
  CHECK_FALSE(dr::FaultOf(absl::OkStatus()));
  CHECK_FALSE(dr::FaultOf(absl::InternalError("x")));
  absl::Status status = dr::MakeFault({.place = "p", .next = "n"}, "what");
  std::string url;
  std::string payload;
  status.ForEachPayload([&](absl::string_view name, const absl::Cord& value) {
    url = std::string(name);
    payload = std::string(value);
  });
  for (std::size_t n = 0; n + 1 < payload.size(); ++n) {  // `next` alone may be of any length
    status.SetPayload(url, absl::Cord(payload.substr(0, n)));
    CHECK_FALSE(dr::FaultOf(status));
  }
  payload[0] = 99;
  status.SetPayload(url, absl::Cord(payload));
  CHECK_FALSE(dr::FaultOf(status));
}

TEST_CASE("Every kind has a name of its own and an error code") {
  std::set<std::string_view> names;
  for (int i = 1; i <= static_cast<int>(FaultKind::kUnsupported); ++i) {
    const auto kind = static_cast<FaultKind>(i);
    CHECK(names.insert(dr::NameOf(kind)).second);
    CHECK(dr::NameOf(kind) != "unknown");
    CHECK(dr::CodeOf(kind) != absl::StatusCode::kOk);
    CHECK(dr::MakeFault({.kind = kind}, "x").code() == dr::CodeOf(kind));
  }
  CHECK(dr::NameOf(FaultKind{0}) == "unknown");
  CHECK(dr::NameOf(FaultKind{200}) == "unknown");
}

TEST_CASE("O5: a message names kind, what, place, offset, position and what to do next") {
  const absl::Status status = dr::MakeFault({.kind = FaultKind::kWalCorrupt,
                                             .place = "wal/7",
                                             .offset = 512,
                                             .lsn = dr::Lsn{42},
                                             .next = "restore a backup"},
                                            "checksum differs");
  CHECK(dr::AsStd(status.message()) ==
        "wal_corrupt: checksum differs [wal/7, offset 512, lsn 42]; restore a backup");
  CHECK(dr::AsStd(dr::MakeFault({.kind = FaultKind::kUsage}, "twice").message()) == "usage: twice");
}

TEST_CASE("F12: newlines, escape sequences and reordering marks never reach a message raw") {
  const absl::Status status =
      dr::MakeFault({.place = "a\nERROR: forged", .next = "\x1b[2J"}, "b\r\t\x7f");
  CHECK(dr::AsStd(status.message()) == "io: b\\x0d\\x09\\x7f [a\\nERROR: forged]; \\x1b[2J");
  CHECK(dr::Printable("\xC2\x9b[31m") == "\\u009b[31m");  // CSI as one character
  CHECK(dr::Printable("\x9b[31m") == "\\x9b[31m");        // and as one byte
  CHECK(dr::Printable("\xC0\x9b\xE0\x82\x9b") == "\\xc0\\x9b\\xe0\\x82\\x9b");  // overlong
  CHECK(dr::Printable("\xED\xA0\x80\xF5\xE2\x82") == "\\xed\\xa0\\x80\\xf5\\xe2\\x82");
  CHECK(dr::Printable("\xE2\x80\xAE") == "\\u202e");
  CHECK(dr::Printable("Grüße 世界 😀 \\") == "Grüße 世界 😀 \\");
}

TEST_CASE("A12: each errno becomes the kind and code that tell a caller what to do") {
  struct Row {
    int value;
    FaultKind kind;
    absl::StatusCode code;
  };
  const Row rows[] = {
      {ENOENT, FaultKind::kMissing, absl::StatusCode::kNotFound},
      {EEXIST, FaultKind::kExists, absl::StatusCode::kAlreadyExists},
      {ENOSPC, FaultKind::kNoSpace, absl::StatusCode::kResourceExhausted},
      {EDQUOT, FaultKind::kNoSpace, absl::StatusCode::kResourceExhausted},
      {EFBIG, FaultKind::kNoSpace, absl::StatusCode::kResourceExhausted},
      {EAGAIN, FaultKind::kBusy, absl::StatusCode::kUnavailable},
      {ELOOP, FaultKind::kInvalid, absl::StatusCode::kInvalidArgument},
      {ENOTDIR, FaultKind::kInvalid, absl::StatusCode::kInvalidArgument},
      {EIO, FaultKind::kIo, absl::StatusCode::kUnavailable},
      {EMFILE, FaultKind::kIo, absl::StatusCode::kUnavailable},
      {EROFS, FaultKind::kIo, absl::StatusCode::kInternal},
      {EACCES, FaultKind::kIo, absl::StatusCode::kInternal},
  };
  for (const Row& row : rows) {
    const absl::Status status = dr::MakeIoFault("pwrite", "wal/3", row.value, 4096);
    CHECK(status.code() == row.code);
    const auto fault = dr::FaultOf(status);
    REQUIRE(fault.has_value());
    CHECK(fault->kind == row.kind);
    CHECK(fault->place == "wal/3");
    CHECK(fault->offset == 4096);
    CHECK_FALSE(fault->next.empty());
    const std::string message(status.message());
    CHECK(message.find("pwrite failed") != std::string::npos);
    CHECK(message.find("(errno " + std::to_string(row.value) + ")") != std::string::npos);
  }
}

TEST_CASE("A context ends at its deadline, not before it, and when it is told to stop") {
  const FixedClock clock;
  const auto at = [](std::int64_t ns) { return dr::Instant::FromNanoseconds(ns); };
  CHECK(dr::CheckContext({}, clock, "x").ok());
  CHECK(dr::CheckContext({.deadline = at(1001)}, clock, "x").ok());
  CHECK(dr::CheckContext({.deadline = at(1000)}, clock, "x").code() ==
        absl::StatusCode::kDeadlineExceeded);
  std::stop_source source;
  const dr::Context stoppable{.stop = source.get_token()};
  CHECK(dr::CheckContext(stoppable, clock, "x").ok());
  source.request_stop();
  CHECK(dr::CheckContext(stoppable, clock, "x").code() == absl::StatusCode::kCancelled);
}

TEST_CASE("The exit code tells bad usage, lost data and a busy service apart") {
  CHECK(dr::PrintError(absl::OkStatus()) == 0);
  CHECK(dr::PrintError(absl::InternalError("internal")) == 1);
  CHECK(dr::PrintError(absl::InvalidArgumentError("invalid")) == 2);
  CHECK(dr::PrintError(absl::DataLossError("lost\x1b[2J")) == 3);
  CHECK(dr::PrintError(absl::UnavailableError("busy")) == 4);
}

}  // namespace
