// What opening and playing a replay costs in script, as a browser loads it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Publisher } from './players-publish.mjs';
import { RECORDINGS } from './players-recordings.mjs';
import { until, World } from './world.mjs';

/** Most script of our own for a replay, in bytes as they are sent. */
const MOST = 50_000;

describe('the watch page', { concurrency: false }, () => {
  let world;
  let publisher;
  let id;

  before(async () => {
    world = await World.open();
    publisher = await Publisher.on(world.base);
    id = await publisher.open(RECORDINGS.find(({ name }) => name === 'webm_vp9_opus.webm'));
    await publisher.stop(id);
  });
  after(() => world?.close());

  const visitor = async () => (await world.browser.newContext({ baseURL: world.base, locale: 'fr-FR' })).newPage();

  test('loads at most 50 kB of script to open a replay and play it', async () => {
    const page = await visitor();
    const loaded = new Map();
    page.on('response', (response) => {
      if (response.request().resourceType() !== 'script') return;
      assert.equal(response.headers()['content-encoding'] ?? 'br', 'br');
      loaded.set(response.url(), Number(response.headers()['content-length']));
    });
    await page.goto(`/live/${id}`);
    await page.getByTestId('player-play').click();
    await until(page, 'it plays', `document.querySelector('[data-testid=player-video]')?.currentTime > 1`);
    const total = [...loaded.values()].reduce((sum, size) => sum + size, 0);
    assert.ok(total > 0 && total <= MOST, `${total} bytes:\n${[...loaded].map((one) => one.join(' ')).join('\n')}`);
  });

  test('asks for its words and for itself at once, not one after the other', async () => {
    const page = await visitor();
    const asked = page.waitForRequest(/\/Watch-[^/]*\.js$/);
    // The words come only when the page was asked for too.
    await page.route(/\/assets\/fr-[^/]*\.js$/, async (route) => {
      await asked;
      await route.continue();
    });
    await page.goto(`/live/${id}`);
    await page.getByTestId('player-video').waitFor();
  });
});
