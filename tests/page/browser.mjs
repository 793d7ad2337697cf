// Debian's Chromium, driven by playwright-core, and axe-core's rules.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

// The packages lie where fetch-browser-tools put them.
const require = createRequire(join(process.env.PAGE_TOOLS, 'package.json'));
const { chromium } = require('playwright-core');
export const axe_source = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // In a container there is neither a namespace for the sandbox nor a large /dev/shm.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  });
}

/// Opens a page, and keeps what it complained of and asked for.
export async function look_at(browser, url, { theme, width, headers }) {
  const context = await browser.newContext({
    colorScheme: theme, viewport: { width, height: width < 600 ? 844 : 800 }, extraHTTPHeaders: headers,
  });
  const page = await context.newPage();
  const complaints = [], requests = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => { if (!request.url().startsWith('data:')) requests.push(request.url()); });
  await page.goto(url);
  return { page, complaints, requests, close: () => context.close() };
}

/// What axe finds, WCAG 2.2 AA and its best practices: rule and element.
export async function violations(page) {
  // Evaluated by the browser's own protocol: the page's policy forbids scripts.
  await page.evaluate(axe_source);
  const { violations: found } = await page.evaluate(() => axe.run(document, {
    resultTypes: ['violations'],
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  return found.flatMap((rule) => rule.nodes.slice(0, 3).map((node) => `${rule.id}: ${node.html.slice(0, 160)} ${node.failureSummary}`));
}
