#include "adapters/postgres/session.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <pqxx/pqxx>
#include <utility>

#include "adapters/postgres/fault.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace dr::inline v0::postgres {
namespace {

constexpr std::chrono::milliseconds kLook(20);  // how soon a stop is noticed

// Hands libpqxx a connection that is open, once: it may not reconnect behind our back, where
// settings and prepared statements would be missing.
class Opened : public pqxx::connectionpolicy {
 public:
  explicit Opened(PGconn* connection) : pqxx::connectionpolicy(""), connection_(connection) {}
  handle do_startconnect(handle old) override {
    return old != nullptr ? old : std::exchange(connection_, nullptr);
  }
  handle do_completeconnect(handle old) override { return old; }

 private:
  PGconn* connection_;
};

// libpqxx throws; nothing of it leaves here.
template <typename Call>
absl::Status Guarded(std::string_view place, Call&& call) {
  try {
    call();
    return absl::OkStatus();
  } catch (const pqxx::sql_error& e) {
    return FaultOfState(e.sqlstate(), e.what(), place);
  } catch (const std::exception& e) {
    return FaultOfDial(e.what(), place);
  }
}

void PutBig32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

}  // namespace

class Session::Link final : public Opened, public pqxx::connection_base {
 public:
  explicit Link(PGconn* connection)
      : Opened(connection), pqxx::connection_base(static_cast<Opened&>(*this)), raw(connection) {
    try {
      init();
    } catch (...) {
      close();
      throw;
    }
    PQsetnonblocking(raw, 1);
    PQsetNoticeReceiver(raw, &Link::Hear, this);
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { close(); }

  PGconn* const raw;
  std::string warning;  ///< the server's last, since it was cleared

 private:
  static void Hear(void* self, const PGresult* notice) {
    const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity == nullptr || std::string_view(severity) != "WARNING") return;
    const char* text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    static_cast<Link*>(self)->warning = text != nullptr ? text : "a warning";
  }
};

// When a wait ends without an answer.
struct Session::Until {
  const Context& context;
  const Clock& clock;
  const Server& server;
  Instant limit;

  Until(const Context& c, const Clock& k, const Server& s)
      : context(c), clock(k), server(s), limit(std::min(c.deadline, k.Now() + s.patience)) {}

  absl::Status Check() const {
    DR_RETURN_IF_ERROR(CheckContext(context, clock, "Postgres"));
    if (clock.Now() < limit) return absl::OkStatus();
    return MakeFault(
        {.kind = FaultKind::kIo, .place = server.place, .next = "see whether the server hangs"},
        fmt::format("no answer within {} ms", server.patience.count()));
  }

  absl::Status Await(int socket, short events) const {
    for (;;) {
      DR_RETURN_IF_ERROR(Check());
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - clock.Now()) +
                        std::chrono::milliseconds(1);
      pollfd wanted{.fd = socket, .events = events, .revents = 0};
      if (poll(&wanted, 1, static_cast<int>(std::min(left, kLook).count())) > 0) {
        return absl::OkStatus();
      }
    }
  }
};

int Rows::size() const { return PQntuples(static_cast<const PGresult*>(result_.get())); }

std::string_view Rows::At(int row, int column) const {
  const auto* result = static_cast<const PGresult*>(result_.get());
  return {PQgetvalue(result, row, column),
          static_cast<std::size_t>(PQgetlength(result, row, column))};
}

std::uint64_t Rows::affected() const {
  return std::strtoull(PQcmdTuples(static_cast<PGresult*>(result_.get())), nullptr, 10);
}

Session::Session(std::unique_ptr<Link> link, const Server& server, const Clock& clock)
    : link_(std::move(link)), server_(server), clock_(clock) {}

Session::~Session() = default;

absl::StatusOr<std::unique_ptr<Session>> Session::Dial(const Server& server, const Clock& clock,
                                                       const Context& context) {
  const std::string password(server.password.Reveal());
  const std::pair<const char*, const char*> settings[] = {
      {"host", server.host.c_str()},
      {"port", server.port.c_str()},
      {"dbname", server.database.c_str()},
      {"user", server.user.c_str()},
      {"password", password.c_str()},
      {"sslmode", server.sslmode.c_str()},
      {"sslrootcert", server.sslrootcert.c_str()},
      {"gssencmode", "disable"},  // would take the place of TLS and of its checks
      {"client_encoding", "UTF8"},
      {"application_name", "dr"},
  };
  std::array<const char*, std::size(settings) + 1> names{}, values{};
  for (std::size_t i = 0; i < std::size(settings); ++i) {
    std::tie(names[i], values[i]) = settings[i];
  }
  const Until until(context, clock, server);
  std::unique_ptr<PGconn, decltype(&PQfinish)> dialed(
      PQconnectStartParams(names.data(), values.data(), 0), &PQfinish);
  if (dialed == nullptr) return absl::ResourceExhaustedError("no memory for a connection");
  PQsetErrorVerbosity(dialed.get(), PQERRORS_VERBOSE);  // with SQLSTATE
  for (auto next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;
       next = PQconnectPoll(dialed.get())) {
    if (next == PGRES_POLLING_FAILED || PQstatus(dialed.get()) == CONNECTION_BAD) {
      return FaultOfDial(PQerrorMessage(dialed.get()), server.place);
    }
    DR_RETURN_IF_ERROR(
        until.Await(PQsocket(dialed.get()), next == PGRES_POLLING_READING ? POLLIN : POLLOUT));
  }
  std::unique_ptr<Link> link;
  DR_RETURN_IF_ERROR(
      Guarded(server.place, [&] { link = std::make_unique<Link>(dialed.release()); }));
  std::unique_ptr<Session> session(new Session(std::move(link), server, clock));
  DR_RETURN_IF_ERROR(session->SetUp(context));
  return session;
}

absl::Status Session::SetUp(const Context& context) {
  std::string sql =
      "SELECT set_config('search_path', '', false),"
      " set_config('client_min_messages', 'warning', false),"
      " set_config('default_transaction_isolation', 'read committed', false);"
      "SELECT set_config('synchronous_commit', 'on', false)"
      " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply');";
  if (PQserverVersion(link_->raw) >= 140000) {
    // What nobody waits for any more ends on the server too.
    sql += "SELECT set_config('client_connection_check_interval', '1s', false)";
  }
  return Do(sql, context);
}

absl::Status Session::Broken() {
  lost_ = true;
  return FaultOfDial(PQerrorMessage(link_->raw), server_.place);
}

absl::Status Session::AwaitSent(const Until& until) {
  for (;;) {
    const int left = PQflush(link_->raw);
    if (left == 0) return absl::OkStatus();
    if (left < 0) return Broken();
    // Reading too: the server may be stuck until somebody takes what it sends.
    DR_RETURN_IF_ERROR(until.Await(PQsocket(link_->raw), POLLIN | POLLOUT));
    if (PQconsumeInput(link_->raw) == 0) return Broken();
  }
}

absl::Status Session::AwaitAnswer(const Until& until) {
  while (PQisBusy(link_->raw) != 0) {
    DR_RETURN_IF_ERROR(until.Await(PQsocket(link_->raw), POLLIN));
    if (PQconsumeInput(link_->raw) == 0) return Broken();
  }
  return absl::OkStatus();
}

absl::StatusOr<Rows> Session::Finish(const Until& until) {
  lost_ = true;  // until all of the answer is here
  DR_RETURN_IF_ERROR(AwaitSent(until));
  std::shared_ptr<PGresult> answer;
  for (;;) {
    DR_RETURN_IF_ERROR(AwaitAnswer(until));
    std::shared_ptr<PGresult> next(PQgetResult(link_->raw), &PQclear);
    if (next == nullptr) break;
    if (answer == nullptr || PQresultStatus(answer.get()) != PGRES_FATAL_ERROR) answer = next;
  }
  if (answer == nullptr) return Broken();
  const ExecStatusType status = PQresultStatus(answer.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    const char* state = PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
    if (state == nullptr) return Broken();
    sqlstate_ = state;
    // Told to end, a server may have committed before it says so.
    lost_ = sqlstate_.starts_with("57P") || PQstatus(link_->raw) != CONNECTION_OK;
    return FaultOfState(sqlstate_, PQresultErrorField(answer.get(), PG_DIAG_MESSAGE_PRIMARY),
                        server_.place);
  }
  if (!link_->warning.empty()) {  // committed here, but not on the standbys that it waits for
    return MakeFault(
        {.kind = FaultKind::kIo, .place = server_.place, .next = "look into the server's log"},
        fmt::format("the server warns: {}", link_->warning));
  }
  lost_ = false;
  return Rows(std::move(answer));
}

// The server's own limit ends a statement definitely; it is set anew only when the old one does not
// fit, because that is a round trip.
absl::Status Session::LimitOnServer(const Until& until) {
  const std::int64_t left_ms = std::max<std::int64_t>(
      2, std::chrono::duration_cast<std::chrono::milliseconds>(until.limit - clock_.Now()).count());
  if (server_limit_ms_ <= left_ms && server_limit_ms_ >= left_ms * 8 / 10) return absl::OkStatus();
  server_limit_ms_ = left_ms * 9 / 10;
  PQsendQuery(link_->raw, fmt::format("SET statement_timeout = {}", server_limit_ms_).c_str());
  return Finish(until).status();
}

absl::StatusOr<Rows> Session::Ask(const Statement& statement, std::span<const Argument> arguments,
                                  const Context& context) {
  const Until until(context, clock_, server_);
  sqlstate_.clear();
  link_->warning.clear();
  DR_RETURN_IF_ERROR(LimitOnServer(until));
  if (!prepared_.contains(statement.name)) {
    PQsendPrepare(link_->raw, statement.name.data(), statement.sql.c_str(), 0, nullptr);
    DR_RETURN_IF_ERROR(Finish(until).status());
    prepared_.insert(statement.name);
  }
  std::vector<const char*> values;
  std::vector<int> lengths, formats(arguments.size(), 1);
  for (const Argument& argument : arguments) {
    values.push_back(argument.null ? nullptr
                                   : (argument.bytes.data() ? argument.bytes.data() : ""));
    lengths.push_back(static_cast<int>(argument.bytes.size()));
  }
  PQsendQueryPrepared(link_->raw, statement.name.data(), static_cast<int>(arguments.size()),
                      values.data(), lengths.data(), formats.data(), 1);
  return Finish(until);
}

absl::Status Session::Do(const std::string& sql, const Context& context) {
  const Until until(context, clock_, server_);
  sqlstate_.clear();
  link_->warning.clear();
  PQsendQuery(link_->raw, sql.c_str());
  return Finish(until).status();
}

bool Session::IsAlive() {
  pollfd idle{.fd = PQsocket(link_->raw), .events = POLLIN, .revents = 0};
  return !lost_ && PQstatus(link_->raw) == CONNECTION_OK && poll(&idle, 1, 0) == 0;
}

absl::StatusOr<std::string> Session::QuoteName(const std::string& name) {
  std::string quoted;
  DR_RETURN_IF_ERROR(Guarded(server_.place, [&] { quoted = link_->quote_name(name); }));
  return quoted;
}

std::string EncodeInt64(std::int64_t value) {
  std::string out;
  PutBig32(out, static_cast<std::uint32_t>(static_cast<std::uint64_t>(value) >> 32));
  PutBig32(out, static_cast<std::uint32_t>(value));
  return out;
}

std::string EncodeArray(ArrayOf type, std::span<const std::string_view> elements) {
  std::string out;
  for (std::uint32_t word : {1U, 0U, static_cast<std::uint32_t>(type),
                             static_cast<std::uint32_t>(elements.size()), 1U}) {
    PutBig32(out, word);  // dimensions, NULLs, type, length, first index
  }
  for (std::string_view element : elements) {
    PutBig32(out, static_cast<std::uint32_t>(element.size()));
    out += element;
  }
  return out;
}

}  // namespace dr::inline v0::postgres
