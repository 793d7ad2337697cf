#include "page/frame.h"

#include "page/style.h"

namespace dolibarr_backup {

std::string framed_page(const PageFrame& frame, const Texts& texts) {
  Html html;
  html.literal("<!DOCTYPE html>\n");
  html.element("html", {{"lang", std::string(texts.code.text)}}, [&] {
    html.element("head", [&] {
      html.empty_element("meta", {{"charset", "utf-8"}});
      html.empty_element("meta",
                         {{"http-equiv", "Content-Security-Policy"}, {"content", frame.policy}});
      html.empty_element(
          "meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
      html.empty_element("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
      html.empty_element("meta", {{"name", "referrer"}, {"content", "no-referrer"}});
      html.empty_element("link", {{"rel", "icon"}, {"href", "data:,"}});
      html.element("title", frame.title);
      html.element("style", [&] { html.literal(page_style()); });
    });
    html.literal("\n");
    html.element("body", [&] {
      html.element("a", {{"class", "skip"}, {"href", "#content"}}, texts.skip.text);
      html.element("header", [&] { frame.header(html); });
      html.literal("\n");
      html.element("main", {{"id", "content"}}, [&] { frame.body(html); });
      html.literal("\n");
      html.element("footer", [&] { frame.footer(html); });
    });
  });
  html.literal("\n");
  return html.take();
}

std::string page_policy(const std::string& more) {
  return "default-src 'none'; style-src '" + page_style_digest() +
         "'; img-src data:; base-uri 'none'; " + more;
}

}  // namespace dolibarr_backup
