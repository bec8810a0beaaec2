// A replay that was watched to its end is watched again, by somebody who has no mouse.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Somebody } from './talk.mjs';
import { until, World } from './world.mjs';

const video = `document.querySelector('[data-testid="player-video"]')`;

describe('a replay at its end', { concurrency: false }, () => {
  let world;
  let page;

  before(async () => {
    world = await World.open();
    const awa = await Somebody.join(world, 'Awa');
    const live = await awa.goLive();
    await live.finish();
    await awa.ask('POST', `/api/posts/live/${live.id}/stop/`, {});
    page = await awa.page(live.path);
    await until(page, 'its file', `${video}?.duration > 19`);
  });

  after(() => world?.close());

  async function playOut() {
    await page.evaluate(`${video}.currentTime = ${video}.duration - 0.5; ${video}.play()`);
    await until(page, 'its end', `${video}.ended`);
  }

  const beginsAgain = () =>
    until(page, 'it plays from its start', `!${video}.paused && ${video}.currentTime > 0.3 && ${video}.currentTime < 5`);

  const controls = { 'player-again': 'its button', 'player-seek': 'the seek bar' };
  for (const [control, name] of Object.entries(controls)) {
    for (const key of ['Enter', 'Space']) {
      test(`begins again with ${key} on ${name}`, async () => {
        await playOut();
        await page.getByTestId('player-again').waitFor();
        await page.getByTestId(control).focus();
        await page.keyboard.press(key);
        await beginsAgain();
      });
    }
  }

  test('begins again with a click on its button, and nothing went wrong', async () => {
    await playOut();
    await page.getByTestId('player-again').click();
    await beginsAgain();
    assert.deepEqual(page.complaints, []);
  });
});
