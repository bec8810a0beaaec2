// One browser, plain HTTP/1.1, many tabs: browsers open six connections to a host for all tabs together, and nobody who
// watches may keep another page, or a publisher, from having one.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Publisher } from './players-publish.mjs';
import { RECORDINGS } from './players-recordings.mjs';
import { timeInPicture, until, World } from './world.mjs';

const TABS = 10;
const PREVIEWS = 8;
const EMBEDDED = 4;
/** So much of what the camera sees has to come to every tab, and into the recording, in milliseconds. */
const A_WHILE = 3_000;
/** On a machine of two cores that decodes fifteen pictures at once everything takes its time. */
const BUSY_MS = 60_000;
/** Nobody sees nor hears a live for so long: it is let go of by then, in milliseconds. */
const LET_GO = 30_000;

const seen = `(${timeInPicture})()`;
const frames = (video) => `${video}.getVideoPlaybackQuality().totalVideoFrames`;

/** The page's tails that are open: their WebSockets, and the requests of players that can have none. */
function tailsOf(page) {
  const tails = { sockets: 0, opened: 0, requests: 0 };
  page.on('websocket', (socket) => {
    if (!socket.url().includes('/tail/ws')) return;
    tails.sockets += 1;
    tails.opened += 1;
    socket.on('close', () => {
      tails.sockets -= 1;
    });
  });
  page.on('request', (request) => {
    if (/\/tail\.(mp4|webm)/.test(request.url())) tails.requests += 1;
  });
  return tails;
}

describe('many tabs in one browser', { concurrency: false }, () => {
  let world;
  let studio;
  let live;
  const tab = async () => studio.context().newPage();

  before(async () => {
    world = await World.open();
    studio = await world.person('Awa', { scene: true, path: '/studio' });
    await studio.getByTestId('studio-title').fill('À dix');
    await studio.getByTestId('studio-start').click();
    await studio.getByTestId('live-badge').waitFor();
    const { results } = await studio.evaluate(async () => (await fetch('/api/posts/live/')).json());
    [live] = results;
    await until(studio, 'something to watch', `(async () => (${saved.toString()})(${live.id}).then((ms) => ms > 2_000))()`);
  });
  after(() => world?.close());

  /** Milliseconds of the live that are durable, asked for by the studio's own browser. */
  async function saved(id) {
    return (await (await fetch(`/api/posts/live/${id}/`)).json()).saved_ms;
  }

  /** Waits until the camera's time in the picture has moved on. */
  async function advances(page, what) {
    await until(page, `${what}: a picture`, `${seen} !== null`, BUSY_MS);
    const from = await page.evaluate(seen);
    await until(page, `${what}: the picture moves`, `${seen} > ${from + A_WHILE}`, BUSY_MS);
  }

  async function studioSaves() {
    const before = await studio.evaluate(saved, live.id);
    await until(
      studio,
      'the studio saves on',
      `(${saved.toString()})(${live.id}).then((ms) => ms > ${before + A_WHILE})`,
      BUSY_MS,
    );
  }

  test('ten watch, one publishes, a home page and a page of four lives open', async () => {
    const publisher = await Publisher.on(world.base);
    const [recording] = RECORDINGS.filter(({ name }) => name === 'webm_vp9_opus.webm');
    for (let preview = 0; preview < PREVIEWS; preview += 1) await publisher.open(recording);

    const tabs = [];
    for (let number = 0; number < TABS; number += 1) {
      const page = await tab();
      await page.goto(live.watch_url);
      tabs.push(page);
    }
    const home = await tab();
    await home.goto('/');
    const cards = `document.querySelectorAll('article img').length`;
    await until(home, 'the lives that run, each with its picture', `${cards} >= ${PREVIEWS}`, BUSY_MS);
    const shown = `[...document.querySelectorAll('article img')].slice(0, ${PREVIEWS})`;
    await home.evaluate(`${shown}.forEach((image) => image.scrollIntoView())`);
    await until(home, 'the pictures', `${shown}.every((image) => image.naturalWidth > 0)`, BUSY_MS);

    const elsewhere = await tab();
    await elsewhere.goto('/healthz');
    await elsewhere.evaluate(
      async ({ id, count }) => {
        await import('/embed/communiconnect-live.js');
        const elements = Array.from({ length: count }, () => document.createElement('communiconnect-live'));
        for (const element of elements) element.setAttribute('live-id', `${id}`);
        document.body.replaceChildren(...elements);
        globalThis.videos = elements.map((element) => element.player.video);
      },
      { id: live.id, count: EMBEDDED },
    );
    for (const [number, page] of tabs.entries()) await advances(page, `tab ${number + 1}`);
    for (let number = 0; number < EMBEDDED; number += 1) {
      const video = `videos[${number}]`;
      await until(elsewhere, `embedded ${number + 1}`, `${frames(video)} > 10 && ${video}.readyState >= 2`, BUSY_MS);
    }
    await studioSaves();
    // One more page of the site still loads.
    await home.reload();
    await until(home, 'the home page again', `${cards} >= ${PREVIEWS}`, BUSY_MS);
    for (const page of [...tabs, home, elsewhere]) await page.close();
  });

  test('who neither sees nor hears it holds no connection, and comes back to the edge', async () => {
    const page = await tab();
    const tails = tailsOf(page);
    await page.addInitScript(() => {
      globalThis.away = false;
      Object.defineProperty(document, 'hidden', { get: () => globalThis.away });
    });
    await page.goto(live.watch_url);
    await advances(page, 'a tab');
    assert.deepEqual(tails, { sockets: 1, opened: 1, requests: 0 });
    const video = `document.querySelector('[data-testid="player-video"]')`;
    await page.evaluate(`${video}.muted = true; globalThis.away = true`);
    const gone = Date.now();
    while (tails.sockets > 0) {
      assert.ok(Date.now() - gone < LET_GO, 'it was not let go of');
      await page.waitForTimeout(200);
    }
    await until(page, 'the last picture', `Date.now() - ${seen} > ${2 * A_WHILE}`, BUSY_MS);
    await page.evaluate('globalThis.away = false');
    await until(page, 'a new picture', `Date.now() - ${seen} < ${A_WHILE}`, BUSY_MS);
    assert.equal(tails.opened, 2);
    await page.close();
  });

  test('where no WebSocket can be had, the endless requests carry it', async () => {
    const page = await tab();
    const tails = tailsOf(page);
    await page.addInitScript(() => {
      const Real = globalThis.WebSocket;
      globalThis.WebSocket = class extends Real {
        constructor(url) {
          super(`${url}`.replace('/tail/ws', '/nowhere'));
        }
      };
    });
    await page.goto(live.watch_url);
    await advances(page, 'a tab');
    assert.equal(tails.requests, 2, 'one for each track');
    await page.close();
  });
});
