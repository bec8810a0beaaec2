// What happens to a publisher's phone: the camera is taken away, the screen goes off, storage runs out, the picture turns,
// the server's disk is full, somebody else stops the live. Each is said, and nothing that was recorded is lost.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until, World } from './world.mjs';

/** Grows before the next thing happens, in milliseconds of recording. */
const A_WHILE = 1_500;

/** A camera that can be taken away and turned, a screen whose lock is counted, a page that can be hidden. */
const phone = `(() => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
  const pen = canvas.getContext('2d');
  setInterval(() => {
    pen.fillStyle = 'hsl(' + (Date.now() / 20) % 360 + ' 60% 50%)';
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = '#fff';
    pen.fillRect((Date.now() / 10) % canvas.width, 40, 60, 60);
  }, 50);
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  let taken = false;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    if (wanted.video && taken) throw new DOMException('taken away', 'NotAllowedError');
    const stream = await real({ ...wanted, video: false });
    if (wanted.video) stream.addTrack(canvas.captureStream(20).getVideoTracks()[0]);
    return stream;
  };
  globalThis.takeCamera = () => {
    taken = true;
    const track = document.querySelector('[data-testid="studio-preview"]').srcObject.getVideoTracks()[0];
    track.stop();
    track.dispatchEvent(new Event('ended'));
  };
  globalThis.giveCamera = () => {
    taken = false;
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  };
  globalThis.turn = () => {
    [canvas.width, canvas.height] = [canvas.height, canvas.width];
  };
  globalThis.wakes = 0;
  navigator.wakeLock.request = async () => {
    globalThis.wakes += 1;
    return { release: async () => {}, addEventListener() {} };
  };
  let shown = 'visible';
  Object.defineProperty(document, 'visibilityState', { get: () => shown });
  globalThis.screen_ = (state) => {
    shown = state;
    document.dispatchEvent(new Event('visibilitychange'));
  };
})();`;

class Stage {
  constructor(world, page, id) {
    Object.assign(this, { world, page, id });
  }

  /** Somebody is live from a phone; `quota`: bytes that its storage takes, about. */
  static async open(world, title, quota = null) {
    const page = await world.person('Awa');
    await page.addInitScript({ content: phone });
    if (quota) {
      const devtools = await page.context().newCDPSession(page);
      await devtools.send('Storage.overrideQuotaForOrigin', { origin: world.base, quotaSize: quota });
    }
    await page.goto('/studio');
    await page.getByTestId('studio-title').fill(title);
    await until(page, 'the camera', `document.querySelector('[data-testid="studio-preview"]').videoWidth > 0`);
    await page.getByTestId('studio-start').click();
    await page.getByTestId('live-badge').waitFor();
    const { results } = await (await fetch(`${world.base}/api/posts/live/`)).json();
    const stage = new Stage(world, page, results.find((live) => live.title === title).id);
    await stage.grown(A_WHILE);
    return stage;
  }

  async get(path = '') {
    return (await fetch(`${this.world.base}/api/posts/live/${this.id}/${path}`)).json();
  }

  async saved() {
    return (await this.get()).saved_ms;
  }

  async grown(by, page = this.page) {
    const least = (await this.saved()) + by;
    const deadline = Date.now() + 30_000;
    while ((await this.saved()) < least) {
      assert.ok(Date.now() < deadline, `${await this.saved()} of ${least} ms are saved`);
      await page.waitForTimeout(100);
    }
  }

  async says(words) {
    await this.page.getByTestId('studio-notice').filter({ hasText: words }).waitFor({ timeout: 30_000 });
  }

  /** How the page says that the recording gets to the server. */
  async connection(state) {
    await this.page.locator(`[data-testid="saved-status"][data-connection="${state}"]`).waitFor({ timeout: 30_000 });
  }

  async stop() {
    await this.page.getByTestId('studio-stop').click();
    await this.page.getByTestId('studio-stop-confirm').click();
    await this.whole();
  }

  /** The receipt is there, and nothing waits any more. */
  async whole() {
    await this.page.getByTestId('receipt-replay').waitFor({ timeout: 30_000 });
    const waits = `!/\\d/.test(document.querySelector('[data-testid="receipt-waiting"]').textContent)`;
    await until(this.page, 'nothing waits', waits, 30_000);
  }

  /** The live is stopped, not from this page. */
  async stopElsewhere() {
    const token = await this.page.evaluate(() => JSON.parse(localStorage.getItem('communiconnect.session')).tokens.access);
    const headers = { authorization: `Bearer ${token}` };
    const url = `${this.world.base}/api/posts/live/${this.id}/stop/`;
    assert.equal((await fetch(url, { method: 'POST', headers, body: '{}' })).status, 200);
  }
}

const kinds = (take) =>
  take.tracks
    .map((track) => track.kind)
    .sort()
    .join('+');

describe('a publisher through hardship', { concurrency: 3 }, () => {
  let world;

  before(async () => {
    world = await World.open();
  });
  after(() => world?.close());

  test('the camera is taken away: the sound goes on, and the picture when it is back', async () => {
    const stage = await Stage.open(world, 'Caméra prise');
    await stage.page.evaluate('takeCamera()');
    await stage.says('le live continue avec le son');
    await stage.grown(A_WHILE);
    await stage.page.evaluate('giveCamera()');
    await stage.page.getByTestId('studio-notice').waitFor({ state: 'detached' });
    await stage.grown(A_WHILE);
    await stage.stop();
    const { takes } = await stage.get('timeline/');
    assert.deepEqual(takes.map(kinds), ['audio+video', 'audio', 'audio+video']);
    await stage.page.context().close();
  });

  test('the screen goes off and on, and the phone is turned: one take, and the screen is held awake again', async () => {
    const stage = await Stage.open(world, 'Écran éteint');
    assert.equal(await stage.page.evaluate('wakes'), 1);
    await stage.page.evaluate(`screen_('hidden')`);
    await stage.page.evaluate('turn()');
    await stage.grown(A_WHILE);
    await stage.page.evaluate(`screen_('visible')`);
    assert.equal(await stage.page.evaluate('wakes'), 2);
    await stage.grown(A_WHILE);
    await stage.stop();
    const { takes, gaps, duration_ms } = await stage.get('timeline/');
    assert.deepEqual(gaps, []);
    assert.ok(duration_ms >= 3 * A_WHILE, `${duration_ms} ms`);
    assert.ok(takes.length <= 2, 'H.264 begins another take where its configuration changes, the others do not');
    await stage.page.context().close();
  });

  test('storage runs out offline: it is said, and everything is sent all the same', async () => {
    const stage = await Stage.open(world, 'Plus de place', 120_000);
    const before = await stage.saved();
    await stage.page.context().setOffline(true);
    await stage.says('ce qui attend est gardé en mémoire');
    const status = stage.page.getByTestId('saved-status');
    await status.filter({ hasText: 'en attente' }).filter({ hasText: 'Place sur l’appareil' }).waitFor();
    await stage.page.context().setOffline(false);
    await stage.connection('ok');
    await stage.stop();
    const { takes, gaps } = await stage.get('timeline/');
    assert.equal(takes.length, 1);
    assert.deepEqual(gaps, []);
    assert.ok((await stage.saved()) > before + 2 * A_WHILE);
    await stage.page.context().close();
  });

  test('another device stops the live while this one is offline: what waits is sent, the page says that it is over', async () => {
    const stage = await Stage.open(world, 'Arrêté ailleurs');
    await stage.page.context().setOffline(true);
    await stage.page.waitForTimeout(2 * A_WHILE);
    const before = await stage.saved();
    await stage.stopElsewhere();
    await stage.page.context().setOffline(false);
    await stage.whole();
    assert.ok((await stage.saved()) >= before + A_WHILE, 'what came late is part of the replay');
    assert.deepEqual((await stage.get('timeline/')).gaps, []);
    await stage.page.context().close();
  });

  test('the tab is closed offline and the live stopped: the next tab sends what was left', async () => {
    const stage = await Stage.open(world, 'Onglet fermé');
    await stage.page.context().setOffline(true);
    await stage.page.waitForTimeout(2 * A_WHILE);
    const before = await stage.saved();
    const context = stage.page.context();
    await stage.stopElsewhere();
    await stage.page.close();
    await context.setOffline(false);
    const next = await context.newPage();
    await next.goto('/studio');
    await stage.grown(2 * A_WHILE - 1_000, next);
    await next.getByTestId('studio-start').waitFor();
    assert.ok((await stage.saved()) > before);
    assert.deepEqual((await stage.get('timeline/')).gaps, []);
    await context.close();
  });
});

describe('a publisher through hardship of the server', () => {
  let world;

  before(async () => {
    world = await World.open();
  });
  after(() => world?.close());

  test('the disk of the server is full: its own words are shown, and it goes on when there is room', async () => {
    const stage = await Stage.open(world, 'Disque plein');
    await world.stopServer();
    await world.startServer(['--reserve', '1000000000000000']);
    await stage.connection('held');
    await stage.page
      .getByTestId('saved-status')
      .filter({ hasText: /plein|place/ })
      .waitFor();
    await world.stopServer();
    await world.startServer();
    await stage.grown(A_WHILE);
    await stage.connection('ok');
    await stage.stop();
    const { takes, gaps } = await stage.get('timeline/');
    assert.equal(takes.length, 1);
    assert.deepEqual(gaps, []);
    await stage.page.context().close();
  });
});
