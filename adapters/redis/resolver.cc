#include "adapters/redis/resolver.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "adapters/redis/transport.h"
#include "dr/status.h"

namespace dr::inline v0::redis {
namespace {

constexpr std::chrono::nanoseconds kLook = std::chrono::milliseconds(20);

int Ask(const std::string& host, int flags, std::vector<Address>& found) {
  addrinfo wanted = {};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags;
  addrinfo* list = nullptr;
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

}  // namespace

Resolver::Resolver(const Clock& clock)
    : Resolver(clock, [](const std::string& host, std::vector<Address>& found) {
        return Ask(host, 0, found);
      }) {}

std::shared_ptr<Resolver::Search> Resolver::Join(const std::string& host) {
  MutexLock lock(mutex_);
  std::shared_ptr<Search>& search = under_way_[host];
  if (search != nullptr) return search;
  search = std::make_shared<Search>();
  try {
    std::thread([search, host, lookup = lookup_] {
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
  } catch (const std::system_error&) {  // no more threads
    MutexLock ended(search->mutex);
    search->done = true;
    search->error = EAI_AGAIN;
  }
  return search;
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
  const std::shared_ptr<Search> search = Join(host);
  const Instant give_up = clock_.Now() + patience;
  MutexLock lock(search->mutex);
  while (!search->done) {
    if (absl::Status s = CheckContext(context, clock_, "the address of Redis"); !s.ok()) return s;
    const std::chrono::nanoseconds left = std::min(give_up, context.deadline) - clock_.Now();
    if (left.count() <= 0) return ConnectionLost(host, "its name was not resolved in time");
    search->ended.WaitFor(search->mutex, std::min(left, kLook));
  }
  Forget(host, search);
  if (search->error != 0) return ConnectionLost(host, gai_strerror(search->error));
  return search->found;
}

}  // namespace dr::inline v0::redis
