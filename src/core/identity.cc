#include "core/identity.h"

#include <utility>

namespace dolibarr_backup {
namespace {

constexpr const char* kNone = "-";

std::pair<std::string, std::string> parts_of(const std::string& instance) {
  const size_t dot = instance.find('.');
  if (dot == std::string::npos) return {instance, kNone};
  return {instance.substr(0, dot), instance.substr(dot + 1)};
}

bool agree(const std::string& a, const std::string& b) {
  return a == kNone || b == kNone || a == b;
}

}  // namespace

std::string instance_text(const std::string& salt_hash, const std::string& log_hash) {
  return (salt_hash.empty() ? std::string(kNone) : salt_hash) + "." +
         (log_hash.empty() ? std::string(kNone) : log_hash);
}

bool same_instance(const Identity& accepted, const Identity& seen) {
  if (accepted.database != seen.database) return false;
  const auto [known_salt, known_log] = parts_of(accepted.instance);
  const auto [seen_salt, seen_log] = parts_of(seen.instance);
  return agree(known_salt, seen_salt) && agree(known_log, seen_log);
}

Identity merged(const Identity& accepted, const Identity& seen) {
  const auto [known_salt, known_log] = parts_of(accepted.instance);
  const auto [seen_salt, seen_log] = parts_of(seen.instance);
  return {seen.database, (seen_salt == kNone ? known_salt : seen_salt) + "." +
                             (seen_log == kNone ? known_log : seen_log)};
}

}  // namespace dolibarr_backup
