#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "core/settings.h"

/// A proof that a restored database and a restored documents tree belong together: the
/// database knows of each document and of its content (llx_ecm_files).
namespace dolibarr_backup {

/// Some findings of one kind, the first few by name.
struct DocumentFindings {
  uint64_t count = 0;
  std::vector<std::string> examples;  ///< at most kGreatestExamples, for people

  void add(std::string example);
  static constexpr size_t kGreatestExamples = 20;
};

/// Errors mean that the pair has lost or damaged something. Warnings are what a sound
/// instance may show as well: the index may be stale for files that were indexed late by
/// old versions, altered outside of Dolibarr, or signed after they were made.
///
/// The rule. A row says how its file came: 'generated' and 'uploaded' files were written
/// together with it, others ('api', 'unknown', none) may have been indexed later.
/// - missing: error for generated and uploaded, else warning;
/// - another content than the row's MD5: warning if the row is of a generated PDF and the
///   file is a whole PDF, that is, rewritten or signed; error for all else that was generated
///   or uploaded (cut short, overwritten, another version); else warning;
/// - a row without an MD5 is only checked to exist;
/// - an object's last_main_doc that is missing: error if the object is validated (its
///   fk_statut, or statut, is above 0), else warning. The statut of third parties and users
///   says that they are active, not that a document was issued: warning. So is a name of a
///   draft, "(PROV12)", which Dolibarr can leave behind on a validated object.
struct DocumentIndexReport {
  bool absent = false;  ///< the database has no index
  uint64_t rows = 0;
  uint64_t matching = 0;              ///< content as recorded
  uint64_t without_hash = 0;          ///< there, but the row has no MD5
  DocumentFindings missing;           ///< error
  DocumentFindings damaged;           ///< error: other content
  DocumentFindings unreadable;        ///< error: there, but cannot be read
  DocumentFindings missing_optional;  ///< warning
  DocumentFindings rewritten;         ///< warning: a generated PDF, whole, of other content
  DocumentFindings differing;         ///< warning: other content, not generated nor uploaded

  uint64_t main_documents = 0;             ///< objects that name their last_main_doc
  uint64_t main_documents_present = 0;     ///< ... and it is there
  DocumentFindings main_missing;           ///< error: of validated objects
  DocumentFindings main_missing_optional;  ///< warning

  uint64_t errors() const {
    return missing.count + damaged.count + unreadable.count + main_missing.count;
  }
  uint64_t warnings() const {
    return missing_optional.count + rewritten.count + differing.count + main_missing_optional.count;
  }
};

/// Looks for the file of each row of <prefix>ecm_files under `documents_folder`, reads it and
/// compares its MD5; then for each object's last_main_doc, whatever tables have one. Files
/// lie where the row says, with or without ".noexe", or below the entity's folder. Symbolic
/// links are not followed: a file behind one is missing. Reads only; memory is bounded by a
/// batch of rows and one block. Throws PgError, and Errc::source if the folder cannot be opened.
DocumentIndexReport check_document_index(const DatabaseSettings& settings,
                                         const std::string& documents_folder,
                                         const std::stop_token& stop);

}  // namespace dolibarr_backup
