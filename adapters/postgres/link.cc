#include "adapters/postgres/link.h"

#include <algorithm>
#include <pqxx/pqxx>
#include <utility>

#include "adapters/postgres/error.h"
#include "dr/status_macros.h"

namespace dr::inline v0::postgres {
namespace {

// libpqxx throws; nothing of it leaves here.
template <typename Call>
absl::Status Guarded(std::string_view place, Call&& call) {
  try {
    call();
    return absl::OkStatus();
  } catch (const pqxx::sql_error& e) {
    return ErrorOfState(e.sqlstate(), e.what(), place);
  } catch (const pqxx::failure& e) {
    return ErrorOfDial(e.what(), place);
  }
}

}  // namespace

#if PQXX_VERSION_MAJOR >= 7

struct Link::Owner {
  explicit Owner(RawConnection& raw)
      : connection(pqxx::connection::seize_raw_connection(raw.release())) {}
  pqxx::connection connection;
};

#else

// Hands libpqxx a connection that is open, once: it may not reconnect behind our back.
class Opened : public pqxx::connectionpolicy {
 public:
  explicit Opened(RawConnection& connection)
      : pqxx::connectionpolicy(""), connection_(connection) {}
  handle do_startconnect(handle old) override {
    return old != nullptr ? old : connection_.release();
  }
  handle do_completeconnect(handle old) override { return old; }

 private:
  RawConnection& connection_;  // used while the constructor of its owner runs, and not later
};

struct Link::Owner {
  struct Connection : Opened, pqxx::connection_base {
    explicit Connection(RawConnection& raw)
        : Opened(raw), pqxx::connection_base(static_cast<Opened&>(*this)) {
      try {
        init();
      } catch (...) {
        close();
        throw;
      }
    }
    ~Connection() { close(); }
  };
  explicit Owner(RawConnection& raw) : connection(raw) {}
  Connection connection;
};

#endif

absl::StatusOr<std::unique_ptr<Link>> Link::Take(RawConnection raw, std::string_view place) {
  std::unique_ptr<Link> link(new Link(raw.get(), place));
  DR_RETURN_IF_ERROR(Guarded(place, [&] { link->owner_ = std::make_unique<Owner>(raw); }));
  PQsetnonblocking(link->raw_, 1);
  PQsetNoticeReceiver(link->raw_, &Link::Hear, link.get());
  return link;
}

Link::Link(PGconn* raw, std::string_view place) : raw_(raw), place_(place) {}
Link::~Link() = default;

void Link::Hear(void* self, const PGresult* notice) noexcept {
  const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == nullptr || std::string_view(severity) != "WARNING") return;
  const char* text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
  std::array<char, 256>& warning = static_cast<Link*>(self)->warning_;
  const std::string_view shown =
      std::string_view(text != nullptr && *text != '\0' ? text : "a warning")
          .substr(0, warning.size() - 1);
  *std::copy(shown.begin(), shown.end(), warning.begin()) = '\0';
}

absl::StatusOr<std::string> Link::QuoteName(const std::string& name) {
  std::string quoted;
  DR_RETURN_IF_ERROR(Guarded(place_, [&] { quoted = owner_->connection.quote_name(name); }));
  return quoted;
}

}  // namespace dr::inline v0::postgres
