#pragma once

#include <locale.h>

namespace dolibarr_backup {

/// libarchive translates names from and to the thread's charset. While this lives
/// the charset of this thread is UTF-8, whatever LANG says.
class Utf8Scope {
 public:
  Utf8Scope();
  ~Utf8Scope();
  Utf8Scope(const Utf8Scope&) = delete;
  Utf8Scope& operator=(const Utf8Scope&) = delete;

 private:
  locale_t before_;
};

}  // namespace dolibarr_backup
