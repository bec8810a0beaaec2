// A browser without MediaSource, as old iPhones are, plays a live by HLS on its own, the conversation in step with it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { timeInPicture, until, World } from './world.mjs';

const seen = `(${timeInPicture})()`;
/** Furthest that two players may be apart in what they call the moment of a picture. */
const NEAR_MS = 250;
/** Slow by nature: whole segments. */
const PATIENCE_MS = 40_000;

describe('without MediaSource', { concurrency: false }, () => {
  let world;
  let studio;
  let live;

  before(async () => {
    world = await World.open();
    studio = await world.person('Awa', { scene: true, path: '/studio?slice=250' });
    await studio.getByTestId('studio-title').fill('Pour un vieux téléphone');
    await studio.getByTestId('studio-start').click();
    await studio.getByTestId('live-badge').waitFor();
    const { results } = await studio.evaluate(async () => (await fetch('/api/posts/live/?state=live')).json());
    [live] = results;
    await saved(9_000);
  });
  after(() => world?.close());

  const saved = (ms) =>
    until(
      studio,
      `${ms} ms are safe`,
      `fetch('/api/posts/live/${live.id}/').then((one) => one.json()).then((now) => now.saved_ms >= ${ms})`,
      PATIENCE_MS,
    );

  async function viewer(hasMediaSource) {
    const page = await world.person(hasMediaSource ? 'Binta' : 'Cheikh');
    if (!hasMediaSource)
      await page.addInitScript(() => {
        delete globalThis.MediaSource;
        delete globalThis.ManagedMediaSource;
      });
    await page.goto(`/live/${live.id}`);
    await until(page, 'a picture that moves', `${seen} !== null && document.querySelector('video').currentTime > 1`, PATIENCE_MS);
    return page;
  }

  /** When the picture was filmed less its moment on the play clock: the same for all who play a live. */
  const began = (page) =>
    page.evaluate(
      (look) =>
        new Promise((done) => {
          const video = document.querySelector('[data-testid="player-video"]');
          video.requestVideoFrameCallback((_, { mediaTime }) => done(new Function(`return ${look}`)() - mediaTime * 1000));
        }),
      seen,
    );

  const seek = (page, ms) =>
    page.getByTestId('player-seek').evaluate((bar, to) => {
      bar.value = String(to);
      bar.dispatchEvent(new Event('input', { bubbles: true }));
      bar.dispatchEvent(new Event('change', { bubbles: true }));
    }, ms);

  test('it is watched, looked back in, and is its own replay', async () => {
    const [usual, bare] = [await viewer(true), await viewer(false)];
    assert.match(await bare.evaluate(`document.querySelector('video').currentSrc`), /\.m3u8/);
    const apart = Math.abs((await began(usual)) - (await began(bare)));
    assert.ok(apart < NEAR_MS, `${apart} ms apart`);
    const place = Number(await bare.getByTestId('player-seek').inputValue());
    const shown = await bare.evaluate(`document.querySelector('video').currentTime * 1000`);
    assert.ok(Math.abs(place - shown) < 1_000, `at ${shown}, told as ${place}`);

    await seek(bare, 2_000);
    await until(
      bare,
      'an earlier picture',
      `document.querySelector('video').currentTime < 5 && !document.querySelector('video').seeking`,
    );
    const back = Math.abs((await began(usual)) - (await began(bare)));
    assert.ok(back < NEAR_MS, `${back} ms apart when looking back`);

    await bare.getByTestId('player-live').click();
    await until(bare, 'the edge again', `(() => { const at = ${seen}; return at && Date.now() - at < 12_000; })()`, PATIENCE_MS);
    await studio.getByTestId('studio-stop').click();
    await studio.getByTestId('studio-stop-confirm').click();
    await until(bare, 'the replay', `document.querySelector('video').currentSrc.includes('/replay.')`, PATIENCE_MS);
    assert.deepEqual(bare.complaints, []);
  });
});
