// A phone whose screen went off sends its sound and no picture. Who watches goes on hearing it, and sees the picture again
// when it is back.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { clusters } from './clusters.mjs';
import { watched } from './players-checks.mjs';
import { Publisher } from './players-publish.mjs';
import { PHONE, until, World } from './world.mjs';

const RECORDING = fileURLToPath(new URL('../../testdata/webm_vp9_opus.webm', import.meta.url));
/** Seconds of the recording without a picture; it comes back with a keyframe. */
const HIDDEN = { from: 5, to: 12 };

/** The recording without the frames of those seconds, in clusters of a second, each to be sent when it is over. */
function slices(file) {
  const drop = `gt(pts*tb,${HIDDEN.from})*lt(pts*tb,${HIDDEN.to})`;
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-i', RECORDING, '-c', 'copy', '-bsf:v', `noise=drop='${drop}'`],
    ...['-f', 'webm', '-live', '1', '-cluster_time_limit', '1000', file],
  ]);
  return clusters(readFileSync(file), 1_000);
}

describe('a camera that falls silent', { concurrency: false }, () => {
  let world;
  before(async () => {
    world = await World.open();
  });
  after(() => world?.close());

  test('leaves the sound playing, and its picture comes back', async () => {
    const publisher = await Publisher.on(world.base);
    const { id, over } = await publisher.pace(slices(path.join(world.data, 'hidden.webm')));
    over.catch(() => undefined);
    const page = await world.person('Binta');
    await page.goto(`/live/${id}`);
    const shown = (what) => `Boolean(document.querySelector('[data-testid="${what}"]'))`;
    const time = 'document.querySelector("[data-testid=player-video]").currentTime';
    await until(page, 'the sentence that the picture is paused', shown('player-missing'));
    const heard = await page.evaluate(time);
    assert.ok(heard < HIDDEN.to, `only noticed at ${heard} s`);
    await until(page, 'sound beyond where the picture stopped', `${time} > ${heard + 1.5}`);
    assert.ok(await page.evaluate(shown('player-missing')), 'the sound goes on without the picture');
    await until(page, 'the picture again', `!${shown('player-missing')} && ${time} > ${HIDDEN.to}`);
    await until(page, 'pictures of after that', `(${watched})().frames > 10`);
    await over;
    assert.deepEqual(page.complaints, []);
  });

  test('does not hold back the sound of its own phone: that goes on in a take of its own', async () => {
    const awa = await world.person('Awa', { scene: true, path: '/studio', viewport: PHONE });
    await awa.getByTestId('studio-title').fill('Écran éteint');
    await awa.getByTestId('studio-start').click();
    await awa.getByTestId('live-badge').waitFor();
    const { results } = await (await fetch(`${world.base}/api/posts/live/?state=live`)).json();
    const { id } = results.find(({ title }) => title === 'Écran éteint');
    const takes = async () => {
      const timeline = await (await fetch(`${world.base}/api/posts/live/${id}/timeline/`)).json();
      return timeline.takes.map(({ tracks, duration_ms: ms }) => ({
        ms,
        kinds: tracks
          .map(({ kind }) => kind)
          .sort()
          .join(),
      }));
    };
    const reaches = async (what, isTrue) => {
      const begin = Date.now();
      for (let found = await takes(); !isTrue(found); found = await takes()) {
        assert.ok(Date.now() - begin < 20_000, `${what}: ${JSON.stringify(found)}`);
        await awa.waitForTimeout(100);
      }
    };
    await reaches('two seconds of both', ([first]) => first?.ms > 2_000);
    await awa.evaluate('globalThis.frozen = true');
    await reaches('two seconds of sound alone', ([, second]) => second?.kinds === 'audio' && second.ms > 2_000);
    await awa.evaluate('globalThis.frozen = false');
    await reaches('both again', ([, , third]) => third?.kinds === 'audio,video' && third.ms > 1_000);
    await awa.getByTestId('studio-stop').click();
    await awa.getByTestId('studio-stop-confirm').click();
    await awa.getByTestId('receipt').waitFor();
    const live = await (await fetch(`${world.base}/api/posts/live/${id}/`)).json();
    const { status } = await fetch(live.replay.mp4 ?? live.replay.webm, { method: 'HEAD' });
    assert.equal(status, 200, 'one file holds all of it');
    assert.deepEqual(awa.complaints, []);
  });
});
