#include "adapters/postgres/connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "adapters/postgres/error.h"
#include "dr/environment/descriptor.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0::postgres {
namespace {

constexpr std::string_view kBegin = "BEGIN ISOLATION LEVEL READ COMMITTED", kCommit = "COMMIT";
constexpr std::chrono::milliseconds kLook(20);  // how soon a stop is noticed

std::shared_ptr<PGresult> Own(PGresult* result) { return {result, &PQclear}; }

}  // namespace

// When a wait ends without an answer.
struct Connection::Until {
  const Context& context;
  const Clock& clock;
  const Server& server;
  Instant limit;

  Until(const Context& c, const Clock& k, const Server& s, std::chrono::milliseconds patience)
      : context(c), clock(k), server(s), limit(std::min(c.deadline, k.Now() + patience)) {}

  absl::Status Check() const {
    DR_RETURN_IF_ERROR(CheckContext(context, clock, "Postgres"));
    if (clock.Now() < limit) return absl::OkStatus();
    return MakeFault(
        {.kind = FaultKind::kIo, .place = server.place, .next = "see whether the server hangs"},
        "no answer for too long");
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

absl::StatusOr<std::unique_ptr<Connection>> Connection::Dial(const Server& server,
                                                             Resolver& resolver,
                                                             const Context& context) {
  absl::Status last;
  for (const Server::Host& host : server.hosts) {
    auto connection = DialHost(server, host, resolver, context);
    if (!absl::IsUnavailable(connection.status())) return connection;
    last = connection.status();
  }
  return last;
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::DialHost(const Server& server,
                                                                 const Server::Host& host,
                                                                 Resolver& resolver,
                                                                 const Context& context) {
  const Until until(context, resolver.clock(), server, server.dial_patience);
  std::vector<std::string> addresses = {""};  // of a folder, or as libpq finds it
  if (!host.name.empty() && !host.name.starts_with('/')) {
    DR_ASSIGN_OR_RETURN(const std::vector<Address> found,
                        resolver.Resolve(host.name, server.dial_patience, context));
    addresses.clear();
    for (const Address& address : found) addresses.push_back(TextOf(address));
  }
  absl::Status last;
  for (const std::string& address : addresses) {
    absl::StatusOr<RawConnection> raw = Connect(server, host, address, until);
    if (raw.ok()) {
      DR_ASSIGN_OR_RETURN(std::unique_ptr<Link> link, Link::Take(*std::move(raw), server.place));
      return std::unique_ptr<Connection>(new Connection(std::move(link), server, resolver.clock()));
    }
    last = raw.status();
    if (!absl::IsUnavailable(last)) break;
  }
  return last;
}

// libpq would look a name up itself, and nothing could interrupt that.
absl::StatusOr<RawConnection> Connection::Connect(const Server& server, const Server::Host& host,
                                                  const std::string& address, const Until& until) {
  DR_RETURN_IF_ERROR(until.Check());
  const std::string password(server.password.Reveal());
  std::vector<const char*> names, values;
  const auto add = [&](const char* name, const std::string& value) {
    names.push_back(name);
    values.push_back(value.c_str());  // libpq takes an empty one for none
  };
  add("host", host.name);
  add("hostaddr", address);
  add("port", host.port);
  add("password", password);
  for (const auto& [name, value] : server.parameters) add(name.c_str(), value);
  names.push_back(nullptr);
  values.push_back(nullptr);
  const StandardStreams taken;  // libpq opens a socket
  RawConnection dialed(PQconnectStartParams(names.data(), values.data(), 0));
  if (dialed == nullptr) return absl::ResourceExhaustedError("no memory for a connection");
  PQsetErrorVerbosity(dialed.get(), PQERRORS_VERBOSE);  // with SQLSTATE
  // It would print what the server says.
  PQsetNoticeReceiver(
      dialed.get(), [](void*, const PGresult*) {}, nullptr);
  for (auto next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;
       next = PQconnectPoll(dialed.get())) {
    if (next == PGRES_POLLING_FAILED || PQstatus(dialed.get()) == CONNECTION_BAD) {
      return ErrorOfDial(PQerrorMessage(dialed.get()), server.place);
    }
    DR_RETURN_IF_ERROR(
        until.Await(PQsocket(dialed.get()), next == PGRES_POLLING_READING ? POLLIN : POLLOUT));
  }
  return dialed;
}

absl::Status Connection::Broken(std::string_view why) {
  lost_ = true;
  return ErrorOfDial(why, server_.place);
}

absl::Status Connection::AwaitSent(const Until& until) {
  for (;;) {
    const int left = PQflush(link_->raw());
    if (left == 0) return absl::OkStatus();
    if (left < 0) return Broken(PQerrorMessage(link_->raw()));
    // Reading too: the server may be stuck until somebody takes what it sends.
    DR_RETURN_IF_ERROR(until.Await(PQsocket(link_->raw()), POLLIN | POLLOUT));
    if (PQconsumeInput(link_->raw()) == 0) return Broken(PQerrorMessage(link_->raw()));
  }
}

absl::Status Connection::AwaitAnswer(const Until& until) {
  while (PQisBusy(link_->raw()) != 0) {
    DR_RETURN_IF_ERROR(until.Await(PQsocket(link_->raw()), POLLIN));
    if (PQconsumeInput(link_->raw()) == 0) return Broken(PQerrorMessage(link_->raw()));
  }
  return absl::OkStatus();
}

// What holds for one transaction, and is gone with it. The server's own limit ends a statement
// definitely, a little before nobody waits for it any more.
std::string Connection::Settings(const Until& until) const {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(until.limit - clock_.Now());
  return fmt::format(
      "SELECT set_config('statement_timeout', '{}', true), set_config('search_path', '', true),"
      " set_config('client_min_messages', 'warning', true),"
      " set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
      " WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true){}",
      std::max<std::int64_t>(1, left.count() * 9 / 10),
      // What nobody waits for any more ends on the server too.
      PQserverVersion(link_->raw()) < 140000
          ? ""
          : ", set_config('client_connection_check_interval', '1s', true)");
}

void Connection::Start() {
  sqlstate_.clear();
  link_->ForgetWarning();
  lost_ = true;  // until all of the answer is here
}

// All at once, and one answer; where one fails those behind it are not run.
absl::StatusOr<Rows> Connection::Send(std::span<const Query> queries, std::size_t wanted,
                                      const Until& until) {
  Start();
  PGconn* const raw = link_->raw();
  bool sent = PQenterPipelineMode(raw) == 1;
  for (const Query& query : queries) {
    std::vector<const char*> values;
    std::vector<int> lengths, formats(query.arguments.size(), 1);
    for (const Argument& argument : query.arguments) {
      values.push_back(argument.null ? nullptr
                                     : (argument.bytes.data() ? argument.bytes.data() : ""));
      lengths.push_back(static_cast<int>(argument.bytes.size()));
    }
    sent = sent &&
           PQsendQueryParams(raw, std::string(query.sql).c_str(), static_cast<int>(values.size()),
                             nullptr, values.data(), lengths.data(), formats.data(), 1) == 1;
  }
  if (!sent || PQpipelineSync(raw) != 1) return Broken(PQerrorMessage(raw));
  absl::StatusOr<Rows> rows = Finish(wanted, until);
  if (!lost_ && PQexitPipelineMode(raw) != 1) return Broken(PQerrorMessage(raw));
  return rows;
}

absl::StatusOr<Rows> Connection::Finish(std::size_t wanted, const Until& until) {
  DR_RETURN_IF_ERROR(AwaitSent(until));
  const bool is_pipeline = PQpipelineStatus(link_->raw()) != PQ_PIPELINE_OFF;
  std::shared_ptr<PGresult> answer, error;
  bool is_over = false, was_null = false;
  for (std::size_t at = 0; !is_over;) {
    DR_RETURN_IF_ERROR(AwaitAnswer(until));
    const std::shared_ptr<PGresult> next = Own(PQgetResult(link_->raw()));
    if (next == nullptr) {  // behind each statement; a script ends with it
      is_over = !is_pipeline;
      if (std::exchange(was_null, true) && !is_over) return Broken("the server's answer has a gap");
      continue;
    }
    was_null = false;
    switch (PQresultStatus(next.get())) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        if (at++ == wanted) answer = next;
        break;
      case PGRES_FATAL_ERROR:
        if (error == nullptr) error = next;
        if (PQstatus(link_->raw()) != CONNECTION_OK) is_over = true;
        break;
      case PGRES_PIPELINE_SYNC:
        is_over = true;
        break;
      case PGRES_PIPELINE_ABORTED:
      case PGRES_EMPTY_QUERY:
        break;
      default:  // it would be answered so for ever
        return Broken("the server answers what was not asked");
    }
  }
  if (error != nullptr) return Failed(error);
  if (answer == nullptr) return Broken(PQerrorMessage(link_->raw()));
  if (!link_->warning().empty()) {  // committed here, but not on the standbys that it waits for
    return MakeFault(
        {.kind = FaultKind::kIo, .place = server_.place, .next = "look into the server's log"},
        fmt::format("the server warns: {}", link_->warning()));
  }
  lost_ = false;
  return Rows(std::move(answer));
}

absl::StatusOr<Rows> Connection::Failed(const std::shared_ptr<void>& error) {
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(static_cast<PGresult*>(error.get()), code);
    return std::string(text != nullptr ? text : "");
  };
  sqlstate_ = field(PG_DIAG_SQLSTATE);
  if (sqlstate_.empty()) return Broken(PQerrorMessage(link_->raw()));
  // Told to end, a server may have committed before it says so; likewise one behind a pooler.
  lost_ = sqlstate_.starts_with("57P") || sqlstate_.starts_with("08") ||
          PQstatus(link_->raw()) != CONNECTION_OK;
  return ErrorOfState(sqlstate_, field(PG_DIAG_MESSAGE_PRIMARY), server_.place);
}

absl::StatusOr<Rows> Connection::Ask(const std::string& sql, std::span<const Argument> arguments,
                                     const Context& context) {
  const Until until(context, clock_, server_, server_.patience);
  const Query query{sql, arguments};
  if (in_transaction_) return Send({&query, 1}, 0, until);
  const std::string settings = Settings(until);
  const Query queries[] = {{kBegin}, {settings}, query, {kCommit}};
  return Send(queries, 2, until);
}

absl::Status Connection::Begin(const Context& context) {
  const Until until(context, clock_, server_, server_.patience);
  in_transaction_ = true;
  const std::string settings = Settings(until);
  const Query queries[] = {{kBegin}, {settings}};
  absl::Status begun = Send(queries, 1, until).status();
  if (!lost_ || !absl::IsUnavailable(begun)) return begun;
  // So does a pooler end what it does not allow, without a word.
  return MakeFault({.kind = FaultKind::kIo,
                    .place = server_.place,
                    .next = "see whether the server is up; a pooler before it needs pool_mode = "
                            "transaction or connection"},
                   AsStd(begun.message()));
}

absl::StatusOr<Rows> Connection::Commit(const Context& context) {
  const Until until(context, clock_, server_, server_.patience);
  const Query query{kCommit};
  absl::StatusOr<Rows> rows = Send({&query, 1}, 0, until);
  in_transaction_ = false;
  return rows;
}

absl::Status Connection::Do(const std::string& script, const Context& context) {
  const Until until(context, clock_, server_, server_.patience);
  Start();
  if (PQsendQuery(link_->raw(), script.c_str()) != 1) {
    return Broken(PQerrorMessage(link_->raw()));
  }
  return Finish(0, until).status();
}

bool Connection::IsAlive() {
  PGconn* const raw = link_->raw();
  pollfd idle{.fd = PQsocket(raw), .events = POLLIN, .revents = 0};
  return !lost_ && PQstatus(raw) == CONNECTION_OK && PQtransactionStatus(raw) == PQTRANS_IDLE &&
         PQpipelineStatus(raw) == PQ_PIPELINE_OFF && poll(&idle, 1, 0) == 0;
}

}  // namespace dr::inline v0::postgres
