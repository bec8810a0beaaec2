// The matrix of players: what the server gives out, in real browsers. `players-full.mjs` runs all of it.

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { firefox, openChromium, openFirefox } from './players-browsers.mjs';
import { isDrawn, join, load, playThrough, seek, watched } from './players-checks.mjs';
import { becomesReplay, openOurs, playThroughOurs, seekOurs } from './players-ours.mjs';
import { Publisher } from './players-publish.mjs';
import { World } from './world.mjs';

/** Milliseconds from a request for a tail to its first picture: half of them, and all of them, on a busy machine. */
const USUAL_MS = 3_000;
const SLOWEST_MS = 6_000;
/** Standing still for longer is a fault, in milliseconds. */
const PATIENCE_MS = 4_000;
/** A browser keeps six connections to a server: no more tails than that are read at a time. */
const TAILS = 5;
/** In a live of so many seconds all joins find their time, one after the other. */
const LONG_S = 10;

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
const canPlay = (type) => document.createElement('video').canPlayType(type);
const canStream = (types) => types.every((type) => MediaSource.isTypeSupported(type));

/**
 * Declares the tests: of which `recordings`, how many places to `seek` to in each, how many moments to `join` each live at
 * (0: bare tails are not tried), at which `rate` to play through (0: not at all), and whose lives our own player is to
 * follow as they come (`followed`).
 */
export function players({ recordings, seeks, joins, rate, followed = recordings }) {
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
    const isLive = (recording) => !recording.isStaged;

    for (const recording of recordings) {
      describe(recording.name, { concurrency: false }, () => {
        let id;
        before(async () => {
          id = await publisher.publish(recording);
        });
        for (const container of recording.containers)
          for (const browser of browsers)
            test(`plays and seeks as ${container} in ${browser}`, (context) =>
              replay(context, browser, id, recording, container));
        if (rate)
          for (const browser of browsers)
            test(`plays and seeks in our player in ${browser}`, (context) => ours(context, browser, recording));
        if (joins && isLive(recording)) test(`is joined at ${joins} moments`, (context) => live(context, recording));
        if (followed.includes(recording) && isLive(recording))
          for (const browser of browsers)
            test(`is followed by our player in ${browser}`, (context) => follow(context, browser, recording));
      });
    }

    /** The codecs of a live, of all its takes. */
    async function codecsOf(id) {
      const { takes } = await publisher.live(id, 'timeline/');
      return [...new Set(takes.flatMap(({ tracks }) => tracks.map(({ codec }) => codec)))];
    }

    /** Whether a browser says that it plays a file; what it does not play is said and passed over. */
    async function plays(context, browser, id, container) {
      const type = `video/${container.replace('m4a', 'mp4')}; codecs="${(await codecsOf(id)).join(', ')}"`;
      if (await pages[browser].evaluate(canPlay, type)) return true;
      context.diagnostic(`${browser} does not play ${type}`);
      return false;
    }

    /** A replay, or where one file cannot hold its takes, each of them. */
    async function replay(context, browser, id, recording, container) {
      const { replay: offered, duration_ms: ms } = await publisher.live(id);
      const address = recording.replay(id, container);
      if (!(await plays(context, browser, id, container))) return;
      const whole = recording.isMade ? ms / 1000 : recording.seconds();
      const parts = await publisher.files(id, address);
      // Of sound alone the API names one address; where one file cannot hold the takes, none.
      const named = recording.isSound ? offered.audio : offered[container];
      assert.equal(Boolean(named), parts[0] === null, `${address}: ${named}`);
      for (const part of parts) {
        const src = part ? `${address}?take=${part.take}` : address;
        await file(browser, src, recording, part?.seconds ?? whole);
      }
    }

    async function file(browser, src, recording, expected) {
      const hasPicture = !recording.isSound && !recording.isSparse;
      const page = pages[browser];
      await blank(browser);
      const { duration, fault } = await page.evaluate(load, src);
      assert.equal(fault, undefined, src);
      // Firefox does not count the time before the first sound of an MP4 whose sound also ends last; see BROWSERS.
      const slack = browser === 'firefox' && recording.name.includes('late_sound') && src.includes('.mp4') ? 0.8 : 0.12;
      assert.ok(Math.abs(duration - expected) < slack, `${src}: a duration of ${duration} s, not ${expected} s`);
      const faults = [];
      for (let i = 0; i < seeks; i += 1) {
        const to = Math.random() * (duration - 0.15);
        const wrong = await page.evaluate(seek, { to, hasPicture });
        if (wrong) faults.push(wrong);
        else if (hasPicture && !(await page.evaluate(isDrawn))) faults.push(`seek to ${to}: nothing to draw`);
      }
      if (rate) {
        const wrong = await page.evaluate(playThrough, { rate, patience: PATIENCE_MS });
        if (wrong) faults.push(wrong);
      }
      assert.deepEqual(faults, [], src);
    }

    /** Our player reads all of a live from its tails, seeks in them, plays them to the edge, and shows the replay at the end. */
    async function ours(context, browser, recording) {
      const id = await publisher.open(recording);
      const { saved_ms: ms } = await publisher.live(id);
      // What is less than a second and a half from the edge is the edge: of the shortest, all is.
      const last = ms / 1000 - 1.5;
      if (last < 0.5) {
        await publisher.stop(id);
        return context.diagnostic(`${ms} ms are all edge`);
      }
      const page = pages[browser];
      await blank(browser);
      const types = (await codecsOf(id)).map((codec) => `video/${codec === 'vp8' ? 'webm' : 'mp4'}; codecs="${codec}"`);
      if (!(await page.evaluate(canStream, types))) {
        await publisher.stop(id);
        return context.diagnostic(`${browser} does not take ${types} by Media Source`);
      }
      assert.equal(await page.evaluate(openOurs, id), null);
      const faults = [];
      // Beside a track that has ended, or has not begun, there is nothing to play together with it.
      const { from, to: end } = recording.common();
      const hasPicture = !recording.isSound && !recording.isSparse;
      const until = Math.min(end, ms / 1000);
      for (let i = 0; i < seeks; i += 1) {
        const to = from + Math.random() * Math.max(0, Math.min(end - 0.6, last) - from);
        const wrong = await page.evaluate(seekOurs, { to, hasPicture });
        if (wrong) faults.push(wrong);
        else if (hasPicture && !(await page.evaluate(isDrawn))) faults.push(`seek to ${to}: nothing to draw`);
      }
      const wrong = await page.evaluate(playThroughOurs, { rate, patience: PATIENCE_MS, until });
      if (wrong) faults.push(wrong);
      await publisher.stop(id);
      const left = await page.evaluate(becomesReplay);
      if (left) faults.push(left);
      assert.deepEqual(faults, []);
    }

    /** Joins a live at random moments in every browser by bare tails: again and again, where it is over before the last. */
    async function live(context, recording) {
      const faults = [];
      const took = [];
      let silence = 0;
      for (let left = joins; left > 0; ) {
        const paced = await publisher.pace(recording.chunks());
        silence = Math.max(silence, paced.silence);
        await publisher.shows(paced.id, recording.isSound ? 'audio' : 'video');
        for (const browser of browsers) await blank(browser);
        const moments = paced.seconds > LONG_S ? left : Math.min(left, TAILS);
        left -= moments;
        const found = await joined(context, recording, paced, moments);
        await paced.over;
        took.push(...found);
      }
      // A bare tail in Firefox shows nothing before a second group of pictures has begun; see BROWSERS.
      const second = recording.secondGroup();
      // And what wants more than there is waits for the publisher's next slice; Chromium for a whole block.
      const wait = Math.max(silence > 2_000 ? silence : 0, recording.isSparse ? recording.blockMs() : 0);
      const slowest = (browser, at) => SLOWEST_MS + wait + (browser === 'firefox' ? Math.max(0, second - at) * 1000 : 0);
      for (const { browser, at, fault, first } of took) {
        if (fault) faults.push(`${browser} at ${at} s: ${fault}`);
        else if (first > slowest(browser, at)) faults.push(`${browser} at ${at} s: first picture after ${first} ms`);
      }
      assert.deepEqual(faults, [], JSON.stringify(took));
      const usual = took.map(({ first }) => first).sort((one, other) => one - other)[took.length >> 1];
      assert.ok(!took.length || usual < USUAL_MS + wait, `half of the joins took more than ${usual} ms: ${JSON.stringify(took)}`);
    }

    async function joined(context, recording, { id, begun, seconds }, moments) {
      const able = [];
      for (const browser of browsers) if (await plays(context, browser, id, recording.tail)) able.push(browser);
      const now = (Date.now() - begun) / 1000;
      // The last moments leave something to see.
      const ends = Math.max(now, seconds - (seconds > LONG_S ? 5 : 0.5));
      const starts = Array.from({ length: moments }, () => now + Math.random() * (ends - now));
      const each = async (start) => {
        await sleep(begun + start * 1000 - Date.now());
        return Promise.all(able.map((browser) => tail(browser, recording, id, start)));
      };
      return (await Promise.all(starts.map(each))).flat();
    }

    async function tail(browser, recording, id, start) {
      const address = `/api/posts/live/${id}/tail.${recording.tail}?n=${Math.random()}`;
      const hasPicture = !recording.isSound;
      return {
        browser,
        at: Number(start.toFixed(1)),
        ...(await pages[browser].evaluate(join, { address, seconds: 0.6, hasPicture })),
      };
    }

    /** The watch page during a live: it shows, it moves on, and does not stand still. */
    async function follow(context, browser, recording) {
      const page = pages[browser];
      const watch = (live) => page.goto(`${world.base}/live/${live}`);
      // A short one is over before a page is open: who wants to see it waits for it, and it comes at half its speed.
      const whole = recording.chunks();
      const isShort = whole.at(-1).at < 5_000;
      const chunks = isShort ? whole.map(({ at, bytes }) => ({ at: at * 2, bytes })) : whole;
      const { id, seconds, begun, silence, over } = await publisher.pace(chunks, isShort ? watch : undefined);
      await publisher.shows(id, recording.isSound ? 'audio' : 'video');
      if (!(await plays(context, browser, id, recording.tail))) return over;
      if (!isShort) await sleep(Math.random() * 2_000);
      const opened = Date.now();
      if (!isShort) await watch(id);
      let first = null;
      let last = null;
      /** The longest time without a movement, in milliseconds; and the same beside something that is buffered. */
      const still = { at: 0, longest: 0, fed: 0, longestFed: 0 };
      const until = begun + (seconds - 1) * 1000;
      while (Date.now() < until || first === null) {
        const now = await page.evaluate(watched);
        if (now?.fault) assert.fail(now.fault);
        const moving = now && now.time > (last?.time ?? 0) && (recording.isSound || now.frames > 0);
        if (moving && first === null) first = Date.now() - opened;
        if (now && first !== null) watchStill(still, now, last);
        last = now;
        assert.ok(Date.now() - opened < SLOWEST_MS || first !== null, `nothing was shown: ${JSON.stringify(last)}`);
        await sleep(250);
      }
      await over;
      assert.ok(still.longestFed < 3_000, `it stood still for ${still.longestFed} ms: ${JSON.stringify(last)}`);
      assert.ok(still.longest < silence + 3_000, `nothing to show for ${still.longest} ms: ${JSON.stringify(last)}`);
    }

    function watchStill(still, now, last) {
      const lead = Math.max(0, ...now.buffered.map(([start, end]) => (start <= now.time ? end - now.time : 0)));
      if (!still.at || now.time !== last?.time) still.at = Date.now();
      if (!still.fed || now.time !== last?.time || lead < 0.6) still.fed = Date.now();
      still.longest = Math.max(still.longest, Date.now() - still.at);
      still.longestFed = Math.max(still.longestFed, Date.now() - still.fed);
    }
  });
}
