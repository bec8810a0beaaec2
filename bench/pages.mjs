// What the page of a replay takes on slow 3G and on a slow processor: `scripts/bench.sh pages`, and docs/BENCHMARKS.md.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Publisher } from '../tests/e2e/players-publish.mjs';
import { DESKTOP, PHONE, World } from '../tests/e2e/world.mjs';
import { slowNetwork } from './slow-network.mjs';

const SLOW_3G = { roundTripMs: 400, bitsPerSecond: 400_000 };
const SLOWER_PROCESSOR = 4;
const TURNS = Number(process.env.TURNS ?? 3);
/** A figure that is worse than the one kept by more than this is a regression. */
const WORSE = 4 / 3;
/** What the machine's own unrest may do to a figure, by its unit. */
const UNREST = { s: 0.15, ms: 60, '': 0.01 };
const CODECS = {
  VP8: ['webm', '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libopus'],
  'H.264': ['mp4', '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'],
};
const ROWS = {
  poster: 's',
  title: 's',
  controls: 's',
  'moving picture': 's',
  CLS: '',
  TBT: 'ms',
};

/** Five minutes of 660 kbit/s: twenty seconds, again and again. */
function recording(folder, [extension, ...options]) {
  const once = path.join(folder, `once.${extension}`);
  const file = path.join(folder, `five-minutes.${extension}`);
  const ffmpeg = (...args) => execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args]);
  const picture = 'testsrc2=size=640x360:rate=25:duration=20,noise=alls=6:allf=t';
  const rate = ['-b:v', '600k', '-maxrate', '600k', '-bufsize', '600k', '-g', '100', '-b:a', '60k'];
  ffmpeg('-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', 'sine=duration=20', ...options, ...rate, once);
  const fragments = extension === 'mp4' ? ['-movflags', 'frag_keyframe+empty_moov+default_base_moof'] : [];
  ffmpeg('-stream_loop', '14', '-i', once, '-c', 'copy', ...fragments, file);
  return readFileSync(file);
}

/** Notes in the page when what was first to be seen; runs before its scripts. */
function note() {
  globalThis.seen = { cls: 0, tbt: 0 };
  const { seen } = globalThis;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) seen.cls += value;
  }).observe({ type: 'layout-shift', buffered: true });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.tbt += Math.max(0, duration - 50);
  }).observe({ type: 'longtask', buffered: true });
  const find = (id) => document.querySelector(`[data-testid="${id}"]`);
  const look = () => {
    const now = performance.now();
    const poster = find('player-video')?.poster;
    const isHere = poster && performance.getEntriesByName(poster).some(({ responseEnd }) => responseEnd > 0);
    if (isHere) seen.poster ??= now;
    if (find('live-title')?.textContent) seen.title ??= now;
    if (find('player-play')?.checkVisibility()) seen.controls ??= now;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

async function opened(world, base, viewport, slower = 1) {
  const context = await world.browser.newContext({ viewport, baseURL: base, locale: 'fr-FR' });
  await context.addInitScript(note);
  const page = await context.newPage();
  if (slower > 1) {
    const session = await context.newCDPSession(page);
    await session.send('Emulation.setCPUThrottlingRate', { rate: slower });
  }
  return page;
}

const sinceHtml = (page) =>
  page.evaluate(() => {
    const [{ responseEnd }] = performance.getEntriesByType('navigation');
    const { poster, title, controls } = globalThis.seen;
    return [poster, title, controls].map((at) => (at - responseEnd) / 1_000);
  });

/** Opens and plays it over the slow network. */
async function onSlow3G(world, id, viewport) {
  const network = await slowNetwork(world.base, SLOW_3G);
  try {
    const page = await opened(world, network.base, viewport);
    await page.goto(`/live/${id}`, { waitUntil: 'commit' });
    await page.waitForFunction(() => globalThis.seen.controls && globalThis.seen.poster, null, {
      timeout: 60_000,
    });
    const [poster, title, controls] = await sinceHtml(page);
    // Whoever reads the title asks when all of the page is here.
    await page.waitForLoadState('load');
    const moving = await page.evaluate(async () => {
      const asked = performance.now();
      const video = document.querySelector('[data-testid="player-video"]');
      document.querySelector('[data-testid="player-play"]').click();
      while (!(video.currentTime > 0 && video.videoWidth)) await new Promise(requestAnimationFrame);
      return (performance.now() - asked) / 1_000;
    });
    const cls = await page.evaluate(() => globalThis.seen.cls);
    await page.context().close();
    return { poster, title, controls, 'moving picture': moving, CLS: cls };
  } finally {
    network.close();
  }
}

/** Opens it with a slow processor, and waits until nothing is done any more. */
async function onSlowProcessor(world, id, viewport) {
  const page = await opened(world, world.base, viewport, SLOWER_PROCESSOR);
  await page.goto(`/live/${id}`);
  await page.waitForFunction(() => globalThis.seen.controls, null, { timeout: 60_000 });
  await page.waitForTimeout(1_500);
  const tbt = await page.evaluate(() => globalThis.seen.tbt);
  await page.context().close();
  return { TBT: tbt };
}

/** The figures that docs/BENCHMARKS.md keeps, by row and column. */
function kept() {
  const text = readFileSync(fileURLToPath(new URL('../docs/BENCHMARKS.md', import.meta.url)), 'utf8');
  const part = text.split(/^## /m).find((section) => section.startsWith('pages')) ?? '';
  const lines = part.split('\n').filter((line) => line.startsWith('|'));
  const cells = (line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const [, ...columns] = cells(lines[0] ?? '||');
  return new Map(
    lines.slice(2).flatMap((line) => {
      const [row, ...values] = cells(line);
      return columns.map((column, index) => [`${row} ${column}`, Number.parseFloat(values[index])]);
    }),
  );
}

const best = (figures) => Math.min(...figures);
const world = await World.open();
const folder = mkdtempSync(path.join(tmpdir(), 'communiconnect-pages-'));
const found = new Map();
try {
  const publisher = await Publisher.on(world.base);
  for (const [codec, options] of Object.entries(CODECS)) {
    const id = await publisher.publish({ bytes: recording(folder, options) });
    for (const [screen, viewport] of [
      ['phone', PHONE],
      ['desktop', DESKTOP],
    ]) {
      // The server has answered before: what is measured is the way to it.
      await (await opened(world, world.base, viewport)).goto(`/live/${id}`);
      const turns = [];
      for (let turn = 0; turn < TURNS; turn += 1)
        turns.push({
          ...(await onSlow3G(world, id, viewport)),
          ...(await onSlowProcessor(world, id, viewport)),
        });
      for (const row of Object.keys(ROWS))
        found.set(`${row} ${codec}, ${screen}`, best(turns.map((turn) => turn[row])));
    }
  }
} finally {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
}

const columns = [...new Set([...found.keys()].map((key) => key.replace(/^.*?(?=VP8|H\.264)/, '')))];
console.info(`| | ${columns.join(' | ')} |\n| --- |${' --- |'.repeat(columns.length)}`);
const before = kept();
const worse = [];
for (const [row, unit] of Object.entries(ROWS)) {
  const figures = columns.map((column) => found.get(`${row} ${column}`));
  const written = figures.map((figure) =>
    `${figure.toFixed(unit === 'ms' ? 0 : unit ? 1 : 3)} ${unit}`.trim(),
  );
  console.info(`| ${row} | ${written.join(' | ')} |`);
  columns.forEach((column, index) => {
    const was = before.get(`${row} ${column}`);
    if (was !== undefined && figures[index] > was * WORSE + UNREST[unit])
      worse.push(`${row}, ${column}: ${written[index]}, it was ${was} ${unit}`);
  });
}
if (worse.length) {
  console.error(`worse by more than a third:\n${worse.join('\n')}`);
  process.exitCode = 1;
}
