#include "support/company/model.h"

#include <fmt/format.h>

#include <random>

namespace dolibarr_backup::company {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using std::chrono::sys_days;

constexpr sys_days kFoundation = std::chrono::year(2024) / 1 / 2;
constexpr int kDaysOfTrade = 720;

/// The standard fixes this generator's numbers, but not those of its distributions.
class Dice {
 public:
  explicit Dice(uint64_t seed) : generator_(seed) {}
  int below(int limit) { return static_cast<int>(generator_() % static_cast<uint64_t>(limit)); }
  template <size_t N>
  const char* one_of(const char* const (&words)[N]) {
    return words[below(static_cast<int>(N))];
  }

 private:
  std::mt19937_64 generator_;
};

constexpr const char* kFirms[] = {"Ateliers", "Garage",  "Boulangerie", "Menuiserie", "Café",
                                  "Cabinet",  "Élevage", "Imprimerie",  "Pépinière",  "Librairie"};
constexpr const char* kNames[] = {"Dupré", "Lefèvre", "Garçon", "O'Hara", "Müller",
                                  "Nuñez", "Martin",  "Łukasz", "Simon",  "Bœuf"};
constexpr const char* kTowns[] = {"Lyon", "Besançon", "Nîmes", "Liège", "Orléans", "Saint-Étienne"};
constexpr const char* kGoods[] = {"Table", "Chaise", "Étagère", "Lampe", "Bureau", "Armoire"};
constexpr const char* kWoods[] = {"chêne", "hêtre", "noyer", "pin", "frêne"};

std::vector<Customer> invent_customers(Dice& dice, int count) {
  std::vector<Customer> customers;
  for (int id = 1; id <= count; ++id)
    customers.push_back({id, fmt::format("{} {} {}", dice.one_of(kFirms), dice.one_of(kNames), id),
                         dice.one_of(kTowns), fmt::format("FR{:011}", dice.below(2000000000))});
  return customers;
}

std::vector<Product> invent_products(Dice& dice, int count) {
  std::vector<Product> products;
  for (int id = 1; id <= count; ++id)
    products.push_back({id, fmt::format("PRD{:04}", id),
                        fmt::format("{} en {}", dice.one_of(kGoods), dice.one_of(kWoods)),
                        500 + dice.below(200000)});
  return products;
}

Invoice invent_invoice(Dice& dice, int id, int count, const Company& company) {
  Invoice invoice{.id = id};
  invoice.draft = id > 10 && id % 25 == 0;
  const sys_days day = kFoundation + days(id * kDaysOfTrade / count);
  invoice.date = day + std::chrono::hours(8) + seconds(dice.below(9 * 3600));
  const std::chrono::year_month_day date(day);
  invoice.ref = invoice.draft
                    ? fmt::format("(PROV{})", id)
                    : fmt::format("FA{:02}{:02}-{:04}", static_cast<int>(date.year()) % 100,
                                  static_cast<unsigned>(date.month()), id);
  invoice.customer = 1 + dice.below(static_cast<int>(company.customers.size()));
  const int lines = 1 + dice.below(8);
  for (int n = 0; n < lines; ++n) {
    const Product& product =
        company
            .products[static_cast<size_t>(dice.below(static_cast<int>(company.products.size())))];
    const int quantity = 1 + dice.below(12);
    invoice.lines.push_back({product.id, quantity, product.price * quantity});
    invoice.total += invoice.lines.back().total;
  }
  invoice.vat = invoice.total / 5;
  return invoice;
}

void add_invoice_documents(const Invoice& invoice, Company& company) {
  const std::string folder = "facture/" + invoice.ref + "/";
  const auto add = [&](const std::string& name, std::string content, bool indexed) {
    company.documents.push_back(
        {folder + name, std::move(content), invoice.date, indexed ? "facture" : "", invoice.id});
  };
  add(invoice.ref + ".pdf", invoice_pdf(invoice, company), true);
  const auto seed = static_cast<uint64_t>(invoice.id);
  if (invoice.id % 10 == 3) add("bon de livraison signé.jpg", noise(30000, seed), true);
  if (invoice.id % 10 == 3) add("thumbs/bon de livraison signé_mini.jpg", noise(900, seed), false);
}

void add_other_documents(Company& company) {
  const std::chrono::sys_seconds founded = kFoundation;
  const auto add = [&](std::string path, std::string content, const char* type = "", int id = 0) {
    company.documents.push_back({std::move(path), std::move(content), founded, type, id});
  };
  for (const Product& product : company.products)
    if (product.id % 4 == 1)
      add(fmt::format("produit/{0}/{0}.jpg", product.ref),
          noise(12000, 1000 + static_cast<uint64_t>(product.id)), "product", product.id);
  for (const Customer& customer : company.customers) {
    if (customer.id % 3 == 1)
      add(fmt::format("societe/{}/contrat été.txt", customer.id),
          fmt::format("Contrat avec {}\n", customer.name), "societe", customer.id);
    if (customer.id % 5 == 1)
      add(fmt::format("fournisseur/facture/{}/{}/SI{:04}/scan.pdf", customer.id % 10,
                      customer.id / 10 % 10, customer.id),
          noise(40000, 2000 + static_cast<uint64_t>(customer.id)), "facture_fourn", customer.id);
  }
  add("ecm/Rapports annuels/rapport  2024 (définitif).txt", "Une bonne année.\n", "ecm", 1);
  add("ecm/temp/à garder.txt", "A folder of the user's own, whatever its name.\n", "ecm", 2);
  add("ecm/latin1-\xe9t\xe9.txt", "A name that is not UTF-8.\n");
  add("ecm/new\nline\tand \\ 'quotes\".txt", "An awkward name.\n");
  add("ecm/" + std::string(200, 'x') + "/" + std::string(200, 'y') + ".txt", "A long path.\n");
  add("mycompany/logos/logo.png", noise(8000, 3));
  add("doctemplates/invoices/template.odt", noise(9000, 4));
  add("users/1/photo.jpg", noise(5000, 5));
  add("users/temp/InvoiceStats_1.cache", "a:1:{i:0;i:1;}");
  add("users/temp/ThirdPartyStats_1.cache", "a:1:{i:0;i:2;}");
  add("facture/temp/massgeneration/1/all.pdf", noise(7000, 6));
  add("admin/backup/mysqldump_erp.sql.gz", noise(20000, 7));
  add("dolibarr.log", "2024-01-02 09:00:00 INFO admin started\n");
  add("install.lock", "");
}

}  // namespace

std::string noise(size_t size, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::string bytes;
  while (bytes.size() < size)
    for (uint64_t word = generator(), n = 0; n < 8; ++n, word >>= 8)
      bytes += static_cast<char>(static_cast<unsigned char>(word & 0xff));
  bytes.resize(size);
  return bytes;
}

std::string money(Cents amount) {
  return fmt::format("{}.{:02}", amount / 100, amount % 100);
}

Company invent(const CompanyOptions& options) {
  Dice dice(options.seed);
  Company company;
  company.customers = invent_customers(dice, 8 * options.scale);
  company.products = invent_products(dice, 5 * options.scale);
  const int count = 50 * options.scale;
  for (int id = 1; id <= count; ++id)
    company.invoices.push_back(invent_invoice(dice, id, count, company));
  for (const Invoice& invoice : company.invoices) add_invoice_documents(invoice, company);
  add_other_documents(company);
  return company;
}

}  // namespace dolibarr_backup::company
