#pragma once

#include <optional>
#include <string>
#include <string_view>

/// How PHP writes values as text, as far as Dolibarr's legal log hashes such text.
/// Pure.
namespace dolibarr_backup {

/// A floating-point number turned into a string by PHP with precision = 14: "22415.73",
/// "0", "1.2345678901235E+15", "1.0E-5", "-0", "INF", "NAN".
std::string php_float_text(double number);

/// What print_r(unserialize(...), true) gives.
struct PrintedValue {
  std::optional<std::string> text;  ///< nullopt: not understood, see `problem`
  std::string problem;              ///< "it ends too early"; "" if there is a text
  /// Holds an object of a class other than stdClass, whose print depends on whether PHP
  /// knew the class: a text that does not fit is no proof of a change.
  bool foreign_class = false;
};

/// Reads PHP's serialize() format: null, booleans, numbers, strings, arrays, objects with
/// plain properties, and references back to earlier values. At most `kPhpGreatestDepth`
/// levels and `kPhpGreatestText` bytes of text.
PrintedValue print_php_serialized(std::string_view serialized);

inline constexpr int kPhpGreatestDepth = 64;
inline constexpr size_t kPhpGreatestText = 64u << 20;

}  // namespace dolibarr_backup
