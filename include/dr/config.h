// Host options from a YAML file.
//
//   state_persistence:
//     adapter: redis
//     redis_url: "${REDIS_URL}"
//     ttl: 3600
//     snapshot_interval: 60
//
//   absl::StatusOr<dr::HostOptions> options = dr::LoadHostOptions("agent.yaml");
//   if (!options.ok()) return dr::PrintError(options.status());
//   options->components = {&inventory};
//   auto host = dr::Host::Open(*std::move(options), dr::LinkedAdapters());
//
// The file has the one key state_persistence, and in it:
//
//   adapter               scheme of the store that keeps the state: redis, postgres, s3, rocksdb,
//                         file. Without a directory beside it, durability is `process`: what
//                         happened since the last snapshot dies with the process
//   url                   URI of that store; <adapter>_url is the same (redis_url). Its scheme may
//                         be longer: rediss, postgresql. A '#' in it is written %23
//   directory             of a host that keeps its log and its state in files. A path as it is: ~
//                         is refused, ${HOME} is what it would be
//   durability            local or process
//   segment_bytes         of a file of the log: a multiple of 4096 from 65536 on; 0: by the volume
//   snapshot_interval     time from one checkpoint to the next; 0: none by time
//   snapshot_on_shutdown  true or false
//   snapshots_kept        a number from 1 on
//   ttl                   how long the store keeps what is not renewed; 0: for ever
//
// adapter and its URI, or directory, must be there. What is left out is as in HostOptions. Times
// are whole seconds, or have a unit: 250ms, 90s, 5min, 12h, 30d; numbers are decimal digits and
// nothing else. Words are understood in any case (Redis, True), keys only as they stand here. Every
// value may have variables (dr/environment/variables.h), replaced after the YAML was read, and is
// one line. The file is UTF-8, with or without a byte order mark, and with the line ends of any
// system.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "dr/environment/file_system.h"
#include "dr/environment/variables.h"
#include "dr/export.h"
#include "dr/host.h"

namespace dr::inline v0 {

/// Reads `text`, which errors call `place`. kInvalidArgument names file, line, column and key:
/// unknown keys (and which are known), keys given twice, values that are missing or of the wrong
/// kind, variables that are not set. Values appear in no error. Bounds that depend on several
/// options are Host::Open's to check. In `repository` the values of variables are escaped.
DR_EXPORT absl::StatusOr<HostOptions> ParseHostOptions(
    std::string_view text, std::string_view place,
    const VariableLookup& variables = ProcessVariable);

/// As above, from a file of at most 64 KiB, which may be a symbolic link, a pipe or /dev/stdin
/// (FileSystem::ReadFile). If `files` is null, the machine's are used.
DR_EXPORT absl::StatusOr<HostOptions> LoadHostOptions(
    const std::string& path, FileSystem* files = nullptr,
    const VariableLookup& variables = ProcessVariable);

}  // namespace dr::inline v0
