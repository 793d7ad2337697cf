#include "kubernetes/kubectl.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kMostOutput = 64 * kMiB;

}  // namespace

std::string kubectl_hint(const std::string& words, const std::string& context) {
  const auto has = [&](const char* part) { return words.find(part) != std::string::npos; };
  if (has("context") && has("does not exist"))
    return "kubernetes.context must be one of: kubectl config get-contexts";
  // Nothing can be asked for here: kubectl has no terminal.
  if (has("getting credentials") || has("nauthorized"))
    return fmt::format("log in to the cluster first: kubectl --context={} get pods", context);
  if (has("exceeded quota")) return "remove what is not needed there, or raise the quota";
  if (has("denied the request")) return "a policy of the cluster forbids it: ask whoever made it";
  if (has("Forbidden") || has("forbidden"))
    return fmt::format("ask for that right in the cluster of context '{}'", context);
  if (has("NotFound") || has("not found")) return "look at the kubernetes settings: config show";
  if (has("Unable to connect") || has("refused") || has("timeout") || has("no such host"))
    return fmt::format("is the cluster of context '{}' reachable from here?", context);
  return "";
}

std::string kubectl_words(const std::string& stderr_text) {
  std::string words, last;
  std::istringstream lines(stderr_text);
  for (std::string line; std::getline(lines, line);) {
    const bool is_log = line.size() > 5 &&
                        std::string_view("EWIF").find(line[0]) != std::string_view::npos &&
                        std::all_of(line.begin() + 1, line.begin() + 5,
                                    [](unsigned char c) { return std::isdigit(c) != 0; });
    if (is_log || trim(line).empty() || line == last) continue;
    words += (words.empty() ? "" : "; ") + std::string(trim(line));
    last = line;
  }
  return words.empty() ? std::string(trim(stderr_text)) : words;
}

namespace {

Error failure_of(Process& process, const ExitStatus& status,
                 const std::vector<std::string>& arguments, const KubernetesSettings& settings) {
  const std::string words = kubectl_words(process.stderr_tail());
  std::string message = fmt::format("`kubectl {}` {}", arguments.at(0), status.describe());
  if (!words.empty()) message += ": " + words;
  return Error(Errc::cluster, message).with_hint(kubectl_hint(words, settings.context));
}

}  // namespace

std::vector<std::string> Kubectl::argv(const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = {settings_.kubectl, "--context=" + settings_.context,
                                  "--namespace=" + settings_.namespace_};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

void Kubectl::read(const std::vector<std::string>& arguments, const std::string& input,
                   const std::function<void(std::string_view)>& piece,
                   const std::stop_token& stop) const {
  ProcessSpec spec;
  spec.argv = argv(arguments);
  spec.environment = {{"KUBECTL_KUBERC", "false"}, {"KUBERC", "off"}};
  spec.pipe_stdin = !input.empty();
  log::debug("running: {}", fmt::join(spec.argv, " "));
  try {
    Process process(spec);
    if (!input.empty()) process.write(std::as_bytes(std::span(input.data(), input.size())));
    process.close_stdin();
    std::array<std::byte, 64 * kKiB> buffer;
    while (const size_t got = process.read(buffer, stop))
      piece({reinterpret_cast<const char*>(buffer.data()), got});
    const ExitStatus status = process.wait();
    if (!status.success()) throw failure_of(process, status, arguments, settings_);
  } catch (const Error& error) {
    if (error.code() != Errc::source) throw;
    throw Error(Errc::cluster, error.message())
        .with_hint("install kubectl, or name it: kubernetes.kubectl");
  }
}

std::string Kubectl::run(const std::vector<std::string>& arguments, const std::string& input,
                         const std::stop_token& stop) const {
  std::string out;
  read(
      arguments, input,
      [&](std::string_view piece) {
        if (out.size() + piece.size() > kMostOutput)
          throw Error(Errc::cluster, "kubectl printed more than it should");
        out += piece;
      },
      stop);
  return out;
}

std::string Kubectl::lines(const std::vector<std::string>& arguments,
                           const std::function<void(const std::string&)>& line,
                           const std::stop_token& stop) const {
  std::string rest;
  read(
      arguments, "",
      [&](std::string_view piece) {
        rest += piece;
        size_t start = 0;
        for (size_t end; (end = rest.find('\n', start)) != std::string::npos; start = end + 1)
          line(rest.substr(start, end - start));
        rest.erase(0, start);
      },
      stop);
  return rest;
}

}  // namespace dolibarr_backup
