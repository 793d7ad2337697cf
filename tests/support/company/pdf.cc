#include <fmt/format.h>
#include <hpdf.h>

#include <memory>

#include "base/error.h"
#include "support/company/model.h"

namespace dolibarr_backup::company {
namespace {

constexpr HPDF_UINT kLogoWidth = 72;
constexpr HPDF_UINT kLogoHeight = 48;

using Pdf = std::unique_ptr<std::remove_pointer_t<HPDF_Doc>, decltype(&HPDF_Free)>;

void fail(HPDF_STATUS status, HPDF_STATUS, void*) {
  throw Error(Errc::bug, fmt::format("libharu failed with status {:#x}", status));
}

/// The built-in fonts know WinAnsi; the names' few other letters become '?'.
std::string to_latin1(const std::string& utf8) {
  std::string text;
  for (size_t at = 0; at < utf8.size(); ++at) {
    const auto byte = static_cast<unsigned char>(utf8[at]);
    if (byte < 0x80) {
      text += utf8[at];
    } else if ((byte == 0xc2 || byte == 0xc3) && at + 1 < utf8.size()) {
      const auto next = static_cast<unsigned char>(utf8[++at]);
      text += static_cast<char>(static_cast<unsigned char>(next | ((byte & 3) << 6)));
    } else if (byte >= 0xc0) {
      text += '?';
    }
  }
  return text;
}

/// The same logo in all, as it is in a company.
void draw_logo(HPDF_Doc pdf, HPDF_Page page) {
  static const std::string pixels = noise(kLogoWidth * kLogoHeight * 3, 99);
  const HPDF_Image logo =
      HPDF_LoadRawImageFromMem(pdf, reinterpret_cast<const HPDF_BYTE*>(pixels.data()), kLogoWidth,
                               kLogoHeight, HPDF_CS_DEVICE_RGB, 8);
  HPDF_Page_DrawImage(page, logo, 50, 760, kLogoWidth, kLogoHeight);
}

void draw_text(HPDF_Page page, const Invoice& invoice, const Company& company) {
  float height = 720;
  const auto print = [&](const std::string& text) {
    HPDF_Page_TextOut(page, 50, height, to_latin1(text).c_str());
    height -= 16;
  };
  const Customer& customer = company.customers[static_cast<size_t>(invoice.customer - 1)];
  print("Facture " + invoice.ref);
  print(customer.name);
  print(customer.town + ", TVA " + customer.vat_number);
  for (const Line& line : invoice.lines) {
    const Product& product = company.products[static_cast<size_t>(line.product - 1)];
    print(fmt::format("{}  {} x {}  {} EUR", product.label, line.quantity, money(product.price),
                      money(line.total)));
  }
  print(fmt::format("Total {} EUR, TVA {} EUR", money(invoice.total), money(invoice.vat)));
}

}  // namespace

std::string invoice_pdf(const Invoice& invoice, const Company& company) {
  const Pdf pdf(HPDF_New(fail, nullptr), &HPDF_Free);
  HPDF_SetCompressionMode(pdf.get(), HPDF_COMP_ALL);
  const HPDF_Page page = HPDF_AddPage(pdf.get());
  HPDF_Page_SetSize(page, HPDF_PAGE_SIZE_A4, HPDF_PAGE_PORTRAIT);
  draw_logo(pdf.get(), page);
  HPDF_Page_BeginText(page);
  HPDF_Page_SetFontAndSize(page, HPDF_GetFont(pdf.get(), "Helvetica", "WinAnsiEncoding"), 11);
  draw_text(page, invoice, company);
  HPDF_Page_EndText(page);
  HPDF_SaveToStream(pdf.get());
  std::string content(HPDF_GetStreamSize(pdf.get()), '\0');
  auto size = static_cast<HPDF_UINT32>(content.size());
  HPDF_ReadFromStream(pdf.get(), reinterpret_cast<HPDF_BYTE*>(content.data()), &size);
  content.resize(size);
  return content;
}

}  // namespace dolibarr_backup::company
