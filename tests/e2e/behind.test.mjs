// How far a viewer is behind what the camera sees, by the length of the publisher's slices.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { delay, PHONE, timeInPicture, until, World } from './world.mjs';

const seen = `(${timeInPicture})()`;

describe('a viewer is not far behind', { concurrency: false }, () => {
  let world;

  before(async () => {
    world = await World.open();
  });

  after(() => world?.close());

  /** The median age of the picture over six seconds, once the player has come to the edge. */
  async function behind(sliceMs, boundMs) {
    const publisher = await world.person('Awa', { scene: true, path: `/studio?slice=${sliceMs}`, viewport: PHONE });
    await publisher.getByTestId('studio-title').fill(`Tranches de ${sliceMs} ms`);
    await publisher.getByTestId('studio-start').click();
    await publisher.getByTestId('live-badge').waitFor();
    const lives = await publisher.evaluate(async () => (await fetch('/api/posts/live/?state=live')).json());
    const live = lives.results.find((one) => one.title === `Tranches de ${sliceMs} ms`);
    const saved = `fetch('/api/posts/live/${live.id}/').then((answer) => answer.json()).then((live) => live.saved_ms > 2000)`;
    await until(publisher, 'something to watch', saved);
    const viewer = await world.person('Binta');
    await viewer.goto(live.watch_url);
    const near = `(() => { const at = ${seen}; return at && Math.abs(Date.now() - at) <= ${boundMs}; })()`;
    const opened = await until(viewer, `a picture at most ${boundMs} ms old`, near, 20_000);
    const ages = [];
    for (let sample = 0; sample < 40; sample += 1) {
      ages.push(await delay(viewer));
      await viewer.waitForTimeout(150);
    }
    ages.sort((a, b) => a - b);
    const median = ages[Math.floor(ages.length / 2)];
    console.log(`slices of ${sliceMs} ms: near after ${opened} ms; behind: median ${median} ms, worst ${ages.at(-1)} ms`);
    await publisher.context().close();
    await viewer.context().close();
    return median;
  }

  test('by at most three seconds with slices of a second', async () => {
    assert.ok((await behind(1_000, 3_000)) <= 3_000);
  });

  test('by at most 1.2 seconds with slices of a quarter of a second', async () => {
    assert.ok((await behind(250, 1_200)) <= 1_200);
  });
});
