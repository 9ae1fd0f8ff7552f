#include <hiredis/hiredis.h>

#include <csignal>

#include "bench/peers/peer.h"
#include "bench/peers/server_process.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

constexpr std::string_view kLogSettings =
    "AOF, appendfsync always, no rewrite, RPUSH over a unix socket, one connection per writer, "
    "pipelined where more than one is outstanding";
constexpr std::string_view kStateSettings = "no AOF, SET over a unix socket, BGSAVE (fork)";

struct Disconnect {
  void operator()(redisContext* connection) const { redisFree(connection); }
};
struct Forget {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Connection = std::unique_ptr<redisContext, Disconnect>;
using Reply = std::unique_ptr<redisReply, Forget>;

absl::StatusOr<Connection> Connect(const std::string& socket) {
  Connection connection(redisConnectUnix(socket.c_str()));
  if (connection == nullptr || connection->err != 0) {
    return absl::UnavailableError("no connection to " + socket);
  }
  return connection;
}

absl::StatusOr<Reply> Receive(redisContext& connection) {
  void* reply = nullptr;
  if (redisGetReply(&connection, &reply) != REDIS_OK) {
    return absl::UnavailableError(connection.errstr);
  }
  Reply owned(static_cast<redisReply*>(reply));
  if (owned->type == REDIS_REPLY_ERROR) return absl::UnavailableError(owned->str);
  return owned;
}

class RedisServer {
 public:
  absl::Status Start(const std::string& directory, std::string_view append_only) {
    socket_ = directory + "/socket";
    const ServerCommand command{
        .arguments = {"redis-server", "--port", "0", "--unixsocket", socket_, "--dir", directory,
                      "--save", "", "--appendonly", std::string(append_only), "--appendfsync",
                      "always", "--auto-aof-rewrite-percentage", "0"},
        .output = directory + "/server.log",
        .stop_signal = SIGTERM};
    DR_ASSIGN_OR_RETURN(server_,
                        ServerProcess::Start(command, [this] { return Connect(socket_).ok(); }));
    return absl::OkStatus();
  }
  const std::string& socket() const { return socket_; }

 private:
  std::string socket_;
  std::unique_ptr<ServerProcess> server_;
};

class RedisLog final : public LogStore {
 public:
  absl::Status Open(const std::string& directory, int threads) {
    DR_RETURN_IF_ERROR(server_.Start(directory, "yes"));
    for (int i = 0; i < threads; ++i) {
      DR_ASSIGN_OR_RETURN(Connection connection, Connect(server_.socket()));
      connections_.push_back(std::move(connection));
    }
    return absl::OkStatus();
  }
  absl::Status Append(int thread, std::span<const std::string_view> records) override {
    redisContext& connection = *connections_[thread];
    for (std::string_view record : records) {
      redisAppendCommand(&connection, "RPUSH log %b", record.data(), record.size());
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
      DR_RETURN_IF_ERROR(Receive(connection).status());
    }
    return absl::OkStatus();
  }

 private:
  RedisServer server_;
  std::vector<Connection> connections_;
};

class RedisState final : public StateStore {
 public:
  absl::Status Open(const std::string& directory) {
    DR_RETURN_IF_ERROR(server_.Start(directory, "no"));
    DR_ASSIGN_OR_RETURN(writer_, Connect(server_.socket()));
    DR_ASSIGN_OR_RETURN(saver_, Connect(server_.socket()));
    return absl::OkStatus();
  }
  absl::Status Put(std::uint64_t key, std::string_view value) override {
    Send(key, value);
    return Receive(*writer_).status();
  }
  absl::Status Fill(std::uint64_t keys, std::string_view value) override {
    constexpr std::uint64_t kPipelined = 100;
    for (std::uint64_t key = 0; key < keys + kPipelined; ++key) {
      if (key < keys) Send(key, value);
      if (key >= kPipelined) DR_RETURN_IF_ERROR(Receive(*writer_).status());
    }
    return absl::OkStatus();
  }
  absl::Status Checkpoint() override {
    redisAppendCommand(saver_.get(), "BGSAVE");
    DR_RETURN_IF_ERROR(Receive(*saver_).status());
    for (;;) {
      redisAppendCommand(saver_.get(), "INFO persistence");
      DR_ASSIGN_OR_RETURN(Reply info, Receive(*saver_));
      if (std::string_view(info->str).find("rdb_bgsave_in_progress:0") != std::string_view::npos) {
        return absl::OkStatus();
      }
      const timespec nap{.tv_sec = 0, .tv_nsec = 20'000'000};
      nanosleep(&nap, nullptr);
    }
  }

 private:
  void Send(std::uint64_t key, std::string_view value) {
    redisAppendCommand(writer_.get(), "SET %llu %b", static_cast<unsigned long long>(key),
                       value.data(), value.size());
  }

  RedisServer server_;
  Connection writer_, saver_;
};

}  // namespace

void AddRedis(Peers& peers) {
  peers.logs.push_back(
      {"Redis", std::string(kLogSettings),
       [](const std::string& directory, int threads) -> absl::StatusOr<std::unique_ptr<LogStore>> {
         auto log = std::make_unique<RedisLog>();
         DR_RETURN_IF_ERROR(log->Open(directory, threads));
         return log;
       }});
  peers.states.push_back(
      {"Redis", std::string(kStateSettings),
       [](const std::string& directory) -> absl::StatusOr<std::unique_ptr<StateStore>> {
         auto state = std::make_unique<RedisState>();
         DR_RETURN_IF_ERROR(state->Open(directory));
         return state;
       }});
}

}  // namespace bench
