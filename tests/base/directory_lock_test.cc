#include "src/base/directory_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "catch2/catch.hpp"
#include "dr/environment/descriptor.h"
#include "dr/status.h"
#include "tests/support/temp_directory.h"

namespace {

using dr::Create;
using dr::DirectoryLock;
using dr::test::TempDirectory;

std::unique_ptr<dr::Directory> OpenDirectory(const std::string& path) {
  return dr::PosixFileSystem().OpenDirectory(path, Create::kIfMissing).value();
}

absl::StatusOr<DirectoryLock> Take(const std::string& path) {
  absl::StatusOr<DirectoryLock> lock = DirectoryLock::Take(*OpenDirectory(path), "LOCK");
  if (lock.ok()) lock->Sign();
  return lock;
}

std::string Refusal(const std::string& path) {
  const absl::Status status = Take(path).status();
  CHECK(absl::IsUnavailable(status));
  return std::string(dr::AsStd(status.message()));
}

// Ends, and is waited for, with the test.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  ~Child() {
    if (pid_ > 0) Kill();
  }
  void Kill() {
    kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  pid_t pid_;
};

Child ForkSleeper() {
  const pid_t pid = fork();
  if (pid == 0) {
    for (;;) pause();
  }
  return Child(pid);
}

pid_t BareClone() { return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }

// A process that has taken the lock, and a child of it that lives on when it is killed.
struct Family {
  template <typename Fork>
  Family(const std::string& path, Fork fork_child) {
    int ready[2];
    REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
    parent = fork();
    if (parent == 0) {
      const absl::StatusOr<DirectoryLock> lock = Take(path);
      if (!lock.ok()) _exit(1);
      // The child tells, because its parent may return from the fork before it.
      if (fork_child() == 0) {
        const pid_t born = getpid();
        if (write(ready[1], &born, sizeof(born)) != sizeof(born)) _exit(1);
      }
      for (;;) pause();
    }
    const bool told = read(ready[0], &child, sizeof(child)) == sizeof(child);
    close(ready[0]);
    close(ready[1]);
    REQUIRE(told);
    REQUIRE(child > 0);
  }
  ~Family() {
    KillParent();
    kill(child, SIGKILL);
  }
  void KillParent() {
    if (parent <= 0) return;
    kill(parent, SIGKILL);
    waitpid(std::exchange(parent, 0), nullptr, 0);
  }
  pid_t parent = 0, child = 0;
};

TEST_CASE("a lock ends with its process although a child that it forked lives on (K20)") {
  const TempDirectory temp;
  Family family(temp.path(), [] { return fork(); });
  CHECK(Refusal(temp.path()).find("has it locked") != std::string::npos);
  family.KillParent();
  REQUIRE(kill(family.child, 0) == 0);
  CHECK(Take(temp.path()).ok());
}

TEST_CASE("a lock that a bare clone still holds is refused in words that say so (K20)") {
  const TempDirectory temp;
  Family family(temp.path(), BareClone);
  CHECK(Refusal(temp.path()).find("has it locked") != std::string::npos);
  family.KillParent();
  CHECK(Refusal(temp.path()).find("a child that was forked from it still holds it") !=
        std::string::npos);
  kill(family.child, SIGKILL);
  while (!Take(temp.path()).ok()) std::this_thread::yield();  // until it has ended
}

TEST_CASE("a lock that is given back is free although a bare clone has its descriptors (K20)") {
  const TempDirectory temp;
  absl::StatusOr<DirectoryLock> lock = Take(temp.path());
  REQUIRE(lock.ok());
  const pid_t pid = BareClone();
  if (pid == 0) {
    for (;;) pause();
  }
  const Child child(pid);
  lock->Release();
  CHECK(Take(temp.path()).ok());
}

TEST_CASE("a forked child that destroys what it inherited leaves its parent's lock (K20)") {
  const TempDirectory temp;
  absl::StatusOr<DirectoryLock> lock = Take(temp.path());
  REQUIRE(lock.ok());
  const pid_t pid = fork();
  if (pid == 0) {
    lock->Release();
    _exit(absl::IsUnavailable(Take(temp.path()).status()) ? 7 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  CHECK(WEXITSTATUS(status) == 7);
  CHECK(absl::IsUnavailable(Take(temp.path()).status()));
}

TEST_CASE("a child that is forked while other threads take locks keeps none of them (K20)") {
  const TempDirectory temp;
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (const char* name : {"/a", "/b"}) {
    threads.emplace_back([&, path = temp / name] {
      // A child that had one would keep it for good, and this would never end.
      while (!stop) {
        absl::StatusOr<DirectoryLock> lock = Take(path);
        while (!lock.ok()) lock = Take(path);
      }
    });
  }
  std::vector<Child> children;
  for (int i = 0; i < 100; ++i) children.push_back(ForkSleeper());
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(Take(temp / "a").ok());
  CHECK(Take(temp / "b").ok());
}

TEST_CASE("whoever finds the lock file removed or replaced is refused all the same (K67)") {
  const TempDirectory temp;
  absl::StatusOr<DirectoryLock> lock = Take(temp.path());
  REQUIRE(lock.ok());
  std::filesystem::remove(temp / "LOCK");
  for (int attempt = 0; attempt < 2; ++attempt) {
    CHECK(Refusal(temp.path()).find("removed or replaced") != std::string::npos);
  }
  lock->Release();
  CHECK(Take(temp.path()).ok());
}

// As NFS, where flock() wants a descriptor that can be written.
class DirectoryWithoutLock final : public dr::Directory {
 public:
  explicit DirectoryWithoutLock(std::unique_ptr<dr::Directory> real) : real_(std::move(real)) {}
  absl::StatusOr<std::unique_ptr<dr::File>> Open(std::string_view name,
                                                 dr::OpenOptions options) override {
    return real_->Open(name, options);
  }
  absl::StatusOr<std::unique_ptr<dr::Directory>> OpenDirectory(std::string_view name,
                                                               Create create) override {
    return real_->OpenDirectory(name, create);
  }
  absl::StatusOr<std::vector<dr::DirectoryEntry>> List() override { return real_->List(); }
  absl::Status Rename(std::string_view from, std::string_view to) override {
    return real_->Rename(from, to);
  }
  absl::Status Link(std::string_view from, std::string_view to) override {
    return real_->Link(from, to);
  }
  absl::Status Remove(std::string_view name) override { return real_->Remove(name); }
  absl::Status RemoveDirectory(std::string_view name) override {
    return real_->RemoveDirectory(name);
  }
  absl::Status Sync() override { return real_->Sync(); }
  absl::StatusOr<dr::VolumeInfo> Volume() override { return real_->Volume(); }

 private:
  std::unique_ptr<dr::Directory> real_;
};

TEST_CASE("where directories have no locks that of the file excludes others (K67)") {
  const TempDirectory temp;
  DirectoryWithoutLock directory(OpenDirectory(temp.path()));
  absl::StatusOr<DirectoryLock> lock = DirectoryLock::Take(directory, "LOCK");
  REQUIRE(lock.ok());
  CHECK(absl::IsUnavailable(DirectoryLock::Take(directory, "LOCK").status()));
}

}  // namespace
