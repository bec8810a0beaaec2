// The page of a live and the studio on a phone: upright, on its side, and beside an open keyboard.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { line, Somebody } from './talk.mjs';
import { accessibilityFaults, artifacts, World } from './world.mjs';

const UPRIGHT = [
  { width: 360, height: 740 },
  { width: 360, height: 560 },
  { width: 360, height: 400 },
];
const ON_ITS_SIDE = { width: 740, height: 360 };
const name = ({ width, height }) => `${width}x${height}`;

describe('on a phone', { concurrency: false }, () => {
  let world;
  let live;
  let binta;

  before(async () => {
    world = await World.open();
    const awa = await Somebody.join(world, 'Awa');
    binta = await Somebody.join(world, 'Binta', 'Sow');
    live = await awa.goLive({
      title: 'Le nouveau puits, les comptes, et la fête de dimanche prochain',
      description: 'À la mairie.',
    });
    for (let index = 1; index <= 12; index += 1) await awa.say(live, `Message ${index}`);
  });
  after(() => world?.close());

  /** How many messages can be seen whole, and what covers the field. */
  const talk = (page) =>
    page.evaluate(() => {
      const log = document.querySelector('[role=log]').getBoundingClientRect();
      const rows = [...document.querySelectorAll('[data-testid=chat-message]')].map((row) => row.getBoundingClientRect());
      const field = document.querySelector('[data-testid=chat-input]').getBoundingClientRect();
      const react = document.querySelector('[data-testid=chat-react]').getBoundingClientRect();
      return {
        whole: rows.filter((row) => row.top >= log.top - 1 && row.bottom <= log.bottom + 1).length,
        fieldEnds: field.bottom <= innerHeight,
        sameRow: react.top < field.bottom && react.bottom > field.top,
        picture: document.querySelector('.stage').getBoundingClientRect().height,
        sideways: document.documentElement.scrollWidth - innerWidth,
        header: getComputedStyle(document.querySelector('header')).display,
      };
    });

  for (const viewport of UPRIGHT) {
    test(`${name(viewport)} has a picture, three whole messages and the field`, async () => {
      const page = await binta.page(live.path, { viewport });
      await line(page, 'Message 12').waitFor();
      await page.getByTestId('chat-input').waitFor();
      const seen = await talk(page);
      assert.ok(seen.whole >= 3, `${seen.whole} whole messages`);
      assert.ok(seen.picture >= 90 && seen.picture < viewport.height / 2, `a picture of ${seen.picture} px`);
      assert.ok(seen.fieldEnds && seen.sameRow && seen.sideways <= 0, JSON.stringify(seen));
      assert.equal(seen.header, 'none');
      await page.screenshot({ path: path.join(artifacts, `talking-${name(viewport)}.png`) });
      assert.deepEqual(await accessibilityFaults(page), []);
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    });
  }

  test('on its side the picture fills it, and the conversation lies over its edge', async () => {
    const page = await binta.page(live.path, { viewport: ON_ITS_SIDE, colorScheme: 'dark' });
    await line(page, 'Message 12').waitFor();
    const stage = await page.locator('.stage').boundingBox();
    const talk = await page.getByTestId('conversation').boundingBox();
    assert.deepEqual([stage.width, stage.height], [ON_ITS_SIDE.width, ON_ITS_SIDE.height]);
    assert.ok(talk.x >= 400 && talk.x + talk.width <= 740 && talk.height <= 360, JSON.stringify(talk));
    const last = await page.getByTestId('player-full').boundingBox();
    assert.ok(last.x + last.width <= talk.x, 'the controls end beside it');
    await page.screenshot({ path: path.join(artifacts, 'talking-on-its-side.png') });
    await page.context().close();
  });

  test('title and description open at a tap, and options are behind one control', async () => {
    const page = await binta.page(live.path, { viewport: UPRIGHT[0] });
    await page.getByTestId('player-time').waitFor();
    const title = page.getByTestId('live-title').getByRole('button');
    const before = (await title.boundingBox()).height;
    assert.ok(await page.getByText('À la mairie.').isHidden());
    await title.click();
    await page.getByText('À la mairie.').waitFor();
    assert.ok((await title.boundingBox()).height > before, 'the title is there in full');
    await title.press('Enter');
    await page.getByText('À la mairie.').waitFor({ state: 'hidden' });
    const pip = page.getByRole('button', { name: 'Image dans l’image' });
    assert.ok(await pip.isHidden());
    await page.getByTestId('player-options').focus();
    await page.keyboard.press('Enter');
    await pip.waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.context().close();
  });

  for (const viewport of UPRIGHT) {
    test(`nothing lies over what the studio asks, at ${name(viewport)}`, async () => {
      const page = await binta.page('/studio', { viewport });
      await page.getByTestId('studio-camera-device').waitFor();
      /** What is over the middle of an element, unless it is that element or within it. */
      const over = (selector) =>
        page.evaluate((what) => {
          const element = document.querySelector(what);
          const box = element.getBoundingClientRect();
          if (box.bottom > innerHeight) return null;
          const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height - 3);
          return element === hit || element.contains(hit) || hit?.contains(element)
            ? null
            : (hit?.outerHTML.slice(0, 120) ?? 'nothing');
        }, selector);
      for (const id of ['studio-title', 'visibility-public', 'visibility-members']) {
        const selector = `[data-testid=${id}]`;
        assert.equal(await over(selector), null, `${id} as the page opens`);
        await page.locator(selector).focus();
        assert.equal(await over(selector), null, `${id} with the focus`);
        const box = await page.locator(selector).boundingBox();
        assert.ok(box.y >= 0 && box.y + box.height <= viewport.height, `${id} can be seen: ${JSON.stringify(box)}`);
      }
      await page.screenshot({ path: path.join(artifacts, `studio-${name(viewport)}.png`) });
      assert.deepEqual(await accessibilityFaults(page), []);
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    });
  }
});
