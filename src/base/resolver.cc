#include "dr/environment/resolver.h"

#include <netdb.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "dr/environment/descriptor.h"
#include "dr/status.h"
#include "dr/status_macros.h"

namespace dr::inline v0 {
namespace {

constexpr std::chrono::nanoseconds kLook = std::chrono::milliseconds(20);

int Ask(const std::string& host, int flags, std::vector<Address>& found) {
  addrinfo wanted = {};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags;
  addrinfo* list = nullptr;
  const StandardStreams taken;  // the system's resolver opens sockets
  const int error = getaddrinfo(host.c_str(), nullptr, &wanted, &list);
  if (error != 0) return error;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    Address& address = found.emplace_back();
    address.size = std::min<socklen_t>(one->ai_addrlen, sizeof(address.bytes));
    std::memcpy(&address.bytes, one->ai_addr, address.size);
  }
  return found.empty() ? EAI_NONAME : 0;
}

absl::Status Unresolved(std::string_view host, std::string_view why) {
  return MakeFault({.kind = FaultKind::kIo,
                    .place = std::string(host),
                    .next = "see whether the name is right and a name server answers; try again"},
                   why);
}

}  // namespace

struct Resolver::Search {
  Mutex mutex;
  CondVar ended;
  bool done ABSL_GUARDED_BY(mutex) = false;
  int error ABSL_GUARDED_BY(mutex) = 0;
  std::vector<Address> found ABSL_GUARDED_BY(mutex);
};

std::string TextOf(const Address& address) {
  std::array<char, NI_MAXHOST> text = {};
  getnameinfo(reinterpret_cast<const sockaddr*>(&address.bytes), address.size, text.data(),
              text.size(), nullptr, 0, NI_NUMERICHOST);
  return text.data();
}

Resolver::Resolver(const Clock& clock)
    : Resolver(clock, [](const std::string& host, std::vector<Address>& found) {
        return Ask(host, 0, found);
      }) {}

std::shared_ptr<Resolver::Search> Resolver::Join(const std::string& host) {
  MutexLock lock(mutex_);
  if (const auto found = under_way_.find(host); found != under_way_.end()) return found->second;
  const auto search = std::make_shared<Search>();
  const auto entry = under_way_.emplace(host, search).first;
  try {
    Begin(host, search);
  } catch (...) {  // there is no thread, and so nobody who would end it
    under_way_.erase(entry);
    throw;
  }
  return search;
}

void Resolver::Begin(const std::string& host, const std::shared_ptr<Search>& search) const {
  std::thread([search, host, lookup = lookup_]() noexcept {
    std::vector<Address> found;
    int error = EAI_MEMORY;
    try {
      error = lookup(host, found);
    } catch (const std::bad_alloc&) {
    }
    MutexLock ended(search->mutex);
    search->done = true;
    search->error = error;
    search->found = std::move(found);
    search->ended.NotifyAll();
  }).detach();
}

void Resolver::Forget(const std::string& host, const std::shared_ptr<Search>& search) {
  MutexLock lock(mutex_);
  const auto found = under_way_.find(host);
  if (found != under_way_.end() && found->second == search) under_way_.erase(found);
}

absl::StatusOr<std::vector<Address>> Resolver::Resolve(const std::string& host,
                                                       std::chrono::nanoseconds patience,
                                                       const Context& context) {
  std::vector<Address> numeric;
  if (Ask(host, AI_NUMERICHOST, numeric) == 0) return numeric;
  std::shared_ptr<Search> search;
  try {
    search = Join(host);
  } catch (const std::system_error&) {
    return Unresolved(host, "no thread can be made that looks it up");
  }
  const Instant give_up = clock_.Now() + patience;
  MutexLock lock(search->mutex);
  while (!search->done) {
    DR_RETURN_IF_ERROR(CheckContext(context, clock_, "the address of a server"));
    const std::chrono::nanoseconds left = std::min(give_up, context.deadline) - clock_.Now();
    if (left.count() <= 0) return Unresolved(host, "its name was not resolved in time");
    search->ended.WaitFor(search->mutex, std::min(left, kLook));
  }
  Forget(host, search);
  if (search->error != 0) return Unresolved(host, gai_strerror(search->error));
  return search->found;
}

}  // namespace dr::inline v0
