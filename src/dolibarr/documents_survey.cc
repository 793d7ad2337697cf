
#include "dolibarr/documents.h"
#include "dolibarr/survey_builder.h"

namespace dolibarr_backup {

DocumentsSurvey survey_documents(const DocumentsSource& source,
                                 const std::function<void(std::string_view path)>& on_file,
                                 Progress& progress, const std::stop_token& stop) {
  ReadingArena arena(source.workers);
  return arena.execute([&] {
    SurveyBuilder builder(file_clock_now_ns());
    TreeWalk walk(source, stop);
    TreeEntry entry;
    progress.docs_files_walked = 0;
    while (walk.next(entry)) {
      builder.add(entry);
      if (entry.status.kind != FileKind::file) continue;
      ++progress.docs_files_walked;
      if (on_file) on_file(entry.path);
    }
    DocumentsSurvey survey = builder.finish(walk.take_excluded(), walk.take_unlistable());
    progress.docs_total_bytes = survey.bytes;
    return survey;
  });
}

}  // namespace dolibarr_backup
