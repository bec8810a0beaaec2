// A flash is seen, somebody speaks of it; whatever happens to the recording, on the replay the two are together.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { line, Somebody } from './talk.mjs';
import { PHONE, timeInPicture, until, World } from './world.mjs';

const seen = `(${timeInPicture})()`;
/** Furthest that a message may be from its picture. */
const NEAR_MS = 250;

describe('messages and pictures in step', { concurrency: false }, () => {
  let world;
  let awa;
  let binta;
  let viewer;
  let liveId;
  let path;
  /** What was written, by the time that the picture showed when it was. */
  const spoken = new Map();

  before(async () => {
    world = await World.open();
    awa = await world.person('Awa', { scene: true, path: '/studio?slice=250', viewport: PHONE });
    binta = await Somebody.join(world, 'Binta');
    await awa.getByTestId('studio-title').fill('Des éclairs');
    await awa.getByTestId('studio-start').click();
    await awa.getByTestId('live-badge').waitFor();
    const { results } = await awa.evaluate(async () => (await fetch('/api/posts/live/?state=live')).json());
    [{ id: liveId }] = results;
    path = `/live/${liveId}`;
    await saved(2_500);
    viewer = await binta.page(path);
    await until(viewer, 'a picture that moves', `${seen} !== null && document.querySelector('video').currentTime > 1`);
  });

  after(() => world?.close());

  const live = () => binta.ask('GET', `/api/posts/live/${liveId}/`);
  async function saved(ms) {
    await until(
      awa,
      `${ms} ms are safe`,
      `fetch('/api/posts/live/${liveId}/').then((one) => one.json()).then((live) => live.saved_ms >= ${ms})`,
      40_000,
    );
  }

  /** Writes, and notes the time in the picture at the moment of sending, from within the page: nothing comes between. */
  async function speak(text) {
    await viewer.getByTestId('chat-input').fill(text);
    const at = await viewer.evaluate(
      ([look]) =>
        new Promise((done) => {
          const video = document.querySelector('[data-testid="player-video"]');
          const see = new Function(`return (${look})()`);
          const next = () => {
            const shown = see();
            document.querySelector('[data-testid="chat-send"]').click();
            done(shown);
          };
          // The next picture that is put on the screen; while it stands still, the one that is there.
          if (video.paused) next();
          else video.requestVideoFrameCallback(next);
        }),
      [`${timeInPicture}`],
    );
    assert.ok(at !== null, 'a picture is there');
    await line(viewer, text).waitFor();
    spoken.set(text, at);
  }

  const seek = (ms) =>
    viewer.getByTestId('player-seek').evaluate((bar, to) => {
      bar.value = String(to);
      bar.dispatchEvent(new Event('input', { bubbles: true }));
      bar.dispatchEvent(new Event('change', { bubbles: true }));
    }, ms);

  test('at the edge, and when somebody looks back', async () => {
    await speak('Premier éclair');
    await viewer.waitForTimeout(700);
    await speak('Deuxième éclair');
    await saved(7_000);
    await seek(1_500);
    await until(viewer, 'an earlier picture', `(() => { const at = ${seen}; return at && Date.now() - at > 3500; })()`);
    await until(viewer, 'it plays', `document.querySelector('video').currentTime > 2`);
    await speak('En arrière');
  });

  test('after the network was away for a while, and a second take', async () => {
    await awa.context().setOffline(true);
    await awa.waitForTimeout(2_500);
    await awa.context().setOffline(false);
    const before = (await live()).saved_ms;
    await saved(before + 4_000);
    await viewer.getByTestId('player-live').click();
    await until(viewer, 'the edge again', `(() => { const at = ${seen}; return at && Date.now() - at < 4000; })()`, 30_000);
    await speak('Après la coupure');
    const takes = async () => (await binta.ask('GET', `/api/posts/live/${liveId}/timeline/`)).takes.length;
    const known = await takes();
    // Another quality is another recording: a take of its own.
    await awa.getByTestId('studio-live-quality').selectOption('low');
    await until(
      awa,
      'a second take',
      `fetch('/api/posts/live/${liveId}/timeline/').then((one) => one.json()).then((all) => all.takes.length > ${known})`,
      30_000,
    );
    await saved((await live()).saved_ms + 4_000);
    await until(viewer, 'it shows the present', `(() => { const at = ${seen}; return at && Date.now() - at < 4000; })()`, 30_000);
    await speak('Deuxième prise');
  });

  test('who looks ten seconds back reads what was said then, and what is said now when its picture comes', async () => {
    const behind = await binta.page(path);
    await until(behind, 'a picture', `${seen} !== null`);
    const edge = (await live()).saved_ms;
    await behind.getByTestId('player-seek').evaluate((bar, to) => {
      bar.value = String(to);
      bar.dispatchEvent(new Event('input', { bubbles: true }));
      bar.dispatchEvent(new Event('change', { bubbles: true }));
    }, edge - 10_000);
    await until(behind, 'it is behind', `(() => { const at = ${seen}; return at && Date.now() - at > 6000; })()`);
    await speak('Dit maintenant');
    const said = spoken.get('Dit maintenant');
    assert.equal(await line(behind, 'Dit maintenant').count(), 0);
    await behind.getByTestId('chat-at-once').check();
    await line(behind, 'Dit maintenant').waitFor();
    await behind.getByTestId('chat-at-once').uncheck();
    await line(behind, 'Dit maintenant').waitFor({ state: 'detached' });
    // Twice as fast it comes twice as soon, still with its picture.
    await behind.getByTestId('player-speed').selectOption('2');
    await line(behind, 'Dit maintenant').waitFor({ timeout: 20_000 });
    const shown = await behind.evaluate(seen);
    const rate = await behind.evaluate(() => document.querySelector('video').playbackRate);
    console.log(`it came ${shown - said} ms of the picture after it was said, at ${rate} times the speed`);
    assert.ok(shown >= said - NEAR_MS, 'not before its picture');
    assert.ok(shown - said < 3_000, `${shown - said} ms late`);
    await behind.context().close();
  });

  test('on the replay every message stands at the picture that it was said of', async () => {
    await awa.getByTestId('studio-stop').click();
    await awa.getByTestId('studio-stop-confirm').click();
    await awa.getByTestId('receipt-replay').waitFor({ timeout: 30_000 });
    const messages = await binta.ask('GET', `/api/posts/live/${liveId}/chat/messages/`);
    assert.equal(messages.length, spoken.size);
    const page = await binta.page(path);
    await page.getByTestId('replay-badge').waitFor({ timeout: 15_000 });
    await page.evaluate(() => document.querySelector('video').pause());
    for (const message of messages) {
      await page.evaluate(
        (to) =>
          new Promise((done) => {
            const video = document.querySelector('video');
            const arrived = () => {
              if (Math.abs(video.currentTime - to) < 0.2 && video.readyState >= 2 && !video.seeking)
                requestAnimationFrame(() => requestAnimationFrame(done));
              else setTimeout(arrived, 30);
            };
            video.currentTime = to;
            arrived();
          }),
        message.position_ms / 1_000,
      );
      const shown = await page.evaluate(seen);
      const off = shown - spoken.get(message.content);
      console.log(`${message.content}: at ${message.position_ms} ms, its picture is ${off} ms off`);
      assert.ok(Math.abs(off) <= NEAR_MS, `${message.content} is ${off} ms from its picture`);
    }
  });

  test('seeking either way shows at once what was said up to there', async () => {
    const page = await binta.page(`${path}?t=0.5`);
    await page.getByTestId('replay-badge').waitFor({ timeout: 15_000 });
    await until(page, 'a picture', `document.querySelector('video').readyState >= 2`);
    const messages = (await binta.ask('GET', `/api/posts/live/${liveId}/chat/messages/`)).sort(
      (a, b) => a.position_ms - b.position_ms,
    );
    for (const index of [5, 1, 3, 0]) {
      const message = messages[index];
      await page.evaluate(
        (to) => {
          const video = document.querySelector('video');
          video.pause();
          video.currentTime = to;
        },
        (message.position_ms + 400) / 1_000,
      );
      await line(page, message.content).waitFor({ timeout: 5_000 });
      const later = messages.filter((one) => one.position_ms > message.position_ms + 900);
      for (const one of later) await line(page, one.content).waitFor({ state: 'detached', timeout: 5_000 });
    }
  });
});
