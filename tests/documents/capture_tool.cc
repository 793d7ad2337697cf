// Captures a tree to nowhere and says what came of it, so that tests can give a
// process its own user, descriptor limit and memory. A fork of the suite would not
// do: the threads of TBB do not survive it.

#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "dolibarr/documents.h"

namespace {

using namespace dolibarr_backup;

class CountingSink : public Sink {
 public:
  using Sink::write;
  void write(Bytes bytes) override { count += bytes.size(); }
  uint64_t count = 0;
};

// Not getrusage()'s: that counts what the process was before exec, too.
uint64_t peak_memory_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    uint64_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib;
  }
  throw Error(Errc::source, "the kernel does not tell the peak of memory");
}

int run(const DocumentsSource& source) {
  CountingSink archive, manifest;
  Progress progress;
  const DocumentsSurvey looked = survey_documents(source, {}, progress, {});
  const DocumentsCapture capture = capture_documents(source, archive, manifest, progress, {});
  fmt::print("files {}\nbytes {}\narchive {}\nincomplete {}\nsame {}\npeak {}\n",
             capture.survey.files, capture.survey.bytes, archive.count, capture.incomplete,
             capture.survey.fingerprint == looked.fingerprint, peak_memory_kib());
  for (const ManifestProblem& problem : capture.problems)
    fmt::print("problem {} {}\n", problem.kind, problem.path);
  return 0;
}

}  // namespace

/// ROOT WORKERS MOST-OPEN-FILES (0: as it is)
int main(int count, char** arguments) {
  if (count != 4) return 2;
  if (const rlim_t files = std::strtoul(arguments[3], nullptr, 10); files != 0) {
    const rlimit limit{files, files};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 2;
  }
  try {
    return run({.root = arguments[1],
                .workers = static_cast<unsigned>(std::strtoul(arguments[2], nullptr, 10))});
  } catch (const Error& error) {
    fmt::print("error {}\nhint {}\n", error.what(), error.hint());
    return 1;
  }
}
