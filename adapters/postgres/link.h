// A connection in the hands of libpqxx, whose interface for that differs between its versions 6 and
// 7; nothing else here sees libpqxx.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace dr::inline v0::postgres {

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using RawConnection = std::unique_ptr<PGconn, Finish>;

class Link {
 public:
  /// Of an open connection, which does not block from now on. `place` is for errors.
  static absl::StatusOr<std::unique_ptr<Link>> Take(RawConnection raw, std::string_view place);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  PGconn* raw() const { return raw_; }
  /// The server's last since it was forgotten; empty if there was none.
  std::string_view warning() const { return warning_.data(); }
  void ForgetWarning() { warning_[0] = '\0'; }
  /// A name as it may stand in SQL.
  absl::StatusOr<std::string> QuoteName(const std::string& name);

 private:
  struct Owner;

  Link(PGconn* raw, std::string_view place);
  static void Hear(void* self, const PGresult* notice) noexcept;

  PGconn* const raw_;
  const std::string place_;
  std::unique_ptr<Owner> owner_;
  std::array<char, 256> warning_ = {};  // libpq calls back, and knows no exceptions
};

}  // namespace dr::inline v0::postgres
