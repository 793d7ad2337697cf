#include "page/style.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

namespace dolibarr_backup {

std::string_view page_style() {
  // Day and night by the reader's system; paper is always day.
  static constexpr std::string_view kStyle = R"css(
:root {
  color-scheme: light dark;
  --paper: #fcfbf8; --raised: #ffffff; --ink: #1d2125; --quiet: #565d66; --rule: #dcd8cf;
  --link: #0b4f8a; --good: #145c38; --good-bg: #d9eddf; --calm-bg: #edf2ec; --warn: #7a4100;
  --warn-bg: #fbe6c2; --bad: #98191b; --bad-bg: #fadbd8; --drill: #4a3a8c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --raised: #1c1f23; --ink: #e7e5e0; --quiet: #a8adb4; --rule: #363a40;
    --link: #8fc1f2; --good: #8fdcb1; --good-bg: #173a28; --calm-bg: #1f2a25; --warn: #f3c479;
    --warn-bg: #3f300f; --bad: #ffaaa2; --bad-bg: #4b1d1c; --drill: #c3b5ff;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 68rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
h1, h2, h3 {
  font-family: Charter, "Bitstream Charter", Georgia, "Liberation Serif", serif; font-weight: 600;
  line-height: 1.2; text-wrap: balance;
}
h1 { font-size: clamp(1.7rem, 5vw, 2.5rem); margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.45rem; margin: 0 0 .6rem; }
h3 { font-size: 1.12rem; margin: 1.8rem 0 .5rem; }
p { margin: .4rem 0 .8rem; max-width: 44rem; }
a { color: var(--link); text-underline-offset: .15em; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px; }
code { font: .84em/1.5 ui-monospace, "DejaVu Sans Mono", "Liberation Mono", monospace; }
.unseen {
  position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap;
}
.skip { position: absolute; left: -100vw; background: var(--raised); padding: .5rem .8rem; z-index: 1; }
.skip:focus { position: static; display: inline-block; }
.quiet, .period, figcaption { color: var(--quiet); }
.period { font-size: 1.05rem; margin: .35rem 0 1rem; }
.facts { margin: 0; } .facts dt { color: var(--quiet); font-size: .84rem; } .facts dd { margin: 0 0 .6rem; }
.origin { display: flex; flex-wrap: wrap; gap: .2rem 2.2rem; }
header { border-bottom: 1px solid var(--rule); padding-bottom: .4rem; margin-bottom: 1.6rem; }
main > section { margin: 3rem 0 0; padding-top: 1.4rem; border-top: 1px solid var(--rule); }
.answers { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.answer {
  background: var(--raised); border: 1px solid var(--rule); border-left: .35rem solid var(--quiet);
  border-radius: .3rem; padding: 1rem 1.2rem .6rem;
}
.answer h2 { font: 600 1rem/1.4 system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; margin: 0 0 .3rem; color: var(--quiet); }
.answer.good { border-left-color: var(--good); } .answer.bad { border-left-color: var(--bad); }
.answer.warn { border-left-color: var(--warn); } .answer.plain { border-left-color: var(--link); }
.answer .word { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .4rem; }
.answer .word .badge { background: none; padding: 0; font-weight: 650; }
.findings { list-style: none; padding: 0; } .findings li { margin: 0 0 .7rem; }
.ends { list-style: none; margin: 0 0 .6rem; padding: 0; }
.badge { border-radius: .25rem; padding: .05rem .4rem; font-weight: 600; }
.badge.good { color: var(--good); background: var(--good-bg); }
.badge.bad { color: var(--bad); background: var(--bad-bg); }
.badge.warn { color: var(--warn); background: var(--warn-bg); }
.badge.plain { color: var(--quiet); background: var(--calm-bg); }
.recorded { color: var(--quiet); font-size: .93em; }
nav { margin: 2rem 0 0; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.3rem; margin: 0; padding: 0; }
nav a { display: inline-block; padding: .15rem 0; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .35rem 1.2rem; padding: 0; margin: .8rem 0 1.4rem; font-size: .93rem; }
.key { display: inline-block; min-width: 1.5em; text-align: center; border-radius: .2rem; font-weight: 700; }
.months { display: grid; gap: 1.4rem 1.8rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); }
.month { border-collapse: separate; border-spacing: 2px; width: 100%; table-layout: fixed; align-self: start; }
.month caption { text-align: left; font-weight: 600; padding: 0 0 .2rem .1rem; }
.month caption::first-letter { text-transform: uppercase; }
.month th { font-weight: 400; font-size: .78rem; color: var(--quiet); }
.month td { height: 2.15rem; padding: 0; border-radius: .2rem; text-align: center; vertical-align: middle; font-size: .86rem; }
.month .day { display: flex; flex-direction: column; justify-content: center; height: 2.15rem; line-height: 1.05; color: inherit; text-decoration: none; border-radius: .2rem; }
.month a.day:hover { outline: 2px solid var(--link); }
.month .sign { font-size: .68rem; font-weight: 700; letter-spacing: .05em; }
.m-backed_up.m-backed_up { color: var(--good); } td.m-backed_up, .key.m-backed_up { background: var(--good-bg); }
td.m-unchanged, .key.m-unchanged, td.m-covered, .key.m-covered { color: var(--good); background: var(--calm-bg); }
td.m-failed, .key.m-failed { color: var(--warn); background: var(--warn-bg); }
td.m-missing, .key.m-missing { color: var(--bad); background: var(--bad-bg); }
td.m-before, td.m-future, td.m-pending { color: var(--quiet); }
.key.m-drilled, .key.m-drill-failed { color: var(--drill); }
.data { border-collapse: collapse; width: 100%; font-size: .93rem; margin: .4rem 0 1rem; }
.data th, .data td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--rule); }
.data thead th { color: var(--quiet); font-weight: 600; font-size: .84rem; }
.data tbody th { font-weight: 500; } .data th, .data .whole { overflow-wrap: break-word; } .data code, bdi { overflow-wrap: anywhere; }
.data td, .data th { min-width: 4.6rem; } .data td.number { min-width: 0; }
.data .number { text-align: right; white-space: nowrap; }
.data ul { margin: .2rem 0; padding-left: 1.1rem; }
tr.m-backed_up th, tr.m-backed_up td { color: var(--ink); }
.data td.near { color: var(--quiet); }
tr:target > * { background: var(--warn-bg); color: var(--ink); }
.digest { display: block; font-weight: 400; } .digest code { display: block; color: var(--quiet); font-size: .76rem; word-break: break-all; }
details { border-bottom: 1px solid var(--rule); }
summary { padding: .55rem 0; cursor: pointer; }
.month-name { font-weight: 600; margin-right: .6rem; } .month-name::first-letter { text-transform: uppercase; }
.gaps { padding-left: 1.2rem; } .gaps p { margin: .2rem 0 .5rem; }
.plots { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
.plot { margin: 0; } .plot svg { width: 100%; height: auto; display: block; }
figcaption { font-size: .9rem; }
.plot-line { fill: none; stroke: var(--link); stroke-width: 1.6; stroke-linejoin: round; }
.plot-grid { stroke: var(--rule); stroke-width: .6; } .plot-axis { stroke: var(--quiet); stroke-width: 1; }
.plot-label { fill: var(--quiet); font-size: 10px; }
pre { margin: .2rem 0 1rem; padding: .7rem .9rem; background: var(--raised); border: 1px solid var(--rule); border-radius: .3rem; white-space: pre-wrap; word-break: break-all; }
.steps p { margin: .2rem 0; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--rule); color: var(--quiet); font-size: .9rem; }
form.search { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin: 0 0 1rem; }
form.search label { flex: 1 1 18rem; font-weight: 600; }
input, button { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--quiet); border-radius: .3rem; padding: .45rem .7rem; }
input { font-weight: 400; display: block; width: 100%; margin-top: .2rem; } button { cursor: pointer; font-weight: 600; }
@media (max-width: 32rem) {
  .data th, .data td { padding-right: .5rem; } .month td, .month .day { height: 2.7rem; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --raised: #fff; --ink: #000; --quiet: #4a4f55; --rule: #c8c8c8; --link: #000;
    --good: #145c38; --good-bg: #d9eddf; --calm-bg: #edf2ec; --warn: #7a4100; --warn-bg: #fbe6c2;
    --bad: #98191b; --bad-bg: #fadbd8; --drill: #4a3a8c;
  }
  @page { size: A4; margin: 18mm 16mm 20mm; @bottom-right { content: counter(page) " / " counter(pages); font-size: 8pt; } }
  html { font-size: 9.2pt; }
  body { padding: 0; max-width: none; line-height: 1.4; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav, .skip, .links, form { display: none; }
  main > section { margin-top: 1.4rem; }
  .answers { grid-template-columns: 1fr 1fr; }
  .months { grid-template-columns: repeat(4, 1fr); gap: .8rem 1rem; }
  .data th, .data td { padding: .18rem .6rem .18rem 0; } .data td.number { white-space: nowrap; }
  #calendar { break-inside: avoid; } #register tbody th { white-space: nowrap; }
  .month td, .month .day { height: 2rem; }
  .plots { grid-template-columns: 1fr 1fr; }
  a { text-decoration: none; }
  .answer, .month, tr, figure, pre, li { break-inside: avoid; }
  h2, h3, summary { break-after: avoid; }
  thead { display: table-header-group; }
  details::details-content { content-visibility: visible; block-size: auto; }
  summary { list-style: none; } summary::-webkit-details-marker { display: none; }
  tr:target > * { background: none; }
}
)css";
  return kStyle;
}

std::string page_style_digest() {
  const std::string_view style = page_style();
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(style.data()), style.size(), digest);
  unsigned char base64[4 * ((SHA256_DIGEST_LENGTH + 2) / 3) + 1];
  const int length = EVP_EncodeBlock(base64, digest, SHA256_DIGEST_LENGTH);
  return "sha256-" +
         std::string(reinterpret_cast<const char*>(base64), static_cast<size_t>(length));
}

}  // namespace dolibarr_backup
