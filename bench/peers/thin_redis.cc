#include <hiredis/hiredis.h>

#include <algorithm>

#include "bench/peers/thin_client.h"
#include "dr/environment/uri.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

struct Disconnect {
  void operator()(redisContext* connection) const { redisFree(connection); }
};
struct Forget {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Connection = std::unique_ptr<redisContext, Disconnect>;
using Reply = std::unique_ptr<redisReply, Forget>;

class Redis final : public ThinClient {
 public:
  explicit Redis(Connection connection) : connection_(std::move(connection)) {}

  // A database of its own: dr's keys are in the first. And no rewrite of the log in mid-run.
  absl::Status Prepare(const dr::Uri& uri) {
    if (uri.password) {
      const std::string user = uri.user.empty() ? "default" : uri.user;
      const std::string password(uri.password->Reveal());
      DR_RETURN_IF_ERROR(
          Owned(redisCommand(connection_.get(), "AUTH %s %s", user.c_str(), password.c_str()))
              .status());
    }
    DR_RETURN_IF_ERROR(Owned(redisCommand(connection_.get(), "SELECT 1")).status());
    return Owned(redisCommand(connection_.get(), "CONFIG SET auto-aof-rewrite-percentage 0"))
        .status();
  }

  absl::Status Put(std::string_view key, std::string_view value) override {
    return Owned(redisCommand(connection_.get(), "SET %b %b", key.data(), key.size(), value.data(),
                              value.size()))
        .status();
  }
  absl::StatusOr<std::string> Get(std::string_view key) override {
    return Text(Owned(redisCommand(connection_.get(), "GET %b", key.data(), key.size())));
  }
  absl::StatusOr<std::vector<dr::ListEntry>> List(std::string_view prefix) override {
    std::vector<dr::ListEntry> entries;
    const std::string pattern = fmt::format("{}*", prefix);
    std::string cursor = "0";
    do {
      DR_ASSIGN_OR_RETURN(const Reply page,
                          Owned(redisCommand(connection_.get(), "SCAN %s MATCH %b COUNT 1000",
                                             cursor.c_str(), pattern.data(), pattern.size())));
      cursor = page->element[0]->str;
      const redisReply& keys = *page->element[1];
      for (std::size_t i = 0; i < keys.elements; ++i) {
        entries.push_back({std::string(keys.element[i]->str, keys.element[i]->len), 0});
      }
    } while (cursor != "0");
    std::ranges::sort(entries, {}, &dr::ListEntry::key);
    for (const dr::ListEntry& entry : entries) {
      redisAppendCommand(connection_.get(), "STRLEN %b", entry.key.data(), entry.key.size());
    }
    for (dr::ListEntry& entry : entries) {
      DR_ASSIGN_OR_RETURN(const Reply length, Receive());
      entry.bytes = static_cast<std::uint64_t>(length->integer);
    }
    return entries;
  }
  absl::Status PutMany(std::span<const dr::KeyValue> items) override {
    for (const dr::KeyValue& item : items) {
      redisAppendCommand(connection_.get(), "SET %b %b", item.key.data(), item.key.size(),
                         item.value.data(), item.value.size());
    }
    for (std::size_t i = 0; i < items.size(); ++i) DR_RETURN_IF_ERROR(Receive().status());
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<std::string>> GetMany(
      std::span<const std::string_view> keys) override {
    for (std::string_view key : keys) {
      redisAppendCommand(connection_.get(), "GET %b", key.data(), key.size());
    }
    std::vector<std::string> values;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      DR_ASSIGN_OR_RETURN(values.emplace_back(), Text(Receive()));
    }
    return values;
  }

 private:
  absl::StatusOr<Reply> Owned(void* reply) {
    Reply owned(static_cast<redisReply*>(reply));
    if (owned == nullptr) return absl::UnavailableError(connection_->errstr);
    if (owned->type == REDIS_REPLY_ERROR) return absl::UnavailableError(owned->str);
    return owned;
  }
  absl::StatusOr<Reply> Receive() {
    void* reply = nullptr;
    redisGetReply(connection_.get(), &reply);
    return Owned(reply);
  }
  static absl::StatusOr<std::string> Text(absl::StatusOr<Reply> reply) {
    DR_RETURN_IF_ERROR(reply.status());
    if ((*reply)->type != REDIS_REPLY_STRING) return absl::NotFoundError("no value");
    return std::string((*reply)->str, (*reply)->len);
  }

  const Connection connection_;
};

absl::StatusOr<std::unique_ptr<ThinClient>> Open(const std::string&) {
  DR_ASSIGN_OR_RETURN(const std::string text, ServerVariable("DR_TEST_REDIS"));
  DR_ASSIGN_OR_RETURN(const dr::Uri uri, dr::ParseUri(text));
  Connection connection(redisConnect(uri.host.c_str(), uri.port.value_or(6379)));
  if (connection == nullptr || connection->err != 0) {
    return absl::UnavailableError("no connection to " + uri.host);
  }
  auto client = std::make_unique<Redis>(std::move(connection));
  DR_RETURN_IF_ERROR(client->Prepare(uri));
  return client;
}

}  // namespace

ThinPeer ThinRedis() {
  return {"redis", "hiredis",
          "TCP, appendfsync always, SET and GET, pipelined for a batch; no index for List, which "
          "is SCAN of "
          "all keys and STRLEN, no header, no hash, no condition, no transaction",
          Open};
}

}  // namespace bench
