#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

/// Diagnostics on stderr. Results go to stdout and never through here.
/// All functions may be called from any thread.
namespace dolibarr_backup::log {

enum class Level { debug, info, warning, error };
enum class Format { text, json };

struct Options {
  Level level = Level::info;
  Format format = Format::text;
};

/// Sets level and format for the whole process; call it once, from main.
void configure(const Options& options);
bool enabled(Level level);
/// `hook` is called before each line that is written, from the thread that writes it: a
/// progress bar leaves its line. Null: none.
void before_each_line(void (*hook)());
/// Writes one line, control characters shown as \\xNN. Registered secrets are masked
/// (base/secret.h).
void write(Level level, std::string_view message);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace dolibarr_backup::log
