// hls.js follows a live close behind it, sees its end, and seeks in the whole of it afterwards; nothing of it fails.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { timeInPicture, until, World } from './world.mjs';

const library = createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js');
const recording = (name) => readFileSync(new URL(`../../testdata/${name}`, import.meta.url));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Of a live of so many milliseconds, a slice comes this often. */
const SLICE_MS = 250;
/** From the address to a picture, in milliseconds. */
const START_MS = 3_000;
/** Behind what is filmed, in milliseconds, half of the time. */
const USUAL_DELAY_MS = 2_000;

const RECORDINGS = [
  { name: 'webm_vp9_opus.webm', ms: 20_000 },
  { name: 'mkv_avc1_opus.mkv', ms: 20_000 },
  { name: 'webm_av1_opus.webm', ms: 20_000 },
];

describe('hls.js', { concurrency: false }, () => {
  let world;
  let page;
  let headers;

  before(async () => {
    world = await World.open();
    page = await (await world.browser.newContext({ baseURL: world.base })).newPage();
    const answer = await fetch(`${world.base}/api/users/register/`, {
      method: 'POST',
      body: JSON.stringify({ email: 'h@exemple.sn', password: 'une phrase assez longue', first_name: 'H', last_name: 'N' }),
    });
    headers = { Authorization: `Bearer ${(await answer.json()).tokens.access}`, 'Tus-Resumable': '1.0.0' };
  });
  after(() => world?.close());

  async function started() {
    const live = await fetch(`${world.base}/api/posts/live/start/`, { method: 'POST', headers, body: '{}' });
    const { live_id: id } = await live.json();
    const created = await fetch(`${world.base}/api/posts/live/${id}/upload/`, {
      method: 'POST',
      headers: { ...headers, 'Upload-Defer-Length': '1' },
    });
    return { id, location: new URL(created.headers.get('location'), world.base), offset: 0 };
  }

  async function send(live, bytes) {
    const sent = await fetch(live.location, {
      method: 'PATCH',
      headers: { ...headers, 'Upload-Offset': String(live.offset), 'Content-Type': 'application/offset+octet-stream' },
      body: bytes,
    });
    assert.equal(sent.status, 204);
    live.offset += bytes.length;
  }

  const stop = ({ id }) => fetch(`${world.base}/api/posts/live/${id}/stop/`, { method: 'POST', headers, body: '{}' });

  async function address({ id }) {
    const live = await (await fetch(`${world.base}/api/posts/live/${id}/`)).json();
    return live.hls_url;
  }

  /** Sends a recording as if it was filmed now. */
  async function film(live, bytes, ms) {
    const began = Date.now();
    const slices = Math.ceil(ms / SLICE_MS);
    for (let slice = 0; slice < slices; slice += 1) {
      await sleep(Math.max(0, began + (slice + 1) * SLICE_MS - Date.now()));
      const [from, to] = [slice, slice + 1].map((number) => Math.floor((bytes.length * number) / slices));
      await send(live, bytes.subarray(from, to));
    }
  }

  /** A page with hls.js and a video. */
  async function open(url) {
    await page.goto('/healthz');
    await page.addScriptTag({ path: library });
    await page.evaluate((source) => {
      document.body.innerHTML = '<video muted></video>';
      globalThis.player = document.querySelector('video');
      globalThis.faults = [];
      globalThis.began = performance.now();
      player.addEventListener('playing', () => {
        globalThis.startedAfter ??= performance.now() - began;
      });
      // A player that is behind what the playlist asks for catches up.
      globalThis.hls = new Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.5 });
      hls.on(Hls.Events.ERROR, (_, { fatal, type, details, error }) => {
        faults.push({ fatal, type, details, words: String(error) });
      });
      hls.loadSource(source);
      hls.attachMedia(player);
      player.play();
    }, url);
  }

  async function mustHaveNoFatalFault() {
    const faults = await page.evaluate('faults');
    assert.deepEqual(
      faults.filter(({ fatal }) => fatal),
      [],
      JSON.stringify(faults),
    );
    return faults;
  }

  /** Where the picture stands after a seek. */
  async function seek(to) {
    await page.evaluate((at) => {
      globalThis.arrived = null;
      player.onseeked = () => {
        globalThis.arrived = player.currentTime;
      };
      player.currentTime = at;
      player.play();
    }, to);
    await until(page, `the picture at ${to} s`, 'globalThis.arrived !== null', 10_000);
    return page.evaluate('arrived');
  }

  /** Half of the pictures are shown at most this many milliseconds after they were filmed. */
  async function medianDelay(how, count) {
    const delays = [];
    while (delays.length < count) {
      await sleep(100);
      const behind = await page.evaluate(how);
      if (behind !== null) delays.push(behind);
    }
    delays.sort((a, b) => a - b);
    return delays[delays.length >> 1];
  }

  test('is two seconds behind what a camera films', { timeout: 120_000 }, async () => {
    const camera = await world.person('Awa', { scene: true });
    const live = await started();
    await camera.evaluate(
      async ({ location, token, sliceMs }) => {
        const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
        const mimeType = 'video/webm;codecs=vp9,opus';
        const recorder = new MediaRecorder(stream, { mimeType, videoKeyFrameIntervalDuration: 2_000 });
        let offset = 0;
        let sending = Promise.resolve();
        recorder.ondataavailable = ({ data }) => {
          sending = sending.then(async () => {
            const headers = { Authorization: token, 'Tus-Resumable': '1.0.0', 'Upload-Offset': `${offset}` };
            headers['Content-Type'] = 'application/offset+octet-stream';
            await fetch(location, { method: 'PATCH', headers, body: data });
            offset += data.size;
          });
        };
        recorder.start(sliceMs);
      },
      { location: live.location.pathname, token: headers.Authorization, sliceMs: SLICE_MS },
    );
    await sleep(8_000);
    await open(await address(live));
    await until(page, 'a picture', 'globalThis.startedAfter !== undefined');
    const startedAfter = await page.evaluate('startedAfter');
    await sleep(5_000);
    const seen = `(${timeInPicture})()`.replace(`document.querySelector('[data-testid="player-video"]')`, 'player');
    const behind = `(() => { const at = ${seen}; return at === null ? null : Date.now() - at; })()`;
    const median = await medianDelay(behind, 100);
    console.log(`a picture after ${Math.round(startedAfter)} ms, ${median} ms behind`);
    await camera.close();
    await mustHaveNoFatalFault();
    assert.ok(startedAfter <= START_MS, `a picture after ${startedAfter} ms`);
    assert.ok(median <= USUAL_DELAY_MS, `${median} ms behind`);
  });

  for (const { name, ms } of RECORDINGS) {
    test(`follows a live of ${name} and seeks in all of it`, { timeout: 120_000 }, async () => {
      const live = await started();
      const filming = film(live, recording(name), ms);
      await sleep(4_000);
      await open(await address(live));
      await until(page, 'a picture', 'globalThis.startedAfter !== undefined');
      const startedAfter = await page.evaluate('startedAfter');
      assert.ok(startedAfter <= START_MS, `a picture after ${startedAfter} ms`);
      console.log(`${name}: a picture after ${Math.round(startedAfter)} ms`);
      await filming;
      await stop(live);
      await until(page, 'the end of the live', 'player.ended', 30_000);
      const lived = await mustHaveNoFatalFault();

      await open(await address(live));
      await until(page, 'its length', 'Number.isFinite(player.duration) && player.readyState >= 2');
      const duration = await page.evaluate('player.duration');
      assert.ok(Math.abs(duration * 1_000 - ms) < 1_500, `a duration of ${duration} s`);
      for (const share of [0.9, 0.1, 0.55, 0, 0.75, 0.3, 0.99, 0.5, 0.2, 0.65]) {
        const arrived = await seek(share * duration);
        assert.ok(Math.abs(arrived - share * duration) < 0.2, `${share}: at ${arrived} s`);
      }
      await seek(duration - 4);
      await until(page, 'the end', 'player.ended', 20_000);
      const seen = await mustHaveNoFatalFault();
      console.log(`${name}: faults that cost nothing: ${JSON.stringify([...lived, ...seen].map(({ details }) => details))}`);
    });
  }

  test('plays takes of different codecs one after the other', { timeout: 120_000 }, async () => {
    const live = await started();
    for (const name of ['webm_vp9_opus.webm', 'mkv_avc1_opus.mkv']) await send(live, recording(name));
    await stop(live);
    await open(await address(live));
    await until(page, 'its length', 'Number.isFinite(player.duration) && player.readyState >= 2');
    const duration = await page.evaluate('player.duration');
    assert.ok(Math.abs(duration - 40) < 2, `a duration of ${duration} s`);
    for (const at of [5, 30, 18, 25, 2, 38]) {
      const arrived = await seek(at);
      assert.ok(Math.abs(arrived - at) < 0.2, `${at}: at ${arrived} s`);
    }
    await seek(18);
    await until(page, 'the second take', 'player.currentTime > 22', 20_000);
    await mustHaveNoFatalFault();
  });
});
