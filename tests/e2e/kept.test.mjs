// What a device keeps: a replay with its conversation, played in step without a network. And what a desktop adds to the page of
// a replay: pictures over the bar, a conversation as wide as somebody likes.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { line, Somebody } from './talk.mjs';
import { accessibilityFaults, artifacts, DESKTOP, PHONE, until, World } from './world.mjs';

const video = `document.querySelector('[data-testid="player-video"]')`;

describe('a replay', { concurrency: false }, () => {
  let world;
  let awa;
  let live;

  before(async () => {
    world = await World.open();
    awa = await Somebody.join(world, 'Awa');
    live = await awa.goLive({ title: 'Réunion du quartier' });
    await awa.say(live, 'Bienvenue', { position: { take: 1, ms: 500 } });
    await awa.say(live, 'Presque fini', { position: { take: 1, ms: 15_000 } });
    await live.finish();
    await awa.ask('POST', `/api/posts/live/${live.id}/stop/`, {});
  });
  after(() => world?.close());

  test('asks for each path of its live at most once before it is played', async () => {
    const page = await awa.page(null, { begins: false });
    const asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(live.path);
    await line(page, 'Bienvenue').or(page.getByText('Aucun message jusqu’ici.')).first().waitFor();
    await page.waitForLoadState('networkidle');
    const ofLive = asked.filter((pathname) => pathname.startsWith('/api/posts/live/'));
    assert.deepEqual(ofLive.toSorted(), [...new Set(ofLive)].toSorted());
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test('shows pictures over its bar, and a conversation as wide as one likes', async () => {
    const page = await awa.page(live.path, { viewport: DESKTOP });
    await until(page, 'it plays', `${video}?.currentTime > 0.5`);
    const bar = page.getByTestId('player-seek');
    await bar.hover();
    const preview = page.getByTestId('seek-preview');
    await until(page, 'a picture', `document.querySelector('[data-testid="seek-preview"]')?.videoWidth > 0`);
    await page.getByTestId('seek-curve').waitFor();
    assert.ok(await preview.isVisible());
    await page.screenshot({ path: path.join(artifacts, 'seek-preview.png') });
    const divider = page.getByRole('separator');
    const before = await page.locator('.right').evaluate((right) => right.offsetWidth);
    await divider.focus();
    await divider.press('ArrowLeft');
    await divider.press('ArrowLeft');
    const wider = await page.locator('.right').evaluate((right) => right.offsetWidth);
    assert.ok(wider > before + 40, `${before} -> ${wider}`);
    assert.equal(await divider.getAttribute('aria-valuenow'), `${wider}`);
    await page.reload();
    await page.getByTestId('live-title').waitFor();
    await until(page, 'as wide as it was', `document.querySelector('.right')?.offsetWidth === ${wider}`);
    assert.deepEqual(await accessibilityFaults(page), []);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test('is kept and plays in step without a network', async () => {
    const page = await awa.page(live.path, { viewport: PHONE, begins: false });
    await page.getByTestId('keep').click();
    await page.getByTestId('keep-video').click();
    await page.getByTestId('keep-done').waitFor();
    assert.deepEqual(page.complaints, []);
    await page.context().setOffline(true);
    await page.goto('/kept');
    const kept = page.getByTestId('kept-live');
    await kept.getByText('Réunion du quartier').waitFor();
    assert.match(await kept.innerText(), /\d(,\d)?\sMo/);
    await page.screenshot({ path: path.join(artifacts, 'kept-phone.png') });
    assert.deepEqual(await accessibilityFaults(page), []);
    await kept.getByRole('link').click();
    await page.getByTestId('player-play').click();
    await until(page, 'it plays', `${video}?.currentTime > 1`);
    await line(page, 'Bienvenue').waitFor();
    assert.equal(await line(page, 'Presque fini').count(), 0);
    await page.evaluate(`${video}.currentTime = 16`);
    await line(page, 'Presque fini').waitFor();
    await page.context().close();
  });
});
