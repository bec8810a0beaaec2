// What the server gives out plays in a bare <video>, without any of our scripts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { until, World } from './world.mjs';

const recording = (name) => readFileSync(new URL(`../../testdata/${name}`, import.meta.url));
const SOURCES = [
  { name: 'webm_vp9_opus.webm', containers: ['mp4', 'webm'], seconds: 20 },
  { name: 'mkv_avc1_opus.mkv', containers: ['mp4'], seconds: 20 },
  { name: 'webm_av1_opus.webm', containers: ['mp4', 'webm'], seconds: 20 },
  { name: 'ff_webm_vp8_opus.webm', containers: ['webm'], seconds: 20 },
];

describe('a bare <video>', { concurrency: false }, () => {
  let world;
  let page;
  let token;

  before(async () => {
    world = await World.open();
    page = await world.person('Awa');
    const answer = await fetch(`${world.base}/api/users/register/`, {
      method: 'POST',
      body: JSON.stringify({ email: 'p@exemple.sn', password: 'une phrase assez longue', first_name: 'P', last_name: 'N' }),
    });
    token = (await answer.json()).tokens.access;
  });
  after(() => world?.close());

  async function published(name, stop) {
    const headers = { Authorization: `Bearer ${token}`, 'Tus-Resumable': '1.0.0' };
    const started = await fetch(`${world.base}/api/posts/live/start/`, { method: 'POST', headers, body: '{}' });
    const { live_id: id } = await started.json();
    const created = await fetch(`${world.base}/api/posts/live/${id}/upload/`, {
      method: 'POST',
      headers: { ...headers, 'Upload-Defer-Length': '1' },
    });
    const location = new URL(created.headers.get('location'), world.base);
    const sent = await fetch(location, {
      method: 'PATCH',
      headers: { ...headers, 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' },
      body: recording(name),
    });
    assert.equal(sent.status, 204);
    if (stop) await fetch(`${world.base}/api/posts/live/${id}/stop/`, { method: 'POST', headers, body: '{}' });
    return id;
  }

  /** A page with nothing but the video in it. */
  async function show(src) {
    await page.goto('/healthz');
    await page.evaluate((address) => {
      document.body.innerHTML = '<video muted></video>';
      globalThis.player = document.querySelector('video');
      globalThis.player.src = address;
    }, src);
  }

  for (const { name, containers, seconds } of SOURCES) {
    for (const container of containers) {
      test(`plays and seeks the replay of ${name} as ${container}`, async () => {
        const id = await published(name, true);
        await show(`/api/posts/live/${id}/replay.${container}`);
        await until(page, 'its metadata', 'player.readyState >= 1 || player.error !== null');
        assert.equal(await page.evaluate('player.error?.message ?? null'), null);
        const duration = await page.evaluate('player.duration');
        assert.ok(Math.abs(duration - seconds) < 1, `a duration of ${duration} s`);
        for (const share of [0.9, 0.1, 0.55, 0, 0.75, 0.3]) {
          const at = share * duration;
          const arrived = await page.evaluate(
            (to) =>
              new Promise((resolve) => {
                player.onseeked = () => resolve(player.currentTime);
                player.onerror = () => resolve(null);
                player.currentTime = to;
              }),
            at,
          );
          assert.ok(arrived !== null && Math.abs(arrived - at) < 0.3, `asked ${at} s, at ${arrived} s`);
        }
        await page.evaluate('player.play()');
        await until(page, 'it plays', `player.currentTime > ${0.3 * duration + 1}`);
      });
    }
  }

  test('plays the tail of a running live', async () => {
    const id = await published('webm_vp9_opus.webm', false);
    await show(`/api/posts/live/${id}/tail.mp4?from_ms=0`);
    await page.evaluate('player.play()');
    const took = await until(page, 'a picture that moves', 'player.currentTime > 1');
    assert.ok(took < 5_000, `${took} ms`);
    await until(page, 'six seconds of it', 'player.currentTime > 6', 12_000);
  });
});
