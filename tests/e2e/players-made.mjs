// The recordings of other programs (testdata/made/) in both browsers: their replays play through and seek to twenty
// places. Some minutes. `node --test tests/e2e/players-made.mjs`; PLAYERS=gst_av1_opus.mp4,... tries only these.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { firefox, openChromium, openFirefox } from './players-browsers.mjs';
import { load, playThrough, seek } from './players-checks.mjs';
import { Publisher } from './players-publish.mjs';
import { World } from './world.mjs';

const SEEKS = 20;
const only = process.env.PLAYERS?.split(',');
const names = readdirSync(fileURLToPath(new URL('../../testdata/made/', import.meta.url))).filter(
  (name) => !only || only.includes(name),
);
/** Where there is not a picture every second, there is none to wait for. */
const sparse = /^(gap|picture_ends|late_sound|audio)/;

describe('recordings of other programs', { concurrency: false }, () => {
  let world;
  let publisher;
  let fox;
  const pages = {};

  before(async () => {
    world = new World();
    world.data = mkdtempSync(path.join(tmpdir(), 'communiconnect-made-'));
    await world.startServer();
    world.browser = await openChromium();
    publisher = await Publisher.on(world.base);
    pages.chromium = await (await world.browser.newContext({ baseURL: world.base })).newPage();
    if (!firefox) return;
    fox = await openFirefox();
    pages.firefox = await fox.newPage();
  });
  after(async () => {
    await fox?.close();
    await world?.close();
  });

  for (const name of names)
    test(name, async (context) => {
      const id = await publisher.publish(`made/${name}`);
      const api = async (rest) => (await fetch(`${world.base}/api/posts/live/${id}/${rest}`)).json();
      const [{ replay, duration_ms: ms }, { takes }] = [await api(''), await api('timeline/')];
      const isSound = takes.every(({ tracks }) => tracks.every(({ kind }) => kind === 'audio'));
      const files = isSound ? [replay.audio] : [replay.mp4, replay.webm].filter(Boolean);
      assert.notEqual(files.length, 0, 'there is a replay');
      const codecs = takes.flatMap(({ tracks }) => tracks.map(({ codec }) => codec)).join(', ');
      for (const [browser, page] of Object.entries(pages))
        for (const src of files) {
          const wanted = { browser, src, codecs, seconds: ms / 1000, isSparse: sparse.test(name), isLate: name.startsWith('late') };
          await inBrowser(context, page, wanted);
        }
    });

  async function inBrowser(context, page, { browser, src, codecs, seconds, isSparse, isLate }) {
    await page.goto(`${world.base}/healthz`);
    const type = `video/${src.includes('.webm') ? 'webm' : 'mp4'}; codecs="${codecs}"`;
    const plays = await page.evaluate((asked) => document.createElement('video').canPlayType(asked), type);
    if (!plays) return context.diagnostic(`${browser} does not play ${type}`);
    const { duration, fault } = await page.evaluate(load, src);
    assert.equal(fault, undefined, `${browser}: ${src}`);
    // Firefox does not count the time before the first sound of an MP4 whose sound also ends last.
    const slack = browser === 'firefox' && src.includes('.mp4') && isLate ? 0.8 : 0.12;
    assert.ok(Math.abs(duration - seconds) < slack, `${browser}: ${src}: ${duration} s, not ${seconds} s`);
    for (let i = 0; i < SEEKS; i += 1) {
      const to = Math.random() * (duration - 0.15);
      assert.equal(await page.evaluate(seek, { to, hasPicture: !isSparse }), null, `${browser}: ${src}`);
    }
    assert.equal(await page.evaluate(playThrough, { rate: 4, patience: 4_000 }), null, `${browser}: ${src}`);
  }
});
