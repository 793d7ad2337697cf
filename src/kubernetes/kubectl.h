#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/settings.h"
#include "stream/process.h"

namespace dolibarr_backup {

/// What kubectl said on standard error, on one line: without the log lines of its libraries
/// ("E1126 13:00:09.605585 ..."), nothing twice in a row. Pure.
std::string kubectl_words(const std::string& stderr_text);

/// What to do about it: words as kubectl_words() gives them; "" if they tell of nothing known.
/// Pure.
std::string kubectl_hint(const std::string& words, const std::string& context);

/// The real kubectl, run as a child: an array of arguments, no shell; what may hold a secret goes
/// by standard input only. Its own preferences (kuberc) do not apply.
class Kubectl {
 public:
  explicit Kubectl(const KubernetesSettings& settings) : settings_(settings) {}

  /// The whole argv, in the environment's context and namespace.
  std::vector<std::string> argv(const std::vector<std::string>& arguments) const;
  /// Runs to the end and returns what it printed. Throws Errc::cluster with kubectl's own words
  /// if it failed or cannot be started; Errc::interrupted when stopped.
  std::string run(const std::vector<std::string>& arguments, const std::string& input = "",
                  const std::stop_token& stop = {}) const;
  /// The same for a stream: each line as it comes. Returns what came after the last end of a line.
  std::string lines(const std::vector<std::string>& arguments,
                    const std::function<void(const std::string&)>& line,
                    const std::stop_token& stop) const;

 private:
  void read(const std::vector<std::string>& arguments, const std::string& input,
            const std::function<void(std::string_view)>& piece, const std::stop_token& stop) const;

  const KubernetesSettings& settings_;
};

}  // namespace dolibarr_backup
