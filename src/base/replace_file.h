#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace dolibarr_backup {

/// Writes `text` to the file at `path`, which then has this mode, by a temporary file beside
/// it that is renamed: whoever reads it sees the old file or the new one, whole. What is no
/// regular file, such as a device, a pipe or a symbolic link, stays and is written into.
/// Throws Errc::usage, with the reason, if it cannot; a regular file is then as it was.
void replace_file(const std::string& path, std::string_view text, mode_t mode);

/// The mode of a file that the user makes: 0666 but for the process's umask, which is set for
/// a moment to be read. Not to be called while another thread makes files.
mode_t mode_of_new_file();

}  // namespace dolibarr_backup
