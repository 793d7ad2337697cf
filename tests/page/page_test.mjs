// The pages in a real browser: both languages, day and night, phone and desktop, paper.
// page_test.mjs PAGES SCREENSHOTS; PAGES is what make-pages wrote, $PROGRAM serves others.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { launch, look_at, violations } from './browser.mjs';

const [pages, screenshots] = process.argv.slice(2).map((path) => resolve(path));
const url = (name) => `file://${join(pages, name)}`;
mkdirSync(screenshots, { recursive: true });

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser.close(); });

const names = readdirSync(pages).filter((name) => name.endsWith('.html')).sort();
assert.equal(names.length, 8);

// A year in every way, the others in one each: what differs is their content, not their looks.
const ways = [];
for (const theme of ['light', 'dark'])
  for (const width of [390, 1280])
    for (const language of ['en', 'fr']) ways.push({ name: `year.${language}.html`, theme, width });
ways.push({ name: 'never.fr.html', theme: 'light', width: 390 }, { name: 'never.en.html', theme: 'dark', width: 1280 },
  { name: 'search.fr.html', theme: 'dark', width: 390 }, { name: 'search.en.html', theme: 'light', width: 1280 },
  { name: 'troubled.fr.html', theme: 'dark', width: 390, open: true }, { name: 'troubled.en.html', theme: 'light', width: 1280, open: true });

describe('every page', { concurrency: 2 }, () => {
  for (const { name, theme, width, open } of ways)
    test(`${name}, ${theme}, ${width} px: accessible, within its width, loads nothing`, async () => {
      const { page, complaints, requests, close } = await look_at(browser, url(name), { theme, width });
      // Closed, the months are hidden from the rules.
      if (open) await page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
      assert.deepEqual(await violations(page), []);
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= window, `${content} px of content in ${window}`);
      assert.deepEqual(complaints, []);
      assert.deepEqual(requests, [url(name)]);
      await page.screenshot({ path: join(screenshots, `${name.slice(0, -5)}.${theme}.${width}.png`), fullPage: true });
      await close();
    });
});

test('the first screen of a desktop answers all four questions', async () => {
  const { page, close } = await look_at(browser, url('year.en.html'), { theme: 'light', width: 1280 });
  for (const question of ['Are we covered today?', 'Since when?', 'Can we restore?', 'What was the state on a given day?']) {
    const box = await page.getByRole('heading', { name: question }).boundingBox();
    assert.ok(box && box.y + box.height < 800, question);
  }
  await close();
});

test('a day of the calendar opens its line of the register', async () => {
  const { page, close } = await look_at(browser, url('year.en.html'), { theme: 'light', width: 1280 });
  const line = page.locator('[id="d-2026-03-31"]');
  assert.equal(await line.isVisible(), false);
  await page.locator('.month a[href="#d-2026-03-31"]').click();
  await line.waitFor({ state: 'visible' });
  assert.match(await line.innerText(), /31 March 2026 at 04:15 CEST/);
  await close();
});

test('the keyboard leads past the header and past the calendar', async () => {
  const { page, close } = await look_at(browser, url('year.en.html'), { theme: 'light', width: 1280 });
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
  await page.keyboard.press('Enter');
  assert.ok((await page.evaluate(() => location.hash)) === '#content');
  await page.locator('a[href="#register"].skip').focus();
  assert.ok(await page.locator('a[href="#register"].skip').isVisible());
  await close();
});

test('it reads the same with scripts switched off', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(url('year.fr.html'));
  await page.getByText('Sommes-nous couverts').waitFor();
  await context.close();
  // Nothing that runs, and nothing that the policy would have to allow.
  for (const name of names) {
    const { page: shown, close } = await look_at(browser, url(name), { theme: 'light', width: 1280 });
    assert.deepEqual(await shown.evaluate(() => [...document.querySelectorAll('*')].filter((one) =>
      ['SCRIPT', 'IFRAME', 'IMG', 'OBJECT'].includes(one.tagName) || [...one.attributes].some(({ name, value }) =>
        name.startsWith('on') || name === 'style' || /^javascript:/i.test(value))).map((one) => one.outerHTML)), []);
    await close();
  }
});

test('on paper it is A4, light, with every day in the open', async () => {
  const { page, close } = await look_at(browser, url('year.fr.html'), { theme: 'dark', width: 1280 });
  const pdf = await page.pdf({ preferCSSPageSize: true, path: join(screenshots, 'year.fr.pdf') });
  const sizes = [...pdf.toString('latin1').matchAll(/\/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]/g)];
  assert.ok(sizes.length >= 8, `${sizes.length} pages`);
  for (const [, wide, high] of sizes) {
    assert.ok(Math.abs(wide - 595) < 2, wide);
    assert.ok(Math.abs(high - 842) < 2, high);
  }
  await page.emulateMedia({ media: 'print' });
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)');
  assert.ok((await page.locator('[id="d-2026-03-31"]').boundingBox()).height > 0);
  await close();
});

test('the served pages load nothing else, keep their policy, and end with their server', { timeout: 60_000 }, async () => {
  const token = '0123456789abcdef0123456789abcdef';
  const store = join(screenshots, 'empty-store');
  mkdirSync(store, { recursive: true });
  writeFileSync(join(screenshots, 'token'), token);
  const server = spawn(process.env.PROGRAM, ['--directory', store, '--database', 'none', '--documents', '/nowhere', '--env', 'prod', 'serve', '--listen', '127.0.0.1:0',
    '--token-file', join(screenshots, 'token')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(server, 'exit');
  const [line] = await Promise.race([once(createInterface(server.stdout), 'line'), ended.then(() => assert.fail('the server ended'))]);
  const root = line.replace('listening on ', '');
  try {
    const headers = { authorization: `Bearer ${token}` };
    for (const [path, theme, width] of [['prod/?lang=fr', 'dark', 390], ['prod/documents?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E', 'light', 1280]]) {
      const { page, complaints, requests, close } = await look_at(browser, root + path, { theme, width, headers });
      assert.deepEqual(await violations(page), []);
      assert.deepEqual(complaints, []);
      assert.deepEqual(requests, [root + path]);
      await close();
    }
    // As a person does it: the browser asks for the token, and the search leads on.
    const context = await browser.newContext({ httpCredentials: { username: 'reader', password: token } });
    const page = await context.newPage();
    await page.goto(root);
    assert.equal(page.url(), `${root}prod/`);
    await page.getByRole('link', { name: 'Documents in the backups' }).click();
    await page.getByLabel('Name or path').fill('FA2606');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByText('0 versions').waitFor();
    await page.goBack();
    await page.goto(`${root}prod/`);
    await page.getByRole('link', { name: 'Version française' }).click();
    await page.getByRole('heading', { name: 'Rapport de sauvegarde' }).waitFor();
    await context.close();
  } finally {
    server.kill('SIGTERM');
  }
  assert.deepEqual(await ended, [0, null]);
});
