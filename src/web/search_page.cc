#include "web/search_page.h"

#include "page/frame.h"
#include "page/html.h"

namespace dolibarr_backup {
namespace {

void write_form(Html& html, const SearchResult& result, const Texts& texts) {
  html.element(
      "form", {{"class", "search"}, {"method", "get"}, {"action", "documents"}, {"role", "search"}},
      [&] {
        html.empty_element(
            "input",
            {{"type", "hidden"}, {"name", "lang"}, {"value", std::string(texts.code.text)}});
        html.element("label", [&] {
          html.text(texts.search_label.text);
          html.empty_element("input", {{"name", "q"},
                                       {"value", result.typed},
                                       {"maxlength", "512"},
                                       {"autocomplete", "off"},
                                       {"spellcheck", "false"}});
        });
        html.element("button", texts.search_button.text);
      });
}

void write_version(Html& html, const DocumentVersion& version, const Wording& wording) {
  const Texts& texts = wording.texts();
  html.element("tr", [&] {
    html.element("th", {{"scope", "row"}}, [&] {
      html.element("bdi", version.path);
      html.element("span", {{"class", "digest"}}, [&] {
        if (!version.sha256.empty()) html.element("code", version.sha256);
        html.element("code", version.archive);
      });
    });
    html.element("td", [&] {
      html.text(wording.say(texts.version_span, wording.instant(version.from),
                            wording.instant(version.until)));
      if (version.gone)
        html.text(" · ").text(wording.say(texts.version_gone, wording.instant(*version.gone)));
    });
    html.element("td", {{"class", "number"}}, wording.bytes(version.size));
  });
}

void write_versions(Html& html, const SearchResult& result, const Wording& wording) {
  const Texts& texts = wording.texts();
  if (result.typed.empty()) return;
  html.element("p", {{"role", "status"}},
               wording.count(result.versions.size() + result.omitted, texts.versions_found));
  if (result.omitted > 0)
    html.element("p", wording.say(texts.versions_omitted, wording.number(result.omitted)));
  if (result.versions.empty()) return;
  html.element("table", {{"class", "data"}}, [&] {
    html.element("caption", {{"class", "unseen"}}, texts.search_title.text);
    html.element("thead", [&] {
      html.element("tr", [&] {
        for (const Text& column : {texts.column_document, texts.column_held, texts.column_size})
          html.element("th", {{"scope", "col"}}, column.text);
      });
    });
    html.element("tbody", [&] {
      for (const DocumentVersion& version : result.versions) write_version(html, version, wording);
    });
  });
  html.element("p", texts.version_fetch.text);
  html.element("pre", [&] {
    html.element(
        "code", fmt::format("dolibarr-backup show --env {} PATH --as-of DATE", result.environment));
  });
}

}  // namespace

std::string search_page(const SearchResult& result, const Wording& wording) {
  const Texts& texts = wording.texts();
  return framed_page({.title = fmt::format("{} · {}", texts.search_title.text, result.environment),
                      .policy = page_policy("form-action 'self'"),
                      .header =
                          [&](Html& html) {
                            html.element("h1", texts.search_title.text);
                            html.element("p", {{"class", "period"}}, [&] {
                              html.element("a",
                                           {{"href", fmt::format("./?lang={}", texts.code.text)}},
                                           wording.say(texts.title, result.environment));
                            });
                          },
                      .body =
                          [&](Html& html) {
                            html.element("p", texts.search_lead.text);
                            write_form(html, result, texts);
                            write_versions(html, result, wording);
                          },
                      .footer =
                          [&](Html& html) {
                            html.element("p", wording.say(texts.footer, DOLIBARR_BACKUP_VERSION));
                          }},
                     texts);
}

std::string environments_page(const std::vector<EnvironmentSettings>& environments,
                              const Texts& texts) {
  return framed_page(
      {.title = "dolibarr-backup",
       .policy = page_policy("form-action 'self'"),
       .header = [&](Html& html) { html.element("h1", "dolibarr-backup"); },
       .body =
           [&](Html& html) {
             html.element("h2", texts.environments.text);
             html.element("ul", [&] {
               for (const EnvironmentSettings& environment : environments)
                 html.element("li", [&] {
                   html.element(
                       "a",
                       {{"href", fmt::format("/{}/?lang={}", environment.name, texts.code.text)}},
                       environment.name);
                 });
             });
           },
       .footer = [](Html&) {}},
      texts);
}

}  // namespace dolibarr_backup
