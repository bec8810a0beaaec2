// A long conversation and a crowd leave the page usable. The bounds are on the work done, not on the time it took: the
// machine may be busy with other things. `scrolling.mjs` and `crowd.mjs` print what it is in full.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { crowd, endure } from './crowd.mjs';
import { cost, prepare, scroll } from './scrolling.mjs';
import { until } from './world.mjs';

/** A frame's share of the main thread at 60 frames a second on a processor a quarter as fast, in CPU milliseconds here. */
const FRAME_MS = 1_000 / 60 / 4;
const MESSAGES = 800;
/** How much slower than the one of docs/BENCHMARKS.md the machine of a test may be. */
const SLOWER = 2;

describe('a busy conversation', { concurrency: false }, () => {
  let held;
  before(async () => {
    held = await prepare(MESSAGES);
  });
  after(() => held?.world.close());

  test('scrolls within the work that a slow phone does sixty times a second', async () => {
    const { page, cdp, box } = held;
    await page.evaluate(() => document.querySelector('video').pause());
    const [distance, speed] = [5_000, 2_000];
    const found = await cost(page, cdp, () => scroll(cdp, box, -distance, speed));
    // By distance, so that frames left out on a busy machine do not count as cheap ones.
    const spent = (found.spent.TaskDuration * 1_000) / ((distance / speed) * 60);
    console.log(
      `${spent.toFixed(2)} ms of CPU for a sixtieth of a second's scrolling; ${FRAME_MS.toFixed(2)} ms is all there is`,
    );
    assert.ok(spent < FRAME_MS * SLOWER, `${spent} ms`);
    const drawn = await page.getByTestId('chat-message').count();
    assert.ok(drawn > 5 && drawn < 60, `${drawn} lines are drawn of ${MESSAGES}`);
  });

  test('a hundred messages a second leave most of the processor to the picture, and keys are taken', async () => {
    const { page, cdp, world, live, awa } = held;
    await page.getByTestId('chat-unread').click();
    const talk = await crowd(world, live, 100);
    const found = await endure(page, cdp, 4);
    await talk.stop();
    const share = found.spent.TaskDuration / found.seconds;
    console.log(
      `${talk.sent} messages in the time: ${(share * 100).toFixed(0)} % of a core, a key shows after ${found.keys.median.toFixed(0)} ms`,
    );
    assert.ok(talk.sent > 300, `${talk.sent}`);
    assert.ok(share < 0.25 * SLOWER, `${share} of a core`);
    assert.ok(found.keys.median < 1_000, `a key shows after ${found.keys.median} ms`);
    const all = await awa.ask('GET', `/api/posts/live/${live.id}/`);
    await until(page, 'the last line', `[...document.querySelectorAll('[data-seq]')].at(-1)?.dataset.seq === '${all.messages}'`);
  });
});
