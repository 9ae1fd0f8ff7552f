// All SQL that a store runs on its table. $1 is always the namespace; a row that has expired is
// nowhere to be seen.
#pragma once

#include <string>

namespace dr::inline v0::postgres {

/// Each writing statement is one transaction. `replace` and `remove_version` give one row: whether
/// it was done, and whether there was a value.
struct Statements {
  /// $2 key, $3 version, $4 value, $5 microseconds to live, $6 the version that must be there.
  struct Puts {
    std::string always, if_absent, if_version;
  };
  Puts keeping;          ///< $5 is NULL
  Puts expiring;         ///< and removes some rows that have expired, so that they do not pile up
  std::string put_many;  ///< $2 keys, $3 versions, $4 values
  std::string get;       ///< $2 key: version, value
  std::string get_many;  ///< $2 keys: key, version, value
  std::string list;      ///< $2 first key, $3 after, $4 before, $5 rows: key, length
  std::string remove;    ///< $2 key
  std::string remove_many;     ///< $2 keys
  std::string remove_version;  ///< $2 key, $3 version
  std::string count_versions;  ///< $2 keys, $3 versions: how many of them are there
};

/// For `table`, a quoted name.
Statements StatementsFor(const std::string& table);

}  // namespace dr::inline v0::postgres
