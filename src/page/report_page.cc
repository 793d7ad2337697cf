#include "page/report_page.h"

#include "page/frame.h"
#include "page/report_parts.h"

namespace dolibarr_backup {
namespace {

void write_contents(Html& html, const Texts& texts) {
  const std::pair<const char*, const Text*> sections[] = {{"attention", &texts.attention},
                                                          {"calendar", &texts.calendar},
                                                          {"register", &texts.register_title},
                                                          {"gaps", &texts.gaps},
                                                          {"drills", &texts.drills},
                                                          {"retention", &texts.retention},
                                                          {"sizes", &texts.sizes},
                                                          {"pruned", &texts.pruned},
                                                          {"integrity", &texts.integrity},
                                                          {"verify", &texts.verify_yourself}};
  html.element("nav", {{"aria-label", std::string(texts.contents.text)}}, [&] {
    html.element("ul", [&] {
      for (const auto& [id, name] : sections)
        html.element("li", [&] {
          html.element("a", {{"href", std::string("#") + id}}, name->text);
        });
    });
  });
}

void write_header(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  const ReportInput& input = model.input;
  html.element("h1", wording.say(texts.title, input.environment));
  html.element("p", {{"class", "period"}},
               wording.say(texts.period, wording.day(input.first), wording.day(input.last)) +
                   " · " + wording.say(texts.made, wording.instant(input.now)));
  html.element("dl", {{"class", "facts origin"}}, [&] {
    const auto fact = [&](const Text& name, const std::string& value) {
      html.element("div", [&] {
        html.element("dt", name.text);
        html.element("dd", value);
      });
    };
    fact(texts.store, input.store);
    fact(texts.prefix, input.prefix);
    fact(texts.time_zone, input.time_zone);
  });
}

void write_links(Html& html, const PageLinks& links, Language language, const Texts& texts) {
  const Language other = language == Language::french ? Language::english : Language::french;
  const std::string code(texts_of(other).code.text);
  html.element("p", {{"class", "links"}}, [&] {
    html.element("a", {{"href", links.search}}, texts.search_title.text);
    html.text(" · ");
    html.element("a", {{"href", links.other_language}, {"hreflang", code}, {"lang", code}},
                 texts.language_switch.text);
  });
}

}  // namespace

std::string report_page(const ReportModel& model, Language language,
                        const std::optional<PageLinks>& links) {
  const Wording wording(language, model.input.time_zone);
  const Texts& texts = wording.texts();
  return framed_page({.title = wording.say(texts.title, model.input.environment),
                      .policy = page_policy(links ? "form-action 'self'" : "form-action 'none'"),
                      .header =
                          [&](Html& html) {
                            write_header(html, model, wording);
                            if (links) write_links(html, *links, language, texts);
                          },
                      .body =
                          [&](Html& html) {
                            write_summary(html, model, wording);
                            write_contents(html, texts);
                            write_attention(html, model, wording);
                            write_calendar(html, model, wording);
                            write_register(html, model, wording);
                            write_gaps(html, model, wording);
                            write_drills(html, model, wording);
                            write_retention(html, model, wording);
                            write_sizes(html, model, wording);
                            write_pruned(html, model, wording);
                            write_integrity(html, model, wording);
                            write_own_verification(html, model, wording);
                          },
                      .footer =
                          [&](Html& html) {
                            html.element("p", wording.say(texts.footer, DOLIBARR_BACKUP_VERSION));
                          }},
                     texts);
}

}  // namespace dolibarr_backup
