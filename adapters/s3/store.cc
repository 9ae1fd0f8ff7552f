#include "adapters/s3/store.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>

#include "adapters/s3/error.h"
#include "adapters/s3/object_name.h"
#include "dr/adapter/adapter_calls.h"
#include "dr/adapter/stored_value.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

constexpr std::uint64_t kMaxValueBytes = 256ULL << 20;
constexpr std::uint64_t kListingBytesMax = 16ULL << 20;
constexpr int kAttempts = 8;
constexpr std::size_t kDeletionsUnderWay = 8;

// What a deletion by version leaves behind, with a nonce: stores do not agree on conditional
// DELETE, and an unconditional one could take a value that was put meanwhile. Shorter than any
// value.
constexpr std::string_view kTombstone = "drgone01";
constexpr std::size_t kTombstoneBytes = 16;

bool IsTombstone(std::string_view stored) {
  return stored.size() == kTombstoneBytes && stored.starts_with(kTombstone);
}

// Anything else could be no ETag, or mean more than one (a list, "*").
bool MayBeETag(std::string_view version, std::size_t bytes) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:+/=";
  return !version.empty() && version.size() == bytes &&
         version.find_first_not_of(kLetters) == version.npos;
}

S3Call Reading(std::string_view name) {
  return {
      .method = "GET", .object = name, .answer_bytes_max = kStoredTrailerBytes + kMaxValueBytes};
}

}  // namespace

// What is stored under a name, or not.
struct S3Store::Found {
  std::string etag;
  std::string tail;  // as much of it as a StoredTrailer has
  bool HasValue() const { return !IsTombstone(tail); }
};

S3Store::S3Store(std::unique_ptr<S3Client> client, S3Findings findings, Random& random,
                 const Clock& clock)
    : client_(std::move(client)),
      findings_(std::move(findings)),
      random_(random),
      clock_(clock),
      capabilities_{
          .if_absent = findings_.creates_once,
          .if_version = findings_.replaces_by_version,
          .durable = true,  // what an answer of 200 means in S3; nothing can be asked about it
          .fence_safe = findings_.creates_once && findings_.replaces_by_version &&
                        findings_.checks_signatures,
          .max_value_bytes = kMaxValueBytes,
          .max_key_bytes =
              std::min<std::size_t>(kMaxKeyBytes, (kObjectNameBytesMax - root().size()) / 2),
          .weaknesses = findings_.weaknesses} {}

absl::StatusOr<std::unique_ptr<S3Store>> S3Store::Open(std::unique_ptr<S3Client> client,
                                                       Random& random, const Clock& clock,
                                                       const Context& context) {
  DR_ASSIGN_OR_RETURN(S3Findings findings, ProbeS3(*client, random, context));
  return std::unique_ptr<S3Store>(
      new S3Store(std::move(client), std::move(findings), random, clock));
}

std::string S3Store::NameOf(std::string_view key) const { return root() + ObjectNameOf(key); }

absl::Status S3Store::Failed(const S3Call& call, const S3Answer& answer) const {
  return ErrorOf(call, answer, client_->options().origin);
}

absl::StatusOr<Version> S3Store::Put(std::string_view key, std::string_view value,
                                     const PutOptions& options, const Context& context) {
  DR_RETURN_IF_ERROR(CheckPut(capabilities_, key, value, options, context, clock_));
  DR_ASSIGN_OR_RETURN(const std::uint64_t nonce, random_.Next());
  const StoredTrailer trailer = EncodeStoredTrailer(key, value, nonce);
  return Store(key, value, {trailer.data(), trailer.size()}, options, context);
}

// `tail` is unlike that of any other Put, and so tells whether what is found is of this one.
absl::StatusOr<Version> S3Store::Store(std::string_view key, std::string_view value,
                                       std::string_view tail, PutOptions options,
                                       const Context& context) {
  const std::string name = NameOf(key);
  bool replaces = options.condition == PutCondition::kIfVersion;
  std::string etag = options.version.value;  // of what it replaces
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    S3Call call{.method = "PUT", .object = name, .body = value, .more_body = tail};
    if (replaces) {
      call.headers = {{"if-match", IfMatch(etag, findings_.style)}};
    } else if (options.condition == PutCondition::kIfAbsent) {
      call.headers = {{"if-none-match", "*"}};
    }
    S3Answer answer;
    answer.status = 412;
    if (!replaces || MayBeETag(etag, findings_.etag_bytes)) {
      DR_ASSIGN_OR_RETURN(answer, client_->Call(call, context));
    }
    if (answer.ok()) {
      if (!answer.etag().empty()) return Version{answer.etag()};
      return MayHaveHappened(key, absl::InternalError("the store's answer has no ETag"));
    }
    if (answer.status == 409) {  // another conditional call is under way; this one did nothing
      DR_RETURN_IF_ERROR(Pause(attempt, context));
      continue;
    }
    const bool lost =
        answer.status == 412 || (replaces && (answer.HasNoObject() || answer.IsOvertakenInCeph()));
    if (!lost || options.condition == PutCondition::kAlways) return Failed(call, answer);
    DR_ASSIGN_OR_RETURN(const std::optional<Found> found, Look(name, context));
    // Something between here and the store has sent it twice.
    if (found && found->tail == tail) return Version{found->etag};
    const bool has_value = found && found->HasValue();
    if (options.condition == PutCondition::kIfVersion) {
      if (!has_value) return NoValue(key);
      if (found->etag != etag) return ValueChanged(key);
      DR_RETURN_IF_ERROR(Pause(attempt, context));
      continue;
    }
    if (has_value) return ValueExists(key);
    replaces = found.has_value();
    if (replaces) etag = found->etag;
  }
  return MakeFault({.kind = FaultKind::kIo, .place = std::string(key), .next = "retry"},
                   fmt::format("others were ahead {} times", kAttempts));
}

absl::StatusOr<std::optional<S3Store::Found>> S3Store::Look(std::string_view name,
                                                            const Context& context) {
  const S3Call call{.method = "GET",
                    .object = name,
                    .headers = {{"range", fmt::format("bytes=-{}", kStoredTrailerBytes)}},
                    .answer_bytes_max = kStoredTrailerBytes + kMaxValueBytes};
  DR_ASSIGN_OR_RETURN(S3Answer answer, client_->Call(call, context));
  if (answer.HasNoObject()) return std::nullopt;
  const bool is_empty = answer.status == 416;
  if (!answer.ok() && !is_empty) return Failed(call, answer);
  if (is_empty) return Found{};
  const std::string& body = answer.response.body;  // all of it, if the store heeds no range
  return Found{answer.etag(),
               body.substr(body.size() - std::min(body.size(), kStoredTrailerBytes))};
}

absl::Status S3Store::Pause(int attempt, const Context& context) {
  clock_.SleepUntil(clock_.Now() + std::chrono::milliseconds(5LL << attempt), context.stop);
  return CheckContext(context, clock_, "Put");
}

absl::StatusOr<Item> S3Store::Get(std::string_view key, const Context& context) {
  DR_RETURN_IF_ERROR(CheckGet(capabilities_, key, context, clock_));
  const std::string name = NameOf(key);
  const S3Call call = Reading(name);
  return ItemOf(key, call, client_->Call(call, context));
}

std::vector<absl::StatusOr<Item>> S3Store::GetMany(std::span<const std::string_view> keys,
                                                   const Context& context) {
  std::vector<absl::StatusOr<Item>> items(keys.size());
  std::vector<std::string> names;
  names.reserve(keys.size());  // calls refer to them
  std::vector<S3Call> calls;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (absl::Status wrong = CheckGet(capabilities_, keys[i], context, clock_); !wrong.ok()) {
      items[i] = std::move(wrong);
      continue;
    }
    calls.push_back(Reading(names.emplace_back(NameOf(keys[i]))));
    places.push_back(i);
  }
  std::vector<absl::StatusOr<S3Answer>> answers = client_->CallAll(calls, context);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    items[places[i]] = ItemOf(keys[places[i]], calls[i], std::move(answers[i]));
  }
  return items;
}

absl::StatusOr<Item> S3Store::ItemOf(std::string_view key, const S3Call& call,
                                     absl::StatusOr<S3Answer> answer) const {
  DR_RETURN_IF_ERROR(answer.status());
  if (answer->HasNoObject()) return NoValue(key);
  if (!answer->ok()) return Failed(call, *answer);
  if (IsTombstone(answer->response.body)) return NoValue(key);
  Version version{answer->etag()};
  DR_ASSIGN_OR_RETURN(Item item, DecodeStored(key, std::move(answer->response.body)));
  item.version = std::move(version);
  return item;
}

absl::StatusOr<S3Listing> S3Store::ListObjects(std::string_view prefix, std::string_view after,
                                               std::string_view count, const Context& context) {
  S3Call call{.method = "GET",
              .query = {{"list-type", "2"},
                        {"encoding-type", "url"},
                        {"max-keys", std::string(count)},
                        {"prefix", std::string(prefix)}},
              .answer_bytes_max = kListingBytesMax};
  if (!after.empty()) call.query.emplace_back("start-after", after);
  DR_ASSIGN_OR_RETURN(S3Answer answer, client_->Call(call, context));
  if (!answer.ok()) return Failed(call, answer);
  return ParseS3Listing(answer.response.body);
}

absl::StatusOr<Page> S3Store::List(std::string_view prefix, std::string_view after,
                                   const Context& context) {
  std::string last = after.empty() ? std::string() : NameOf(after);
  for (;;) {
    DR_RETURN_IF_ERROR(CheckContext(context, clock_, "List"));
    DR_ASSIGN_OR_RETURN(S3Listing listing, ListObjects(NameOf(prefix), last, "1000", context));
    Page page;
    page.more = listing.truncated;
    for (const S3Listing::Object& object : listing.objects) {
      if (object.name <= last) {
        return MakeFault({.kind = FaultKind::kIo, .place = object.name, .next = "list again"},
                         "the store lists out of order");
      }
      last = object.name;
      if (object.bytes == kTombstoneBytes || !object.name.starts_with(root())) continue;
      std::optional<std::string> key =
          KeyOfObjectName(std::string_view(object.name).substr(root().size()));
      if (!key || key->empty()) continue;  // not ours
      page.entries.push_back(
          {*std::move(key),
           object.bytes - std::min<std::uint64_t>(object.bytes, kStoredTrailerBytes)});
    }
    if (!page.more || !page.entries.empty()) return page;
    if (listing.objects.empty()) {
      return MakeFault({.kind = FaultKind::kIo, .place = root(), .next = "list again"},
                       "an empty page promises more");
    }
  }
}

absl::Status S3Store::Delete(std::string_view key, const DeleteOptions& options,
                             const Context& context) {
  DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, options, context, clock_));
  if (options.if_version) {
    std::array<char, kTombstoneBytes> tombstone;
    kTombstone.copy(tombstone.data(), kTombstone.size());
    DR_RETURN_IF_ERROR(random_.Fill(std::span(tombstone).subspan(kTombstone.size())));
    return Store(key, {}, {tombstone.data(), tombstone.size()},
                 {.condition = PutCondition::kIfVersion, .version = *options.if_version}, context)
        .status();
  }
  const std::string name = NameOf(key);
  const S3Call call{.method = "DELETE", .object = name};
  DR_ASSIGN_OR_RETURN(S3Answer answer, client_->Call(call, context));
  if (answer.ok() || answer.HasNoObject()) return absl::OkStatus();
  return Failed(call, answer);
}

// Each key once: of two deletions of one object that run at the same time a store may refuse one.
absl::Status S3Store::DeleteMany(std::span<const std::string> keys, const Context& context) {
  std::set<std::string> names;
  for (const std::string& key : keys) {
    DR_RETURN_IF_ERROR(CheckDelete(capabilities_, key, {}, context, clock_));
    names.insert(NameOf(key));
  }
  std::vector<S3Call> calls;
  for (const std::string& name : names) calls.push_back({.method = "DELETE", .object = name});
  // A store that is away is not asked for all of them.
  for (std::size_t at = 0; at < calls.size(); at += kDeletionsUnderWay) {
    const std::size_t count = std::min(kDeletionsUnderWay, calls.size() - at);
    const std::span<const S3Call> some = std::span(calls).subspan(at, count);
    const std::vector<absl::StatusOr<S3Answer>> answers = client_->CallAll(some, context);
    for (std::size_t i = 0; i < count; ++i) {
      DR_RETURN_IF_ERROR(answers[i].status());
      if (!answers[i]->ok() && !answers[i]->HasNoObject()) return Failed(some[i], *answers[i]);
    }
  }
  return absl::OkStatus();
}

absl::Status S3Store::Check(const Context& context) {
  DR_RETURN_IF_ERROR(CheckContext(context, clock_, "Check"));
  return ListObjects(root(), {}, "1", context).status();
}

}  // namespace dr::inline v0
