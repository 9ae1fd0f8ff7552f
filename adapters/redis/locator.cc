#include "adapters/redis/locator.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "adapters/redis/error.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0::redis {
namespace {

constexpr std::chrono::nanoseconds kAroundPatience = std::chrono::seconds(1);  // with each of them
constexpr std::size_t kMaxNodes = 1000;

bool ReadPort(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

absl::Status NoMaster(const Endpoint& answered, std::string_view what) {
  return MakeFault({.kind = FaultKind::kBusy,
                    .place = answered.Place(),
                    .next = "try again in a moment; see that the nodes run and know each other"},
                   what);
}

// One node of CLUSTER SLOTS: host (none: the one that answered), port, and what is of no use here.
std::optional<Endpoint> NodeOf(const Reply& node, const Endpoint& answered) {
  if (node.elements.size() < 2) return std::nullopt;
  const Reply& host = node.elements[0];
  const long long port = node.elements[1].integer;
  if (host.text == "?" || port < 1 || port > 65535) return std::nullopt;
  return Endpoint{.host = host.text.empty() ? answered.host : host.text,
                  .port = static_cast<std::uint16_t>(port),
                  .patience = answered.patience};
}

}  // namespace

std::uint16_t SlotOf(std::string_view key) {
  const std::size_t open = key.find('{');
  const std::size_t close = open == key.npos ? key.npos : key.find('}', open + 1);
  if (close != key.npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  unsigned crc = 0;  // CRC-16/XMODEM
  for (const char c : key) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return crc & 0x3FFF;
}

std::optional<Redirection> RedirectionOf(const Reply& reply, const Endpoint& answered) {
  if (!reply.failed()) return std::nullopt;
  const std::string_view text = reply.text;
  Redirection redirection{.ask = text.starts_with("ASK "), .to = answered};
  if (!redirection.ask && !text.starts_with("MOVED ")) return std::nullopt;
  const std::string_view place = text.substr(text.rfind(' ') + 1);
  const std::size_t colon = place.rfind(':');
  if (colon == place.npos || !ReadPort(place.substr(colon + 1), redirection.to.port)) {
    return std::nullopt;
  }
  const std::string_view host = place.substr(0, colon);
  if (!host.empty() && host != "?") redirection.to.host = host;
  return redirection;
}

Locator::Locator(const Options& options, std::uint16_t slot, Open open)
    : topology_(options.topology),
      service_(options.service),
      slot_(slot),
      seeds_(options.seeds),
      open_(std::move(open)) {
  if (topology_ == Topology::kServer) master_ = seeds_[0];
}

absl::StatusOr<Endpoint> Locator::Find(const Context& context) {
  {
    MutexLock lock(mutex_);
    if (master_) return *master_;
  }
  DR_ASSIGN_OR_RETURN(Endpoint found, AskAround(context));
  found.patience = seeds_[0].patience;
  MutexLock lock(mutex_);
  master_ = found;
  return found;
}

bool Locator::Doubt(const Endpoint& endpoint) {
  if (topology_ == Topology::kServer) return false;
  MutexLock lock(mutex_);
  if (master_ == endpoint) {
    master_.reset();
    ++first_;  // who named it may be the last to know
  }
  return true;
}

void Locator::Moved(const Endpoint& endpoint) {
  MutexLock lock(mutex_);
  master_ = endpoint;
}

absl::StatusOr<Endpoint> Locator::AskAround(const Context& context) {
  std::vector<Endpoint> all;
  {
    MutexLock lock(mutex_);
    all = nodes_;
    for (const Endpoint& seed : seeds_) {
      if (std::find(all.begin(), all.end(), seed) == all.end()) all.push_back(seed);
    }
    std::rotate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(first_ % all.size()),
                all.end());
  }
  absl::Status last;
  for (const Endpoint& one : all) {
    absl::StatusOr<Endpoint> found = AskOne(one, context);
    last = found.status();
    if (found.ok() || absl::IsDeadlineExceeded(last) || absl::IsCancelled(last)) return found;
  }
  return last;
}

absl::StatusOr<Endpoint> Locator::AskOne(const Endpoint& whom, const Context& context) {
  Endpoint endpoint = whom;
  endpoint.patience = std::min(endpoint.patience, kAroundPatience);
  DR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, open_(endpoint, context));
  const bool cluster = topology_ == Topology::kCluster;
  const Command command = cluster ? Command{"CLUSTER", "SLOTS"}
                                  : Command{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", service_};
  DR_ASSIGN_OR_RETURN(const Reply reply, connection->Ask(command, context));
  if (reply.failed()) return ErrorOf(reply, whom.Place());
  return cluster ? OwnerOfSlot(reply, whom) : MasterOfService(reply, whom);
}

absl::StatusOr<Endpoint> Locator::OwnerOfSlot(const Reply& slots, const Endpoint& answered) {
  std::optional<Endpoint> owner;
  std::vector<Endpoint> nodes;
  for (const Reply& range : slots.elements) {
    if (range.elements.size() < 3) continue;
    for (std::size_t i = 2; i < range.elements.size() && nodes.size() < kMaxNodes; ++i) {
      const std::optional<Endpoint> node = NodeOf(range.elements[i], answered);
      if (!node) continue;
      if (std::find(nodes.begin(), nodes.end(), *node) == nodes.end()) nodes.push_back(*node);
      const bool master = i == 2;
      if (master && range.elements[0].integer <= slot_ && slot_ <= range.elements[1].integer) {
        owner = node;
      }
    }
  }
  if (!owner) return NoMaster(answered, fmt::format("no node of the cluster has slot {}", slot_));
  MutexLock lock(mutex_);
  nodes_ = std::move(nodes);
  return *owner;
}

absl::StatusOr<Endpoint> Locator::MasterOfService(const Reply& address,
                                                  const Endpoint& answered) const {
  Endpoint master = answered;
  if (address.elements.size() == 2 && ReadPort(address.elements[1].text, master.port)) {
    master.host = address.elements[0].text;
    return master;
  }
  return MakeFault({.kind = FaultKind::kInvalid,
                    .place = answered.Place(),
                    .next = "write the name of `sentinel monitor` into the URI's path"},
                   fmt::format("the sentinel knows no service '{}'", service_));
}

}  // namespace dr::inline v0::redis
