#pragma once

#include <functional>
#include <string>

#include "page/html.h"
#include "page/texts.h"

namespace dolibarr_backup {

/// What a page is made of; `title` and `policy` go to its head.
struct PageFrame {
  std::string title;
  std::string policy;  ///< Content-Security-Policy: page_policy()
  std::function<void(Html&)> header, body, footer;
};

/// A whole page with the pages' style and a way past its header.
std::string framed_page(const PageFrame& frame, const Texts& texts);

/// The policy that a page needs: its own style, by its digest, and nothing else.
/// `more`: directives to add, e.g. "form-action 'self'".
std::string page_policy(const std::string& more);

}  // namespace dolibarr_backup
