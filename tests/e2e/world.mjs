// One server and one browser for a test of the pages: started fresh, left clean.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
export const artifacts = path.join(root, 'artifacts');

/** What a device keeps on which somebody wants replays to begin without being asked. */
export const BEGINS = { 'communiconnect.watching': JSON.stringify({ begins: true }) };

/** Stores this in a page, before its own scripts and only at first: what it stores itself later, holds. */
export function store(items) {
  for (const [key, value] of Object.entries(items)) if (!localStorage.getItem(key)) localStorage.setItem(key, value);
}

/** Phone and desktop, the two widths at which the pages are looked at. */
export const PHONE = { width: 360, height: 740 };
export const DESKTOP = { width: 1280, height: 800 };

export class World {
  /** `options`: further ones of `serve`. */
  static async open(options = []) {
    const world = new World();
    mkdirSync(artifacts, { recursive: true });
    world.data = mkdtempSync(path.join(tmpdir(), 'communiconnect-e2e-'));
    await world.startServer(options);
    world.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync),
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--use-fake-device-for-media-stream',
        '--use-fake-ui-for-media-stream',
        '--autoplay-policy=no-user-gesture-required',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    });
    return world;
  }

  /** Starts the server, on the same directory and port when it was running before, with further options of `serve`. */
  async startServer(options = []) {
    const program = process.env.COMMUNICONNECT_BIN ?? path.join(root, 'target/debug/communiconnect');
    const listen = this.base ? new URL(this.base).host : '127.0.0.1:0';
    this.server = spawn(program, ['serve', '--listen', listen, '--data-dir', this.data, ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.log = '';
    this.server.stderr.on('data', (text) => {
      this.log = (this.log + text).slice(-200_000);
    });
    const lines = createInterface({ input: this.server.stdout });
    const [line] = await Promise.race([
      once(lines, 'line'),
      once(this.server, 'exit').then(() => {
        throw new Error(`the server left before it was ready:\n${this.log}`);
      }),
    ]);
    this.base = line.replace(/^ready /, '').replace(/\/$/, '');
  }

  async stopServer(signal = 'SIGTERM') {
    if (this.server.exitCode !== null || this.server.signalCode !== null) return;
    const gone = once(this.server, 'exit');
    this.server.kill(signal);
    await gone;
  }

  /** A person: a browser context of their own, signed up through the page. */
  async person(firstName, { viewport = DESKTOP, scene = false, path: next = '/' } = {}) {
    const context = await this.browser.newContext({
      viewport,
      baseURL: this.base,
      locale: 'fr-FR',
      permissions: ['camera', 'microphone'],
      reducedMotion: 'reduce',
    });
    await context.addInitScript(store, BEGINS);
    const page = await context.newPage();
    page.complaints = [];
    page.on('pageerror', (error) => page.complaints.push(`${error}`));
    page.on('console', (message) => {
      if (message.type() === 'error') page.complaints.push(`${message.text()} (${message.location().url})`);
    });
    if (scene) await page.addInitScript({ content: readFileSync(new URL('./scene.js', import.meta.url), 'utf8') });
    await page.goto(`/register?next=${encodeURIComponent(next)}`);
    await page.getByTestId('register-first-name').fill(firstName);
    await page.getByTestId('register-last-name').fill('Ndiaye');
    await page.getByTestId('register-email').fill(`${firstName.toLowerCase()}${Math.random().toString(36).slice(2)}@exemple.sn`);
    await page.getByTestId('register-password').fill('une phrase assez longue');
    await page.getByTestId('register-submit').click();
    await page.waitForURL((url) => url.pathname === new URL(next, this.base).pathname);
    return page;
  }

  async close() {
    await this.browser?.close();
    await this.stopServer();
    rmSync(this.data, { recursive: true, force: true });
  }
}

/** What axe-core finds wrong with a page, as readable lines. */
export async function accessibilityFaults(page) {
  await page.evaluate(readFileSync(axe, 'utf8'));
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 160)}`));
  });
}

/** A picture of the page at both widths, kept in artifacts/. */
export async function picture(page, name) {
  const before = page.viewportSize();
  for (const [label, size] of [
    ['phone', PHONE],
    ['desktop', DESKTOP],
  ]) {
    await page.setViewportSize(size);
    await page.waitForTimeout(250);
    await page.screenshot({ path: path.join(artifacts, `${name}-${label}.png`) });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) throw new Error(`${name} at ${label} width scrolls sideways by ${wide} px`);
  }
  await page.setViewportSize(before);
}

/**
 * The wall clock time, in milliseconds, that the picture of the page's video carries, or null.
 * The scene writes it as 32 dark or light squares along the lower edge.
 */
export function timeInPicture() {
  const video = document.querySelector('[data-testid="player-video"]');
  if (!video || video.readyState < 2 || !video.videoWidth) return null;
  const canvas = document.createElement('canvas');
  canvas.width = 640;
  canvas.height = 360;
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  pen.drawImage(video, 0, 0, 640, 360);
  let code = 0n;
  for (let bit = 0; bit < 32; bit += 1) {
    const [red, green, blue] = pen.getImageData(bit * 8 + 4, 356, 1, 1).data;
    code = code * 2n + (red + green + blue > 384 ? 1n : 0n);
  }
  const top = Math.floor(Date.now() / 2 ** 32) * 2 ** 32;
  return top + Number(code);
}

/** How old the shown picture is, in milliseconds, or null. */
export async function delay(page) {
  return page.evaluate(`(() => { const at = (${timeInPicture})(); return at === null ? null : Date.now() - at; })()`);
}

/** Waits until something in the page is true, and returns how long it took in milliseconds. */
export async function until(page, what, expression, timeout = 15_000) {
  const begin = Date.now();
  for (;;) {
    if (await page.evaluate(expression)) return Date.now() - begin;
    if (Date.now() - begin > timeout) throw new Error(`${what}: not within ${timeout} ms`);
    await page.waitForTimeout(50);
  }
}
