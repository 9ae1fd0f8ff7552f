#include "examples/dr_demo/task_queue.h"

#include <optional>
#include <utility>

#include "examples/dr_demo/fields.h"
#include "fmt/format.h"

namespace demo {

std::string TaskQueue::Push(std::uint32_t agent, std::uint64_t task, std::string_view title) {
  return fmt::format("{}\tpush\t{}\t{}", agent, task, title);
}

std::string TaskQueue::Take(std::uint32_t agent, std::uint64_t task) {
  return fmt::format("{}\ttake\t{}", agent, task);
}

std::string TaskQueue::Complete(std::uint32_t agent, std::uint64_t task) {
  return fmt::format("{}\tcomplete\t{}", agent, task);
}

std::string TaskQueue::TaskRecord(std::uint64_t task, bool running, std::string_view title) {
  return fmt::format("task\t{}\t{}\t{}", task, running ? 1U : 0U, title);
}

std::string TaskQueue::CompletedRecord(std::uint64_t completed) {
  return fmt::format("completed\t{}", completed);
}

absl::Status TaskQueue::Apply(const dr::Operation& operation) {
  Fields fields(operation.payload);
  const auto agent = fields.Take<std::uint32_t>();
  const std::string_view verb = fields.Text();
  const auto id = fields.Take<std::uint64_t>();
  if (verb == "push") {
    const auto [at, added] = tasks_.try_emplace(id, Task{.title = std::string(fields.Text())});
    if (!added) return absl::InternalError("a task was pushed twice");
    content_ += dr::DigestOf(TaskRecord(id, false, at->second.title));
  } else {
    const auto at = tasks_.find(id);
    if (at == tasks_.end() || at->second.running != (verb == "complete")) {
      return absl::InternalError("a task was taken or completed out of turn");
    }
    content_ -= dr::DigestOf(TaskRecord(id, at->second.running, at->second.title));
    if (verb == "take") {
      at->second.running = true;
      content_ += dr::DigestOf(TaskRecord(id, true, at->second.title));
    } else {
      tasks_.erase(at);
      if (completed_ > 0) content_ -= dr::DigestOf(CompletedRecord(completed_));
      content_ += dr::DigestOf(CompletedRecord(++completed_));
    }
  }
  if (!fields.complete() || !history_.Add(agent, operation.payload)) {
    return absl::InternalError("not an operation of the queue");
  }
  return absl::OkStatus();
}

absl::Status TaskQueue::SaveState(dr::StateWriter& out) const {
  absl::Status status = out.Write(history_.Encode());
  if (status.ok() && completed_ > 0) status = out.Write(CompletedRecord(completed_));
  for (const auto& [id, task] : tasks_) {
    if (status.ok()) status = out.Write(TaskRecord(id, task.running, task.title));
  }
  return status;
}

absl::Status TaskQueue::LoadState(dr::StateReader& in) {
  tasks_.clear();
  completed_ = 0;
  history_ = {};
  content_ = {};
  while (true) {
    const absl::StatusOr<std::optional<std::string_view>> record = in.Next();
    if (!record.ok()) return record.status();
    if (!record->has_value()) return absl::OkStatus();
    if (history_.Decode(**record)) continue;
    content_ += dr::DigestOf(**record);
    Fields fields(**record);
    if (fields.Text() == "completed") {
      completed_ = fields.Take<std::uint64_t>();
    } else {
      Task& task = tasks_[fields.Take<std::uint64_t>()];
      task.running = fields.Take<std::uint32_t>() == 1;
      task.title = fields.Text();
    }
    if (!fields.complete()) return absl::InternalError("not a record of the queue");
  }
}

TaskQueue::Size TaskQueue::size() const {
  dr::ReaderLock lock(state_mutex());
  Size size{.completed = completed_};
  for (const auto& [id, task] : tasks_) ++(task.running ? size.running : size.waiting);
  return size;
}

}  // namespace demo
