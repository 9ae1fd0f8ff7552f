#include "examples/dr_demo/reports.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <type_traits>
#include <utility>

namespace demo {
namespace {

// Reads the alternative that the first byte names, if all of it is there.
template <std::size_t I = 0>
std::optional<Report> Decode(std::string_view bytes, std::size_t& taken) {
  if constexpr (I < std::variant_size_v<Report>) {
    using Alternative = std::variant_alternative_t<I, Report>;
    static_assert(std::is_trivially_copyable_v<Alternative> && sizeof(Alternative) < PIPE_BUF);
    if (bytes.empty() || bytes[0] != I) return Decode<I + 1>(bytes, taken);
    if (bytes.size() < 1 + sizeof(Alternative)) return std::nullopt;
    Alternative report;
    std::memcpy(&report, bytes.data() + 1, sizeof(report));
    taken = 1 + sizeof(report);
    return report;
  }
  return std::nullopt;
}

}  // namespace

bool Send(int pipe, const Report& report) {
  const std::string bytes = std::visit(
      [&](const auto& alternative) {
        std::string b(1, static_cast<char>(report.index()));
        return b.append(reinterpret_cast<const char*>(&alternative), sizeof(alternative));
      },
      report);
  ssize_t sent = 0;
  do {
    sent = write(pipe, bytes.data(), bytes.size());
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(bytes.size());
}

bool ReportReader::Wait(std::chrono::milliseconds timeout) {
  pollfd waiting{.fd = pipe_, .events = POLLIN, .revents = 0};
  if (poll(&waiting, 1, static_cast<int>(timeout.count())) <= 0) return true;
  bytes_.erase(0, std::exchange(at_, 0));
  char chunk[1 << 16];
  const ssize_t got = read(pipe_, chunk, sizeof(chunk));
  if (got > 0) bytes_.append(chunk, static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

std::optional<Report> ReportReader::Next() {
  std::size_t taken = 0;
  std::optional<Report> report = Decode(std::string_view(bytes_).substr(at_), taken);
  at_ += taken;
  return report;
}

}  // namespace demo
