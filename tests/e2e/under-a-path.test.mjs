// The server under a path of somebody else's address, behind nginx as docs/INTEGRATE.md has it: every page, in a browser.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PHONE, until, World } from './world.mjs';

const document = readFileSync(fileURLToPath(new URL('../../docs/INTEGRATE.md', import.meta.url)), 'utf8');
const video = `globalThis.document.querySelector('[data-testid="player-video"]')`;

async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}

/** nginx with the configuration of the page, without the certificate. */
class Nginx {
  constructor(port, server) {
    this.folder = mkdtempSync(path.join(tmpdir(), 'communiconnect-nginx-'));
    const here = (name) => path.join(this.folder, name);
    const [, block] = /```nginx under-a-path\n([\s\S]*?)```/.exec(document);
    const text = block
      .replace(/^.*ssl_certificate.*\n/gm, '')
      .replace('listen 443 ssl', `listen 127.0.0.1:${port}`)
      .replaceAll('http://127.0.0.1:8080', server);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${here(name)};`);
    writeFileSync(
      here('nginx.conf'),
      `daemon off; master_process off; pid ${here('pid')}; error_log ${here('errors')} warn; events {}
       http { ${temporary.join(' ')} access_log off; ${text} }`,
    );
    this.child = spawn('nginx', ['-e', here('errors'), '-p', this.folder, '-c', here('nginx.conf')], { stdio: 'ignore' });
    this.port = port;
  }

  async listens() {
    for (;;) {
      const socket = connect(this.port, '127.0.0.1');
      const is = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(
        () => false,
      );
      socket.destroy();
      if (is) return;
    }
  }

  async close() {
    const gone = once(this.child, 'exit');
    this.child.kill();
    await gone;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe('under a path of another address', { concurrency: false }, () => {
  let world;
  let proxy;
  let base;
  let awa;
  let binta;
  let liveUrl;

  before(async () => {
    const port = await freePort();
    base = `http://127.0.0.1:${port}/live`;
    world = await World.open(['--public-url', base, '--trust-proxy']);
    proxy = new Nginx(port, world.base);
    await proxy.listens();
  });
  after(async () => {
    await world?.close();
    await proxy?.close();
  });

  /** A browser of its own, which notes what it complains of and what it asks of other places than ours. */
  async function opened(viewport) {
    const context = await world.browser.newContext({
      ...(viewport && { viewport }),
      locale: 'fr-FR',
      permissions: ['camera', 'microphone'],
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.complaints = [];
    page.on('pageerror', (error) => page.complaints.push(`${error}`));
    page.on('console', (message) => {
      if (message.type() === 'error') page.complaints.push(`${message.text()} (${message.location().url})`);
    });
    const note = (url) => {
      if (/^(http|ws)/.test(url) && !url.replace(/^ws/, 'http').startsWith(`${base}/`)) page.complaints.push(`asked ${url}`);
    };
    page.on('request', (request) => note(request.url()));
    page.on('websocket', (socket) => note(socket.url()));
    return page;
  }

  async function signUp(page, firstName, arrives) {
    await page.getByTestId('register-first-name').fill(firstName);
    await page.getByTestId('register-last-name').fill('Ndiaye');
    await page.getByTestId('register-email').fill(`${firstName.toLowerCase()}@exemple.sn`);
    await page.getByTestId('register-password').fill('une phrase assez longue');
    await page.getByTestId('register-submit').click();
    await page.waitForURL(arrives);
  }

  test('Awa signs up and goes live', async () => {
    awa = await opened(PHONE);
    await awa.goto(`${base}/`);
    await awa.locator('a[href="/live/studio"]').first().click();
    await awa.waitForURL(`${base}/login?next=%2Fstudio`);
    await awa.locator('a[href^="/live/register"]').click();
    await signUp(awa, 'Awa', `${base}/studio`);
    await awa.getByTestId('studio-title').fill('Coucher de soleil à Ngor');
    await awa.getByTestId('studio-start').click();
    await awa.getByTestId('live-badge').waitFor();
    await awa
      .getByTestId('saved-until')
      .filter({ hasText: /\d:\d\d/ })
      .waitFor();
  });

  test('Binta finds it on the first page, watches, signs in and talks', async () => {
    binta = await opened();
    await binta.goto(`${base}/`);
    await binta.getByText('Coucher de soleil à Ngor').first().click();
    await binta.waitForURL(/\/live\/live\/\d+$/);
    liveUrl = binta.url();
    await until(binta, 'the picture moves', `${video}?.currentTime > 0.5`);
    await binta.locator('a.join').click();
    await binta.waitForURL((url) => url.pathname === '/live/login');
    await binta.locator('a[href^="/live/register"]').click();
    await signUp(binta, 'Binta', liveUrl);
    await binta.getByTestId('chat-input').fill('Bonjour Awa');
    await binta.getByTestId('chat-send').click();
    await binta.getByTestId('chat-message').filter({ hasText: 'Bonjour Awa' }).waitFor();
    await awa.getByText('Bonjour Awa').first().waitFor();
    await binta.reload();
    await until(binta, 'the picture moves again', `${video}?.currentTime > 0.5`);
  });

  test('the live ends and is a replay, in a frame too', async () => {
    await awa.getByTestId('studio-stop').click();
    await awa.getByTestId('studio-stop-confirm').click();
    await awa.getByTestId('receipt-replay').click();
    await awa.waitForURL(liveUrl);
    await awa.goto(liveUrl.replace('/live/live/', '/live/embed/'));
    await awa.waitForFunction(() => globalThis.document.querySelector('communiconnect-live')?.player);
    await awa.goto(`${base}/embed/`);
    assert.match(await awa.locator('#elements').innerText(), new RegExp(`src="${base}/embed/communiconnect-live.js"`));
    assert.match(await awa.locator('#frame').innerText(), new RegExp(`src="${base}/embed/7"`));
    await binta.locator('a[href="/live/"]').first().click();
    await binta.waitForURL(`${base}/`);
    assert.deepEqual([...awa.complaints, ...binta.complaints], []);
  });
});
