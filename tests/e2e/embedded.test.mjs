// `<communiconnect-live>` in a page of somebody else's: the browser's own controls, and what our player does by itself.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { clusters } from './clusters.mjs';
import { openChromium } from './players-browsers.mjs';
import { openOurs } from './players-ours.mjs';
import { Publisher } from './players-publish.mjs';
import { RECORDINGS } from './players-recordings.mjs';
import { until, World } from './world.mjs';

const named = (wanted) => RECORDINGS.find(({ name }) => name === wanted);
/** Nothing moves for two seconds: whoever paused for so long has left the edge. */
const LEFT_EDGE_MS = 2_000;

describe('the live in a page of somebody else', { concurrency: false }, () => {
  let world;
  let publisher;
  let page;

  before(async () => {
    world = new World();
    world.data = mkdtempSync(path.join(tmpdir(), 'communiconnect-embedded-'));
    await world.startServer();
    world.browser = await openChromium();
    publisher = await Publisher.on(world.base);
    page = await (await world.browser.newContext({ baseURL: world.base })).newPage();
  });
  after(() => world?.close());

  /** Shows a live that goes on. */
  async function show(recording) {
    const id = await publisher.open(recording);
    await page.goto('/healthz');
    assert.equal(await page.evaluate(openOurs, id), null);
    await until(page, 'it plays', 'ours.video.readyState >= 2 && !ours.video.paused');
    return id;
  }

  /** What somebody does with the bar of the browser's own controls. */
  const drag = (seconds) => page.evaluate(`ours.video.currentTime = ${seconds}`);

  test('is rewound by the browser’s own controls, and stays where it was rewound to', async () => {
    const id = await show(named('webm_vp9_opus.webm'));
    assert.ok(await page.evaluate('ours.video.buffered.start(0) > 10'), 'what is rewound to is not there yet');
    await drag(3);
    await until(page, 'the picture of there', 'ours.video.readyState >= 2 && !ours.video.seeking');
    assert.equal(await page.evaluate('ours.value.atLive'), false);
    await until(page, 'three seconds of it', 'ours.video.currentTime > 6');
    assert.ok(await page.evaluate('ours.video.currentTime < 10'), 'it was not pulled to the edge');
    await publisher.stop(id);
  });

  test('stays paused when it is moved while it is paused', async () => {
    const id = await show(named('webm_vp9_opus.webm'));
    await page.evaluate('ours.video.pause()');
    await drag(8);
    await until(page, 'the picture of there', 'ours.video.readyState >= 2 && Math.abs(ours.video.currentTime - 8) < 0.1');
    assert.ok(await page.evaluate('ours.video.paused'), 'nobody asked it to play');
    await publisher.stop(id);
  });

  test('is at the edge again after a pause, and says so', async () => {
    const id = await show(named('webm_vp9_opus.webm'));
    await page.evaluate('ours.pause()');
    await page.waitForTimeout(LEFT_EDGE_MS + 200);
    await page.evaluate('ours.goLive()');
    await until(page, 'it plays', '!ours.video.paused');
    assert.ok(await page.evaluate('ours.value.atLive'));
    await publisher.stop(id);
  });

  test('waits for a picture that begins after its sound', async () => {
    // Its viewer came before it: of what there is first, the picture is no part.
    const file = path.join(world.data, 'late-picture.webm');
    const source = fileURLToPath(new URL('../../testdata/made/gst_vp9_opus.webm', import.meta.url));
    execFileSync('ffmpeg', [
      ...['-v', 'error', '-i', source, '-itsoffset', '0.8', '-i', source, '-map', '0:a', '-map', '1:v', '-c', 'copy'],
      ...['-f', 'webm', '-live', '1', '-cluster_time_limit', '200', file],
    ]);
    let opening;
    const early = async (id) => {
      await page.goto('/healthz');
      opening = page.evaluate(openOurs, id);
    };
    const { over } = await publisher.pace(clusters(readFileSync(file), 200), early);
    assert.equal(await opening, null);
    await until(page, 'the picture', 'ours.value.mode === "live" && ours.video.getVideoPlaybackQuality().totalVideoFrames > 5');
    await over;
  });

  test('begins again when it is played after the live was watched to its end', async () => {
    const id = await show(named('mp4_avc1_kf1s.mp4'));
    await publisher.stop(id);
    await until(page, 'the replay, at its end', 'ours.value.mode === "replay" && ours.video.readyState >= 1');
    await until(page, 'the place of the end', 'ours.value.edgeMs - ours.value.positionMs < 1_500');
    await page.evaluate('ours.play()');
    await until(page, 'the beginning', '!ours.video.paused && ours.video.currentTime > 0.2 && ours.video.currentTime < 4');
  });

  test('goes from sound alone to a picture and back, and to the edge', async () => {
    const bytes = Buffer.concat([named('audio_webm_opus.webm').bytes, named('made/gst_vp9_opus.webm').bytes]);
    const id = await show({ bytes, isStaged: false });
    const { takes } = await publisher.live(id, 'timeline/');
    assert.deepEqual(
      takes.map(({ tracks }) => tracks.map(({ kind }) => kind).join()),
      ['audio', 'video,audio'],
    );
    const border = takes[1].offset_ms / 1000;
    const pictures = 'ours.video.getVideoPlaybackQuality().totalVideoFrames';

    await page.evaluate(`ours.seek(${border * 1000 - 2_000})`);
    await until(page, 'the sound of before', `ours.video.readyState >= 2 && ours.video.currentTime < ${border}`);
    await until(page, 'the picture after it', `ours.video.currentTime > ${border + 0.3} && ${pictures} > 0`);
    await page.evaluate('ours.seek(1_000)');
    await until(page, 'the sound of the beginning', 'ours.video.readyState >= 2 && ours.video.currentTime < 5');
    await page.evaluate('ours.goLive()');
    await until(page, 'the picture at the edge', `ours.video.currentTime > ${border} && ${pictures} > 0`);
    await page.evaluate(`ours.seek(${border * 1000 - 1_500})`);
    await until(page, 'the sound again', `ours.video.readyState >= 2 && ours.video.currentTime < ${border}`);
    // Told of the end beside the first take, it plays the second all the same.
    await publisher.stop(id);
    await page.evaluate('ours.update({ state: "ended" })');
    await until(page, 'the picture of the second take', `ours.video.currentTime > ${border + 1} && ${pictures} > 0`);
    await until(page, 'the replay', 'ours.value.mode === "replay"');
    await page.evaluate('ours.seek(0)');
    await until(page, 'the beginning of the replay', 'ours.video.readyState >= 2 && ours.video.currentTime < 5');
  });
});
