// A person at a browser: a real one, headless, that opens a URL, logs in, answers, and says what it saw at the end.
//
//   node browser.mjs --report FILE [--name alice] [--answer allow|deny] [--words TEXT] [--elsewhere] URL
//
//   --answer     what the person says when asked (default allow)
//   --words      the reason that the person gives; the provider hands it on
//   --elsewhere  the browser is on another machine: it reaches the provider, and nothing else
//
// FILE, written when the browser has ended, is JSON: {address, status, title, text, elements, dialogs, hosts, headers} of the last
// page, where `elements` are the tags in its body, `dialogs` what a script showed, `hosts` all that the browser spoke to; or {error}.
//
// environment              default
//   TOKEND_TEST_CHROMIUM   /usr/bin/chromium
//   HOME                   where its profile is, for as long as it runs

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { chromium } from 'playwright-core';

const PATIENCE = 25_000;
const FLAGS = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-breakpad', '--disable-crash-reporter'];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    report: { type: 'string' },
    name: { type: 'string', default: 'alice' },
    answer: { type: 'string', default: 'allow' },
    words: { type: 'string', default: '' },
    elsewhere: { type: 'boolean', default: false },
  },
});
const [url] = positionals;
const deadline = setTimeout(() => report({ error: `it took longer than ${PATIENCE} ms` }), PATIENCE);
report(await browse().catch((error) => ({ error: String(error) })));

async function browse() {
  const profile = mkdtempSync(join(homedir(), 'browser-'));
  const origin = new URL(url).origin;
  const proxy = options.elsewhere ? await proxyTo(origin) : undefined;
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.TOKEND_TEST_CHROMIUM || '/usr/bin/chromium',
    headless: true,
    chromiumSandbox: false,
    timeout: PATIENCE,
    args: FLAGS,
    ...(proxy && { proxy: { server: proxy.url, bypass: '<-loopback>' } }),
  });
  try {
    return await visit(context, origin);
  } finally {
    await context.close();
    proxy?.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

async function visit(context, origin) {
  const [page] = context.pages();
  const hosts = new Set();
  const dialogs = [];
  let last;
  page.on('request', (request) => hosts.add(new URL(request.url()).host));
  page.on('response', (response) => {
    if (response.request().isNavigationRequest()) last = response;
  });
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    return dialog.dismiss();
  });
  await page.goto(url);
  // The last page has no form: one that submits itself passes by.
  for (;;) {
    const next = page.locator('#login, #allow, body:not(:has(form))').first();
    await next.waitFor({ state: 'attached' });
    const id = await next.getAttribute('id');
    if (id === 'login') await logIn(page);
    else if (id === 'allow') await answer(page);
    else break;
  }
  return {
    address: page.url(),
    status: last.status(),
    title: await page.title(),
    text: await page.locator('body').innerText(),
    elements: await page.locator('body *').evaluateAll((all) => [...new Set(all.map((it) => it.localName))]),
    headers: last.headers(),
    dialogs,
    hosts: [...hosts],
    away: new URL(page.url()).origin !== origin,
  };
}

async function logIn(page) {
  await page.fill('[name=name]', options.name);
  await page.fill('[name=password]', `${options.name}-password`);
  await leave(page, '#login');
}

async function answer(page) {
  if (options.words) await page.fill('[name=words]', options.words);
  await leave(page, options.answer === 'deny' ? '#deny' : '#allow');
}

async function leave(page, button) {
  await Promise.all([page.waitForEvent('framenavigated'), page.click(button)]);
}

/// A way to one place only.
async function proxyTo(origin) {
  const server = createServer((incoming, outgoing) => {
    if (!URL.canParse(incoming.url) || new URL(incoming.url).origin !== origin) {
      outgoing.writeHead(502, { 'content-type': 'text/html' }).end('<!doctype html><title>Not here</title>');
      return;
    }
    const { method, headers } = incoming;
    const forward = request(incoming.url, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    forward.on('error', () => outgoing.destroy());
    incoming.pipe(forward);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/// Whole or not at all: whoever waits for the file reads it as soon as it is there.
function report(seen) {
  clearTimeout(deadline);
  writeFileSync(`${options.report}.new`, JSON.stringify(seen));
  renameSync(`${options.report}.new`, options.report);
  process.exit(seen.error ? 1 : 0);
}
