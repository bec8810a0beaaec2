// The matrix of players: what the server gives out, in real browsers. `players-full.mjs` runs all of it.

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { firefox, openChromium, openFirefox } from './players-browsers.mjs';
import { isDrawn, join, load, playThrough, seek, watched } from './players-checks.mjs';
import { Publisher, RECORDINGS, replayOf, secondsOf } from './players-publish.mjs';
import { World } from './world.mjs';

/** Milliseconds from a request for a tail to its first picture: half of them, and all of them, on a busy machine. */
const USUAL_MS = 3_000;
const SLOWEST_MS = 6_000;

/** On a machine without a sound card Firefox plays sound alone only where it is muted. */
function muteVideos() {
  const make = document.createElement.bind(document);
  document.createElement = (name, ...rest) => {
    const element = make(name, ...rest);
    if (name === 'video') element.muted = true;
    return element;
  };
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const isSoundOnly = (name) => name.startsWith('audio');

/**
 * Declares the tests: `names` of recordings, how many places to `seek` to in each replay, how many moments to `join` each
 * live at (0: bare tails are not tried), at which `rate` to play through, whether to play `through` at all, and which lives
 * our own player is to show (`ours`).
 */
export function players({ names, seeks, joins, rate, through, ours = names }) {
  describe('players', { concurrency: false }, () => {
    let world;
    let publisher;
    const pages = {};
    let fox;

    before(async () => {
      world = new World();
      world.data = mkdtempSync(path.join(tmpdir(), 'communiconnect-players-'));
      await world.startServer();
      world.browser = await openChromium();
      publisher = await Publisher.on(world.base);
      pages.chromium = await (await world.browser.newContext({ baseURL: world.base })).newPage();
      if (firefox) {
        fox = await openFirefox();
        pages.firefox = await fox.newPage();
        await pages.firefox.evaluateOnNewDocument(muteVideos);
      }
    });
    after(async () => {
      await fox?.close();
      await world?.close();
    });

    const browsers = ['chromium', ...(firefox ? ['firefox'] : [])];
    /** An empty page of the server's origin. */
    const blank = (browser) => pages[browser].goto(`${world.base}/healthz`);

    for (const name of names) {
      describe(`the replay of ${name}`, { concurrency: false }, () => {
        let id;
        before(async () => {
          id = await publisher.publish(name);
        });
        for (const container of RECORDINGS[name])
          for (const browser of browsers)
            test(`plays and seeks as ${container} in ${browser}`, () => replay(browser, id, name, container));
      });
    }

    /** A replay, or where one file cannot hold its takes, each of them. */
    async function replay(browser, id, name, container) {
      const address = replayOf(id, name, container);
      for (const part of await publisher.files(id, address)) {
        const src = part ? `${address}?take=${part.take}` : address;
        await file(pages[browser], src, isSoundOnly(name), part?.seconds ?? secondsOf(name));
      }
    }

    async function file(page, src, isSound, expected) {
      const hasPicture = !isSound;
      await page.goto(`${world.base}/healthz`);
      const { duration, fault } = await page.evaluate(load, src);
      assert.equal(fault, undefined, src);
      assert.ok(Math.abs(duration - expected) < 0.12, `${src}: a duration of ${duration} s, not ${expected} s`);
      const faults = [];
      for (let i = 0; i < seeks; i += 1) {
        const to = Math.random() * (duration - 0.15);
        const wrong = await page.evaluate(seek, { to, hasPicture });
        if (wrong) faults.push(wrong);
        else if (hasPicture && !(await page.evaluate(isDrawn))) faults.push(`seek to ${to}: nothing to draw`);
      }
      if (through) {
        const wrong = await page.evaluate(playThrough, { rate, patience: 4_000 });
        if (wrong) faults.push(wrong);
      }
      assert.deepEqual(faults, [], src);
    }

    if (joins)
      for (const name of names) {
        test(`the live of ${name} is joined at ${joins} moments`, () => live(name));
      }

    /** Joins a live again and again in every browser, by its bare tails and by the watch page. */
    async function live(name) {
      const { id, begun, joinable, silence, seconds, over } = await publisher.paced(name);
      over.catch(() => undefined);
      const faults = [];
      const took = [];
      const say = (who, what) => faults.push(`${who}, ${what}`);
      const container = isSoundOnly(name) ? 'mp4' : RECORDINGS[name][0];
      for (const browser of browsers) await blank(browser);
      await sleep(begun + joinable * 1000 - Date.now());
      for (let i = 0; i < joins && Date.now() < begun + (seconds - 5) * 1000; i += 1) {
        const at = ((Date.now() - begun) / 1000).toFixed(1);
        const address = `/api/posts/live/${id}/tail.${container}?n=${Math.random()}`;
        for (const browser of browsers) {
          const found = await pages[browser].evaluate(join, { address, seconds: 0.6, hasPicture: !isSoundOnly(name) });
          took.push({ browser, at, ...found });
          if (found.fault) say(`${browser} tail.${container} at ${at} s`, found.fault);
          else if (found.first > SLOWEST_MS) say(`${browser} tail.${container} at ${at} s`, `first picture after ${found.first} ms`);
        }
        await sleep(Math.random() * 500);
      }
      await over;
      assert.deepEqual(faults, [], JSON.stringify(took));
      const usual = took.map(({ first }) => first).sort((one, other) => one - other)[took.length >> 1];
      // A browser that wants more than there is waits for the publisher's next slice.
      const bound = silence > 2_000 ? USUAL_MS + silence : USUAL_MS;
      assert.ok(usual < bound, `half of the joins took more than ${usual} ms: ${JSON.stringify(took)}`);
    }

    for (const browser of browsers)
      for (const name of ours)
        test(`our player shows the live of ${name} in ${browser}, and does not stand still`, () => shown(browser, name));

    /** The watch page during a live: it shows, it moves on, and does not stand still. */
    async function shown(browser, name) {
      const { id, begun, joinable, seconds, over } = await publisher.paced(name);
      over.catch(() => undefined);
      const page = pages[browser];
      await sleep(begun + joinable * 1000 + Math.random() * 2_000 - Date.now());
      const opened = Date.now();
      await page.goto(`${world.base}/live/${id}`);
      let first = null;
      let last = null;
      let still = 0;
      let movedAt = 0;
      const until = begun + (seconds - 1) * 1000;
      while (Date.now() < until) {
        const now = await page.evaluate(watched);
        if (now?.fault) assert.fail(now.fault);
        const moving = now && now.time > (last?.time ?? 0) && (isSoundOnly(name) || now.frames > 0);
        if (moving && first === null) first = Date.now() - opened;
        if (now?.time !== last?.time) movedAt = Date.now();
        else if (first !== null) still = Math.max(still, Date.now() - movedAt);
        last = now;
        await sleep(250);
      }
      await over;
      assert.notEqual(first, null, `nothing was shown: ${JSON.stringify(last)}`);
      assert.ok(first < SLOWEST_MS, `the first picture after ${first} ms`);
      assert.ok(still < 3_000, `it stood still for ${still} ms: ${JSON.stringify(last)}`);
    }
  });
}
