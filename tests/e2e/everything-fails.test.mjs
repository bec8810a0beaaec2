// One live through an absent network, a crashed tab and a killed server: the replay has what the recorders gave.
// Takes about a minute; with LONG=1 it is a live of three minutes, half a minute of it offline.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until, World } from './world.mjs';

const LONG = process.env.LONG === '1';
const OFFLINE_MS = LONG ? 30_000 : 6_000;
const QUIET_MS = LONG ? 70_000 : 3_000;

/** Hands every slice to the test the moment the recorder delivers it, before the page sees it. */
const listen = `(() => {
  const start = MediaRecorder.prototype.start;
  let recorders = 0;
  MediaRecorder.prototype.start = function (...given) {
    const id = Date.now() + '-' + recorders++;
    this.addEventListener('dataavailable', (event) => {
      event.data.arrayBuffer().then((bytes) => {
        let text = '';
        for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
        globalThis.keepSlice(id, btoa(text));
      });
    });
    return start.apply(this, given);
  };
})();`;

function packets(file, kind) {
  const given = [
    '-v',
    'error',
    '-select_streams',
    kind,
    '-count_packets',
    '-show_entries',
    'stream=nb_read_packets',
    '-of',
    'csv=p=0',
    file,
  ];
  return Number(execFileSync('ffprobe', given, { encoding: 'utf8' }).trim().split('\n')[0]);
}

describe('a live through every failure', { concurrency: false }, () => {
  let world;
  let folder;
  const recorded = new Map();

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'communiconnect-recorded-'));
    world = await World.open();
  });
  after(async () => {
    await world?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const live = async () => (await (await fetch(`${world.base}/api/posts/live/`)).json()).results[0];
  async function saved(page, ms) {
    const deadline = Date.now() + 40_000;
    while (((await live())?.saved_ms ?? 0) < ms) {
      assert.ok(Date.now() < deadline, `${(await live())?.saved_ms} of ${ms} ms are saved`);
      await page.waitForTimeout(100);
    }
  }
  async function say(page, text) {
    await page.getByTestId('chat-input').fill(text);
    await page.getByTestId('chat-send').click();
    await page.getByTestId('chat-message').filter({ hasText: text }).waitFor();
  }
  async function equip(page) {
    await page.exposeFunction('keepSlice', (id, text) => {
      recorded.set(id, [...(recorded.get(id) ?? []), Buffer.from(text, 'base64')]);
    });
    await page.addInitScript({ content: listen });
  }

  test('keeps every slice, one timeline, and the conversation in step', async () => {
    const first = await world.person('Awa');
    await equip(first);
    await first.goto('/studio');
    await first.getByTestId('studio-title').fill('Tout tombe en panne');
    await until(first, 'the camera', `document.querySelector('[data-testid="studio-preview"]').videoWidth > 0`);
    await first.getByTestId('studio-start').click();
    await first.getByTestId('live-badge').waitFor();
    await saved(first, 3_000);
    await say(first, 'avant la coupure');

    await first.context().setOffline(true);
    await first.waitForTimeout(OFFLINE_MS);
    await first.context().setOffline(false);
    const before = (await live()).saved_ms;
    await saved(first, before + OFFLINE_MS);
    await say(first, 'après la coupure');
    await first.waitForTimeout(QUIET_MS);

    await world.stopServer('SIGKILL');
    await first.waitForTimeout(3_000);
    await world.startServer();
    await saved(first, before + OFFLINE_MS + QUIET_MS);
    await first.waitForTimeout(QUIET_MS);

    const devtools = await first.context().newCDPSession(first);
    devtools.send('Page.crash').catch(() => {});
    await new Promise((crashed) => first.once('crash', crashed));
    const second = await first.context().newPage();
    await equip(second);
    await second.goto('/studio');
    await second.getByTestId('studio-resume').click();
    await second.getByTestId('live-badge').waitFor();
    await saved(second, (await live()).saved_ms + 4_000);
    await say(second, 'après le plantage');
    await second.getByTestId('studio-stop').click();
    await second.getByTestId('studio-stop-confirm').click();
    await second.getByTestId('receipt-replay').waitFor({ timeout: 30_000 });
    await until(
      second,
      'nothing waits',
      `!/\\d/.test(document.querySelector('[data-testid="receipt-waiting"]').textContent)`,
      30_000,
    );

    const ended = await live();
    const timeline = await (await fetch(`${world.base}/api/posts/live/${ended.id}/timeline/`)).json();
    assert.ok(!LONG || timeline.duration_ms > 180_000, `${timeline.duration_ms} ms`);
    assert.equal(timeline.takes.length, 2, 'one take for each page');
    assert.equal(recorded.size, 2);
    for (const [index, id] of [...recorded.keys()].sort().entries()) {
      const slices = recorded.get(id);
      const whole = path.join(folder, `${index}-whole`);
      writeFileSync(whole, Buffer.concat(slices));
      // What a page had been given in the instant of its crash it had no time to keep.
      const least = path.join(folder, `${index}-least`);
      writeFileSync(least, Buffer.concat(index === 0 ? slices.slice(0, -1) : slices));
      for (const [kind, stream] of [
        ['video', 'v'],
        ['audio', 'a'],
      ]) {
        const kept = timeline.takes[index].tracks.find((track) => track.kind === kind).frames;
        assert.ok(kept <= packets(whole, stream), `take ${index + 1}: ${kept} frames of ${kind} are more than were recorded`);
        // The page's last slice ends inside a frame.
        const must = packets(least, stream) - (index === 0 ? 1 : 0);
        assert.ok(kept >= must, `take ${index + 1}: ${kept} frames of ${kind} are kept of ${must}`);
      }
    }

    const messages = await (await fetch(`${world.base}/api/posts/live/${ended.id}/chat/messages/`)).json();
    assert.deepEqual(
      messages.map((one) => one.content),
      ['avant la coupure', 'après la coupure', 'après le plantage'],
    );
    const [early, later, last] = messages.map((one) => one.position_ms);
    assert.ok(early < later && later < last, `${early}, ${later}, ${last}`);
    assert.ok(later - early >= OFFLINE_MS, 'the messages stand as far apart as the pictures that they were said to');
    assert.equal(messages[2].position.take, timeline.takes[1].take);
    const replay = await fetch(ended.replay.mp4 ?? ended.replay.webm);
    assert.equal((await replay.arrayBuffer()).byteLength, Number(replay.headers.get('content-length')));
  });
});
