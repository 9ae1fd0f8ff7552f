#include "adapters/redis/reply.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <new>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"

namespace dr::inline v0::redis {
namespace {

// Where the element of `task` belongs. Null where memory is out, which the reader's flag
// remembers: no exception may pass hiredis.
Reply* Place(const redisReadTask* task, Reply reply) noexcept {
  try {
    if (task->parent == nullptr) return new Reply(std::move(reply));
    // Elements come in order, each whole before the next: no pointer into the vector is kept.
    return &static_cast<Reply*>(task->parent->obj)->elements.emplace_back(std::move(reply));
  } catch (const std::bad_alloc&) {
    *static_cast<bool*>(task->privdata) = true;
    return nullptr;
  }
}

void* CreateText(const redisReadTask* task, char* bytes, std::size_t size) noexcept {
  try {
    return Place(
        task, {.type = task->type == REDIS_REPLY_ERROR ? Reply::Type::kError : Reply::Type::kText,
               .text = std::string(bytes, size)});
  } catch (const std::bad_alloc&) {
    *static_cast<bool*>(task->privdata) = true;
    return nullptr;
  }
}

// The count's type differs between versions of hiredis. Nothing is allocated for what is announced.
template <typename Count>
void* CreateArray(const redisReadTask* task, Count count) noexcept {
  if (static_cast<std::size_t>(count) > ReplyReader::kMaxElements) return nullptr;
  return Place(task, {.type = Reply::Type::kArray});
}

void* CreateInteger(const redisReadTask* task, long long value) noexcept {
  return Place(task, {.type = Reply::Type::kInteger, .integer = value});
}

void* CreateNothing(const redisReadTask* task) noexcept { return Place(task, {}); }

void FreeReply(void* reply) noexcept { delete static_cast<Reply*>(reply); }

redisReplyObjectFunctions& Functions() {
  static redisReplyObjectFunctions functions = [] {
    redisReplyObjectFunctions made = {};
    made.createString = CreateText;
    made.createArray = CreateArray;
    made.createInteger = CreateInteger;
    made.createNil = CreateNothing;
    made.freeObject = FreeReply;
    return made;
  }();
  return functions;
}

constexpr std::size_t kMaxLine = std::size_t{64} << 10;

absl::Status Garbled(std::string_view what) {
  return MakeFault({.kind = FaultKind::kComponent,
                    .place = "a reply of Redis",
                    .next = "see that a Redis server listens there and nothing alters its answers"},
                   what);
}

}  // namespace

void ReplyReader::Free::operator()(redisReader* reader) const { redisReaderFree(reader); }

ReplyReader::ReplyReader(std::size_t max_bytes)
    : max_bytes_(max_bytes), reader_(redisReaderCreateWithFunctions(&Functions())) {
  if (reader_ == nullptr) throw std::bad_alloc();
  reader_->privdata = &lacks_memory_;
}

absl::Status ReplyReader::Failed() const {
  if (lacks_memory_) return absl::Status(absl::StatusCode::kResourceExhausted, "");
  return Garbled(reader_->errstr);
}

absl::Status ReplyReader::Feed(std::string_view bytes) {
  fed_ += bytes.size();
  if (fed_ > max_bytes_) return Garbled(fmt::format("a reply has more than {} bytes", max_bytes_));
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) {
    return Failed();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Reply>> ReplyReader::Next() {
  void* found = nullptr;
  if (redisReaderGetReply(reader_.get(), &found) != REDIS_OK) return Failed();
  if (found == nullptr) {
    // What is there of it begins with a line. Looking for its end again and again takes long.
    const std::string_view rest(reader_->buf + reader_->pos, reader_->len - reader_->pos);
    if (rest.size() > kMaxLine && rest.substr(0, kMaxLine).find('\n') == rest.npos) {
      return Garbled("a line without an end");
    }
    return std::nullopt;
  }
  const std::unique_ptr<Reply> reply(static_cast<Reply*>(found));
  fed_ = reader_->len - reader_->pos;
  return std::move(*reply);
}

bool ReplyReader::empty() const { return reader_->len == reader_->pos; }

}  // namespace dr::inline v0::redis
