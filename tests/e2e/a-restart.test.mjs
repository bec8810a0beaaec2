// The server is killed in the middle of a live from a camera, and comes back: the live goes on and nothing is missing.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until, World } from './world.mjs';

describe('a live across a killed server', { concurrency: false }, () => {
  let world;
  let awa;

  before(async () => {
    world = await World.open();
    awa = await world.person('Awa', { path: '/studio' });
  });
  after(() => world?.close());

  test('goes on in the same live, and its replay is whole', async () => {
    await awa.getByTestId('studio-title').fill('Coupure de courant');
    await until(awa, 'the camera', `document.querySelector('[data-testid="studio-preview"]').videoWidth > 0`);
    const begin = Date.now();
    await awa.getByTestId('studio-start').click();
    await awa.getByTestId('live-badge').waitFor();
    const saved = async () => {
      const lives = await (await fetch(`${world.base}/api/posts/live/`)).json();
      return lives.results[0] ?? { saved_ms: 0 };
    };
    const grown = async (ms) => {
      const deadline = Date.now() + 20_000;
      while ((await saved()).saved_ms < ms) {
        assert.ok(Date.now() < deadline, `${(await saved()).saved_ms} of ${ms} ms are saved`);
        await awa.waitForTimeout(100);
      }
    };
    await grown(3_000);
    const before = await saved();
    await world.stopServer('SIGKILL');
    await awa.waitForTimeout(4_000);
    await world.startServer();
    await grown(before.saved_ms + 6_000);
    await awa.getByTestId('studio-stop').click();
    await awa.getByTestId('studio-stop-confirm').click();
    await awa.getByTestId('receipt-replay').waitFor({ timeout: 20_000 });
    const lasted = Date.now() - begin;

    const live = await saved();
    assert.equal(live.id, before.id, 'the same live');
    assert.equal(live.state, 'ended');
    const timeline = await (await fetch(`${world.base}/api/posts/live/${live.id}/timeline/`)).json();
    assert.deepEqual(timeline.gaps, [], 'what was recorded while the server was away came later');
    assert.equal(timeline.takes.length, 1);
    assert.ok(live.duration_ms > lasted - 3_000, `${live.duration_ms} ms are kept of ${lasted} ms`);
    const replay = await fetch(live.replay.mp4 ?? live.replay.webm);
    assert.equal(replay.status, 200);
    assert.equal((await replay.arrayBuffer()).byteLength, Number(replay.headers.get('content-length')));
  });
});
