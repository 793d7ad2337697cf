#include "stream/utf8_scope.h"

#include <memory>
#include <type_traits>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

struct FreeLocale {
  void operator()(locale_t locale) const { freelocale(locale); }
};

// Made once and kept: making it takes as long as twenty headers.
locale_t utf8() {
  static const std::unique_ptr<std::remove_pointer_t<locale_t>, FreeLocale> locale(
      newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr));
  if (!locale) throw Error(Errc::bug, "the C library lacks the locale C.UTF-8");
  return locale.get();
}

}  // namespace

Utf8Scope::Utf8Scope() : before_(uselocale(utf8())) {}
Utf8Scope::~Utf8Scope() {
  uselocale(before_);
}

}  // namespace dolibarr_backup
