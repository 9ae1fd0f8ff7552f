#include "src/store/layers/layer.h"

#include <optional>
#include <utility>

namespace dr::inline v0 {
namespace {

// One status for many keys: that one of them is worth another attempt, else the first error.
Answer AnswerOf(const std::vector<absl::StatusOr<Item>>& items) {
  Answer answer;
  for (const absl::StatusOr<Item>& item : items) {
    const absl::Status& status = item.status();
    if (item.ok()) {
      answer.bytes += item->value.size();
    } else if (absl::IsUnavailable(status) || (answer.status.ok() && !absl::IsNotFound(status))) {
      answer.status = status;
    }
  }
  return answer;
}

}  // namespace

template <typename Result, typename Ask, typename BytesOf>
absl::StatusOr<Result> Layer::Make(StoreCall kind, std::uint64_t bytes, const Context& context,
                                   Ask ask, BytesOf bytes_of) {
  absl::StatusOr<Result> result = absl::Status(absl::StatusCode::kInternal, "");  // not asked
  const absl::Status status =
      Intercept({kind, bytes, context, [&](const Context& within) -> Answer {
                   result = ask(within);
                   return {result.status(), result.ok() ? bytes_of(*result) : 0};
                 }});
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<Version> Layer::Put(std::string_view key, std::string_view value,
                                   const PutOptions& options, const Context& context) {
  return Make<Version>(
      StoreCall::kPut, value.size(), context,
      [&](const Context& within) { return inner().Put(key, value, options, within); },
      [](const Version&) -> std::uint64_t { return 0; });
}

absl::StatusOr<Item> Layer::Get(std::string_view key, const Context& context) {
  return Make<Item>(
      StoreCall::kGet, 0, context, [&](const Context& within) { return inner().Get(key, within); },
      [](const Item& item) { return item.value.size(); });
}

absl::StatusOr<Page> Layer::List(std::string_view prefix, std::string_view after,
                                 const Context& context) {
  return Make<Page>(
      StoreCall::kList, 0, context,
      [&](const Context& within) { return inner().List(prefix, after, within); },
      [](const Page&) -> std::uint64_t { return 0; });
}

absl::Status Layer::Delete(std::string_view key, const DeleteOptions& options,
                           const Context& context) {
  return Intercept({StoreCall::kDelete, 0, context, [&](const Context& within) -> Answer {
                      return {inner().Delete(key, options, within)};
                    }});
}

absl::Status Layer::Check(const Context& context) {
  return Intercept({StoreCall::kCheck, 0, context,
                    [&](const Context& within) -> Answer { return {inner().Check(within)}; }});
}

std::vector<absl::StatusOr<Item>> Layer::GetMany(std::span<const std::string_view> keys,
                                                 const Context& context) {
  // Made first: that the store was not asked can then be told without memory.
  std::vector<absl::StatusOr<Item>> items(keys.size());
  std::optional<absl::Status> answered;  // for all of them
  const auto ask = [&](const Context& within) {
    items = inner().GetMany(keys, within);
    Answer answer = AnswerOf(items);
    answered = answer.status;
    return answer;
  };
  const absl::Status status = Intercept({StoreCall::kGetMany, 0, context, ask});
  for (absl::StatusOr<Item>& item : items) {
    if (!answered || (!item.ok() && item.status() == *answered)) item = status;
  }
  return items;
}

absl::Status Layer::PutMany(std::span<const KeyValue> items, const Context& context) {
  std::uint64_t bytes = 0;
  for (const KeyValue& item : items) bytes += item.value.size();
  return Intercept({StoreCall::kPutMany, bytes, context, [&](const Context& within) -> Answer {
                      return {inner().PutMany(items, within)};
                    }});
}

absl::Status Layer::DeleteMany(std::span<const std::string> keys, const Context& context) {
  return Intercept({StoreCall::kDeleteMany, 0, context, [&](const Context& within) -> Answer {
                      return {inner().DeleteMany(keys, within)};
                    }});
}

}  // namespace dr::inline v0
