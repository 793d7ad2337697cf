#pragma once

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/settings.h"

namespace dolibarr_backup::company {

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

Connection connect(const DatabaseSettings& settings);
/// Runs SQL without parameters, several statements if need be.
void run(PGconn* connection, const std::string& sql);

/// One value of a row; nullopt is NULL.
using Value = std::optional<std::string>;

/// Fills one table by COPY. finish() ends it; rows may be added until then.
class CopyWriter {
 public:
  /// `target`: "llx_const (name, value)"
  CopyWriter(PGconn* connection, const std::string& target);
  void add(const std::vector<Value>& row);
  void finish();

 private:
  void send();
  PGconn* connection_;
  std::string target_, buffer_;
};

}  // namespace dolibarr_backup::company
