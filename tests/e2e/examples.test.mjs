// The examples, each in a real browser on an origin of its own, against the real server.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { App, noteEvents } from './app.mjs';
import { Somebody } from './talk.mjs';
import { until, World } from './world.mjs';

describe('the examples', { concurrency: false }, () => {
  let world;
  let app;
  let awa;

  before(async () => {
    app = await App.open();
    world = await World.open(['--cors-origins', app.origin]);
    awa = await Somebody.join(world, 'Awa');
    app.token = () => awa.session.tokens.access;
  });
  after(async () => {
    await app?.close();
    await world?.close();
  });

  async function open(path = '/', options = {}) {
    const context = await world.browser.newContext({ locale: 'fr-FR', permissions: ['camera', 'microphone'], ...options });
    const page = await context.newPage();
    page.complaints = [];
    page.on('pageerror', (error) => page.complaints.push(`${error}`));
    page.on('console', (message) => {
      if (message.type() === 'error') page.complaints.push(`${message.text()} (${message.location().url})`);
    });
    await page.addInitScript(noteEvents);
    await page.goto(app.origin + path);
    return page;
  }

  const heard = (name) => `told.some((event) => event.name === '${name}')`;

  for (const [example, isBuilt] of [
    ['plain', false],
    ['react', true],
    ['vue', true],
  ]) {
    test(`${example}: a live with its conversation, as its people see and write it`, async () => {
      const live = await awa.goLive();
      await app.show(example, { server: world.base, live: live.id, isBuilt });
      const page = await open();
      await until(page, 'the picture', `document.querySelector('#player')?.player?.video.currentTime > 0.5`);
      await until(page, 'the start', heard('live-started'));
      await until(
        page,
        'the app hears where the picture is',
        `Number(document.querySelector('#position').textContent) >= 1`,
        30_000,
      );

      // The person is the app's: who writes is known.
      const chat = page.locator('communiconnect-chat');
      await chat.locator('input').fill('Bonjour de l’app');
      await chat.locator('button').click();
      await chat.getByText('Bonjour de l’app').waitFor();
      await chat.locator('b', { hasText: 'Awa Ndiaye' }).first().waitFor();
      await until(page, 'the message is told', heard('message'));
      const [message] = await awa.ask('GET', live.chat);
      assert.equal(message.content, 'Bonjour de l’app');
      assert.ok(message.position_ms > 0, 'it stands beside the picture');

      await live.finish();
      await awa.ask('POST', `/api/posts/live/${live.id}/stop/`, {});
      await until(page, 'the end', heard('live-ended'), 30_000);
      await awa.ask('DELETE', `/api/posts/live/${live.id}/`);
      await until(page, 'that it was deleted', heard('live-deleted'), 30_000);
      await page.locator('communiconnect-live').getByText('Ce live a été supprimé.').waitFor();
      // A browser itself complains of the answers that say so.
      const others = page.complaints.filter((line) => !/404|supprimé/.test(line));
      assert.deepEqual(others, []);
      await page.context().close();
    });
  }

  test('plain: a studio from which somebody goes live, in English', async () => {
    await app.show('plain', { server: world.base, live: 7, isBuilt: false });
    const page = await open('/studio.html');
    const studio = page.locator('communiconnect-studio');
    const start = studio.getByRole('button', { name: 'Go live' });
    await until(
      page,
      'it may start',
      `!document.querySelector('communiconnect-studio').shadowRoot.querySelector('[part~=start]').disabled`,
    );
    await start.click();
    await until(page, 'the first byte is durable', heard('live-started'), 20_000);
    const { liveId } = await page.evaluate(`told.find((event) => event.name === 'live-started').detail`);
    const live = await awa.ask('GET', `/api/posts/live/${liveId}/`);
    assert.deepEqual([live.state, live.title, live.author.id], ['live', 'From the app', awa.id]);
    assert.ok(live.saved_ms > 0);
    await studio.getByRole('button', { name: 'Stop' }).click();
    await until(page, 'the end', heard('live-ended'), 20_000);
    await studio.getByText('Your live is saved').waitFor();
    assert.equal((await awa.ask('GET', `/api/posts/live/${liveId}/`)).state, 'ended');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test('service: a React component written for axios, page after page, refusals with their status', async () => {
    const live = await awa.goLive();
    for (const content of ['Un', 'Deux', 'Trois']) await awa.say(live, content);
    await app.show('service', { server: world.base, live: live.id, isBuilt: true });
    const page = await open();
    await page.getByText('Deux').waitFor();
    assert.equal(await page.getByText('Trois').count(), 0);
    await page.getByRole('button', { name: 'Suivants' }).click();
    await page.getByText('Trois').waitFor();
    // Nobody is signed in yet.
    await page.getByPlaceholder('Votre message').fill('Quatre');
    await page.getByRole('button', { name: 'Envoyer' }).click();
    assert.match(await page.getByRole('alert').innerText(), /^401 : ./);
    await page.evaluate((token) => localStorage.setItem('access_token', token), awa.session.tokens.access);
    await page.getByRole('button', { name: 'Envoyer' }).click();
    await page.getByText('Quatre').waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
    await page.context().close();
  });
});
