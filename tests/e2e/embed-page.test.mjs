// `/embed/` has the lines to paste, and they work where they are pasted; `/embed/ID` is one live for a frame.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { App } from './app.mjs';
import { Somebody } from './talk.mjs';
import { accessibilityFaults, picture, World } from './world.mjs';

describe('embedding', { concurrency: false }, () => {
  let world;
  let app;
  let awa;
  let live;
  let page;

  before(async () => {
    app = await App.open();
    world = await World.open(['--cors-origins', app.origin]);
    awa = await Somebody.join(world, 'Awa');
    live = await awa.goLive();
    await awa.say(live, 'Bonjour à tous');
    page = await (await world.browser.newContext({ locale: 'fr-FR' })).newPage();
    page.complaints = [];
    page.on('pageerror', (error) => page.complaints.push(`${error}`));
    page.on('console', (message) => {
      if (message.type() === 'error') page.complaints.push(message.text());
    });
  });
  after(async () => {
    await app?.close();
    await world?.close();
  });

  const plays = () => page.waitForFunction(() => document.querySelector('communiconnect-live')?.player?.video.currentTime > 1);

  test('the lines of the page work in a page of another origin, with their integrity', async () => {
    await page.goto(`${world.base}/embed/`);
    assert.deepEqual(await accessibilityFaults(page), []);
    await picture(page, 'embed');
    const lines = await page.locator('#elements').innerText();
    assert.match(lines, new RegExp(`src="${world.base}/embed/communiconnect-live.js"\\s+integrity="sha384-[^"]{64}"`));
    app.page(lines.replaceAll('live-id="7"', `live-id="${live.id}"`));
    await page.goto(app.origin);
    await plays();
    await page.locator('communiconnect-chat').getByText('Bonjour à tous').waitFor();
    // Another script than the one that the lines name is not run.
    app.page(lines.replace('sha384-', 'sha384-AAAA').replaceAll('live-id="7"', `live-id="${live.id}"`));
    page.complaints.length = 0;
    await page.goto(app.origin);
    await page.waitForFunction(() => document.readyState === 'complete');
    assert.equal(await page.evaluate(() => customElements.get('communiconnect-live')), undefined);
  });

  test('one live has a page of its own, with its conversation if that is asked for', async () => {
    page.complaints.length = 0;
    await page.goto(`${world.base}/embed/${live.id}`);
    await plays();
    assert.equal(await page.locator('communiconnect-chat').count(), 0);
    await page.goto(`${world.base}/embed/${live.id}/?chat=1`);
    await plays();
    await page.locator('communiconnect-chat').getByText('Bonjour à tous').waitFor();
    await picture(page, 'embed-live');
    assert.deepEqual(page.complaints, []);
  });
});
