#include "core/documents_rules.h"

#include <algorithm>
#include <array>

namespace dolibarr_backup {
namespace {

// Where Dolibarr keeps what a company issues, receives or must be able to show:
// invoices and what leads to them, deliveries, contracts, proofs of payment,
// payroll, taxes, accounting exports, the legal log. French law, the strictest that
// Dolibarr's users commonly meet, asks ten years for the vouchers of accounting
// (Code de commerce, L123-22). Not here: folders of things that live and change
// (third parties, products, projects, the ECM); retention's instants cover those.
constexpr std::array<std::string_view, 27> kIssuedModules = {
    "facture",
    "propale",
    "commande",
    "contract",
    "ficheinter",
    "expedition",
    "reception",
    "livraison",
    "fournisseur/facture",
    "fournisseur/commande",
    "fournisseur/payment",
    "supplier_proposal",
    "supplier_payment",
    "expensereport",
    "payment",
    "paiement",
    "prelevement",
    "cheque",
    "bank",
    "banque",
    "don",
    "tax",
    "salaries",
    "loan",
    "accounting",
    "accountancy",
    "blockedlog",
};

bool only_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_entity(std::string_view folder) {
  return only_digits(folder) && folder[0] != '0' && folder != "1";
}

// The first component of `path`, which loses it and the slash.
std::string_view take_component(std::string_view& path) {
  const size_t slash = path.find('/');
  const std::string_view component = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return component;
}

std::string_view without_entity(std::string_view path) {
  std::string_view rest = path;
  return is_entity(take_component(rest)) && !rest.empty() ? rest : path;
}

bool is_temp_of_module(std::string_view path) {
  std::string_view rest = without_entity(path);
  const std::string_view module = take_component(rest);
  return rest == "temp" && !is_entity(module);
}

// What follows the issued module in `path`; "" if there is none.
std::string_view below_issued_module(std::string_view path) {
  path = without_entity(path);
  for (const std::string_view module : kIssuedModules)
    if (path.starts_with(module) && path.substr(module.size()).starts_with('/'))
      return path.substr(module.size() + 1);
  return {};
}

bool is_preview(std::string_view name) {
  return name.ends_with(".png") && name.find(".pdf_preview") != std::string_view::npos;
}

}  // namespace

std::optional<std::string> exclusion_of_folder(std::string_view path,
                                               const std::optional<ContentFolders>& content) {
  if (path == kRestoreStagingFolder) return "restore staging";
  const std::string_view local = without_entity(path);
  if (local == "admin/backup" || local == "admin/documents") return "Dolibarr's own dumps";
  if (path == "lost+found") return "the file system's own";
  if (is_temp_of_module(path) && content && !content->contains(path)) return "temporary files";
  return std::nullopt;
}

bool outside_fingerprint(std::string_view path) {
  if (path.find('/') != std::string_view::npos) return false;
  if (path.ends_with(".gz")) path.remove_suffix(3);
  if (path.ends_with(".log")) return true;
  const size_t stem = path.rfind(".log");
  if (stem == std::string_view::npos) return false;
  const std::string_view rotation = path.substr(stem + 4);
  return (rotation[0] == '.' || rotation[0] == '-') && only_digits(rotation.substr(1));
}

bool issued_document(std::string_view path) {
  std::string_view rest = below_issued_module(path);
  if (rest.empty() || rest.starts_with("temp/")) return false;
  while (rest.find('/') != std::string_view::npos) {
    const std::string_view folder = take_component(rest);
    if (folder == "thumbs" || folder.starts_with("(PROV")) return false;
  }
  return !rest.empty() && !is_preview(rest);
}

}  // namespace dolibarr_backup
