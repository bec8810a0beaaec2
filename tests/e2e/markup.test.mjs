// What people write stays text: in messages, names and titles, wherever a page shows them, under the pages' own policy.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { NAMES, PAYLOADS } from './payloads.mjs';
import { line, Somebody, write } from './talk.mjs';
import { until, World } from './world.mjs';

describe('text stays text', { concurrency: false }, () => {
  let world;
  let awa;
  let live;
  let page;
  let asked;
  let links;

  before(async () => {
    world = await World.open();
    awa = await Somebody.join(world, 'Awa');
    live = await awa.goLive({ title: PAYLOADS[0], description: PAYLOADS[6] });
    const writers = await Promise.all(
      NAMES.slice(0, 40).map((name, index) => Somebody.join(world, name, NAMES[NAMES.length - 1 - index])),
    );
    // Each writer in turn, all of them at once: a live's order does not matter here.
    await Promise.all(
      writers.map(async (writer, which) => {
        for (let index = which; index < PAYLOADS.length; index += writers.length) await writer.say(live, PAYLOADS[index]);
      }),
    );
    page = await awa.page(null);
    await page.addInitScript(() => {
      globalThis.violations = [];
      document.addEventListener('securitypolicyviolation', (event) =>
        globalThis.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`),
      );
    });
    asked = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('dialog', (dialog) => {
      page.complaints.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.context().on('page', (other) => page.complaints.push(`another page: ${other.url()}`));
  });

  after(() => world?.close());

  /** Nothing ran, nothing was asked of anybody else, and the policy had nothing to stop. */
  async function nothingRan() {
    assert.deepEqual(await page.evaluate(() => [globalThis.ran ?? null, globalThis.violations]), [null, []]);
    assert.deepEqual(
      asked.filter((url) => !url.startsWith(world.base) && !url.startsWith('data:') && !url.startsWith('blob:')),
      [],
    );
    assert.deepEqual(page.complaints, []);
    const odd = await page.evaluate(() =>
      [...document.querySelectorAll('main *')]
        .filter(
          (one) =>
            one.matches(
              'script, iframe, object, embed, style, link, meta, base, form[action], [srcdoc], svg script, x, xss, marquee',
            ) || [...one.attributes].some(({ name }) => /^on/.test(name)),
        )
        .map((one) => one.outerHTML.slice(0, 120)),
    );
    assert.deepEqual(odd, []);
    const links = await page.evaluate(() =>
      [...document.querySelectorAll('main a[href]')].filter((one) => !/^https?:$/.test(one.protocol)).map((one) => one.href),
    );
    assert.deepEqual(links, []);
  }

  test('there are at least two hundred of them, and the pages have a strict policy', async () => {
    assert.ok(PAYLOADS.length >= 200, `${PAYLOADS.length}`);
    const policy = (await fetch(world.base)).headers.get('content-security-policy');
    assert.match(policy, /script-src 'self';/);
    assert.match(policy, /style-src 'self';/);
    assert.match(policy, /require-trusted-types-for 'script'/);
    assert.doesNotMatch(policy, /unsafe/);
  });

  test('as messages and names in the conversation, every one of them drawn', async () => {
    await page.goto(live.path);
    await page.getByTestId('chat-message').first().waitFor();
    const seen = new Map();
    links = new Set();
    const log = page.locator('[role=log]');
    for (let step = 0; step < 300 && seen.size < PAYLOADS.length; step += 1) {
      const rows = await log.evaluate((box) => {
        const rows = [...box.querySelectorAll('[data-seq]')].map((row) => [
          row.dataset.seq,
          row.querySelector('.text').textContent,
          [...row.querySelectorAll('a')].map((one) => `${one.protocol} ${one.rel} ${one.target}`),
        ]);
        box.scrollTop -= box.clientHeight;
        return rows;
      });
      for (const [seq, text, found] of rows) {
        seen.set(Number(seq), text);
        for (const link of found) links.add(link);
      }
      await page.waitForTimeout(20);
    }
    assert.equal(seen.size, PAYLOADS.length);
    const stored = await awa.ask('GET', `${live.chat}messages/`);
    for (const message of stored) assert.equal(seen.get(message.seq), message.content);
    await nothingRan();
  });

  test('as links: only web addresses, that tell nobody where they are opened from', () => {
    assert.ok(links.size > 0);
    for (const link of links) assert.match(link, /^https?: noopener noreferrer nofollow ugc _blank$/);
  });

  test('as an answer with its quoted line, a mention, a pinned message and a search', async () => {
    const messages = await awa.ask('GET', `${live.chat}messages/`);
    const evil = messages.find((message) => message.content.startsWith('<img src=x onerror'));
    await awa.ask('PATCH', `${live.chat}rules/`, { pinned: evil.id });
    await awa.say(live, 'Une réponse', { reply_to: evil.id });
    await page.getByTestId('chat-unread').click();
    await line(page, 'Une réponse').getByTestId('chat-quote').waitFor();
    await page.getByTestId('chat-pinned').waitFor();
    await page.getByTestId('chat-input').fill('@');
    await page.getByTestId('chat-person').first().waitFor();
    await page.getByTestId('chat-person').first().click();
    await page.getByTestId('chat-send').click();
    await page.locator('.mention').first().waitFor();
    await page.getByTestId('chat-search').click();
    await page.getByTestId('chat-search-input').fill('onerror');
    await page.getByTestId('chat-search-hit').first().waitFor();
    await nothingRan();
  });

  test('as what waits for approval, who is silenced, and the log of acts', async () => {
    const [first] = await awa.ask('GET', `${live.chat}messages/`);
    await awa.ask('PUT', `${live.chat}sanctions/${first.author.id}/`, { seconds: 300 });
    await awa.ask('PATCH', `${live.chat}rules/`, { hold: true, words: ['"><img src=x onerror=alert(1)>'] });
    const other = await Somebody.join(world, NAMES[6], NAMES[11]);
    await other.say(live, PAYLOADS[6]);
    const { held_id } = (await awa.ask('GET', `${live.chat}held/`))[0];
    await page.getByTestId('chat-lead').click();
    for (const [tab, row] of [
      ['held', 'held'],
      ['people', 'sanction'],
      ['acts', 'act'],
    ]) {
      if (tab === 'acts') await awa.ask('DELETE', `${live.chat}held/${held_id}/`);
      await page.getByTestId(`lead-${tab}`).click();
      await page.getByTestId(row).first().waitFor();
      await nothingRan();
    }
    await page.getByTestId('lead-back').click();
  });

  test('as a message that waits on this device, and one that is refused', async () => {
    await write(page, PAYLOADS[11]);
    await until(page, 'it was sent', `document.querySelectorAll('[data-testid=chat-pending]').length === 0`);
    await nothingRan();
  });

  test('as titles and descriptions of lives, and as subtitles', async () => {
    await Promise.all(
      PAYLOADS.slice(0, 12).map((title) =>
        awa.ask('POST', '/api/posts/live/start/', { title: title.slice(0, 200), description: title }),
      ),
    );
    await page.goto('/');
    await page.getByText(PAYLOADS[0]).first().waitFor();
    await nothingRan();
    await page.goto(`/live/${live.id}`);
    await page.getByTestId('live-title').waitFor();
    assert.equal(await page.getByTestId('live-title').innerText(), PAYLOADS[0]);
    await page.evaluate(async (src) => {
      const video = document.querySelector('video');
      const track = document.createElement('track');
      track.src = src;
      track.default = true;
      video.append(track);
      track.track.mode = 'showing';
      await new Promise((resolve, reject) => {
        track.onload = resolve;
        track.onerror = () => reject(new Error('the subtitles were not read'));
      });
      for (const cue of track.track.cues) document.body.append(cue.getCueAsHTML());
    }, `${live.chat}export/?format=vtt`);
    await nothingRan();
  });
});
