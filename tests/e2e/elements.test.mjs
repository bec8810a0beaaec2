// The elements where something is wrong: each says it in words, to the person and to the page.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { App, noteEvents } from './app.mjs';
import { Somebody } from './talk.mjs';
import { until, World } from './world.mjs';

describe('an element in somebody else’s page', { concurrency: false }, () => {
  let world;
  let app;
  let stranger;
  let awa;
  let live;

  before(async () => {
    app = await App.open();
    // On an origin that the server does not know.
    stranger = await App.open();
    world = await World.open(['--cors-origins', app.origin]);
    awa = await Somebody.join(world, 'Awa');
    live = await awa.goLive();
  });
  after(async () => {
    await app?.close();
    await stranger?.close();
    await world?.close();
  });

  /** A page of the app with this markup and with our script of the server. */
  async function open(markup, { on = app, script = '', before } = {}) {
    const page = await (await world.browser.newContext({ locale: 'fr-FR', permissions: ['camera', 'microphone'] })).newPage();
    page.said = [];
    page.on('console', (message) => page.said.push(message.text()));
    await page.addInitScript(noteEvents);
    if (before) await page.addInitScript(before);
    on.page(
      `${markup}<script>${script}</script>`,
      `<script type="module" src="${world.base}/embed/communiconnect-live.js"></script>`,
    );
    await page.goto(on.origin);
    return page;
  }

  /** The sentence that an element shows, told in an event with this status too. */
  async function says(page, element, status, sentence) {
    await page.locator(`${element} [part=note]`).filter({ hasText: sentence }).waitFor();
    await until(
      page,
      `the event of ${element}`,
      `told.some(({ element, name, detail }) => element === '${element}' && name === 'error' && detail.status === ${status})`,
    );
    const { detail } = await page.evaluate(
      `told.find(({ element, name, detail }) => element === '${element}' && name === 'error' && detail.status === ${status})`,
    );
    assert.match(detail.sentence, sentence);
    assert.ok(
      page.said.some((line) => sentence.test(line)),
      `in the console: ${page.said.join('\n')}`,
    );
    await page.context().close();
  }

  const BOTH = (id, more = '') =>
    `<communiconnect-live live-id="${id}" ${more}></communiconnect-live><communiconnect-chat live-id="${id}" ${more}></communiconnect-chat>`;

  test('says which attribute is missing, in the language of its attribute', async () => {
    const page = await open('<communiconnect-live lang="en"></communiconnect-live>');
    await says(page, 'communiconnect-live', 0, /live-id is missing/);
    const zero = await open('<communiconnect-chat live-id="zero"></communiconnect-chat>');
    await says(zero, 'communiconnect-chat', 0, /Il manque l’attribut live-id/);
  });

  test('says that the server does not let the page in, and which origin it would have to name', async () => {
    const origin = new RegExp(`n’autorise pas cette page.*${stranger.origin}.*--cors-origins`);
    await says(await open(BOTH(live.id), { on: stranger }), 'communiconnect-live', 0, origin);
    await says(await open(BOTH(live.id), { on: stranger }), 'communiconnect-chat', 0, origin);
  });

  test('says that no server answers, and that another one does', async () => {
    const nobody = await open(BOTH(live.id, 'src-base="http://127.0.0.1:9"'));
    await says(nobody, 'communiconnect-live', 0, /Le serveur http:\/\/127\.0\.0\.1:9 ne répond pas/);
    const other = await open(BOTH(live.id, `src-base="${app.origin}"`));
    await says(other, 'communiconnect-chat', 404, /n’est pas celle d’un serveur CommuniConnect Live/);
  });

  test('says what the server says of a live that there is not', async () => {
    await says(await open(BOTH(999_999)), 'communiconnect-live', 404, /.{10,}/);
  });

  test('says that the server is of another age', async () => {
    const page = await open('');
    // A server of a later age has this live no more under this path.
    await page.route(`${world.base}/api/posts/live/**`, (route) =>
      route.fulfill({ status: 404, body: 'gone', headers: { 'access-control-allow-origin': '*' } }),
    );
    await page.route(`${world.base}/api/schema/`, (route) =>
      route.fulfill({
        json: { info: { title: 'CommuniConnect Live', version: '9.0.0' } },
        headers: { 'access-control-allow-origin': '*' },
      }),
    );
    await page.evaluate((id) => {
      document.body.innerHTML = `<communiconnect-live live-id="${id}"></communiconnect-live>`;
    }, live.id);
    await says(page, 'communiconnect-live', 404, /parle la version 9\.0\.0, cette page la version 1\./);
  });

  test('asks for a token, once more when it is refused, and then by an event that may be answered later', async () => {
    app.asked = 0;
    app.token = () => 'no token at all';
    const page = await open(BOTH(live.id), {
      script: `
        for (const one of document.querySelectorAll('communiconnect-chat'))
          one.token = async () => (await fetch('/token')).text();
        document.addEventListener('token-needed', (event) => { globalThis.needed = event.detail; });
      `,
    });
    await page.locator('communiconnect-chat').getByText('Votre connexion a expiré').waitFor();
    await until(page, 'the event', 'globalThis.needed');
    assert.ok(app.asked >= 1 && app.asked <= 2, `asked ${app.asked} times`);
    // The live is public: it plays all the same.
    await until(page, 'the picture', `document.querySelector('communiconnect-live').player?.video.currentTime > 1`);
    await page.evaluate((token) => globalThis.needed.respond(token), awa.session.tokens.access);
    const chat = page.locator('communiconnect-chat');
    await chat.locator('input').fill('Me revoilà');
    await chat.locator('button').click();
    await chat.getByText('Me revoilà').waitFor();
    assert.equal(await chat.getByText('Votre connexion a expiré').isVisible(), false);
    await page.context().close();
  });

  test('takes a token as a string, given late, and plays a live of members', async () => {
    const members = await awa.goLive({ visibility: 'members' });
    const page = await open(BOTH(members.id));
    await page.locator('communiconnect-live [part=note]:not([hidden])').waitFor();
    await page.evaluate((token) => {
      for (const one of document.querySelectorAll('communiconnect-live, communiconnect-chat')) one.token = token;
    }, awa.session.tokens.access);
    await until(page, 'the picture', `document.querySelector('communiconnect-live').player?.video.currentTime > 1`);
    await page.locator('communiconnect-chat input').waitFor();
    await page.context().close();
  });

  test('says that a live was deleted while it played', async () => {
    const doomed = await awa.goLive();
    const page = await open(BOTH(doomed.id));
    await until(page, 'the picture', `document.querySelector('communiconnect-live').player?.video.currentTime > 1`);
    await awa.ask('DELETE', `/api/posts/live/${doomed.id}/`);
    for (const element of ['communiconnect-live', 'communiconnect-chat']) {
      await page.locator(`${element} [part=note]`).filter({ hasText: 'Ce live a été supprimé.' }).waitFor();
      await until(page, 'the event', `told.some((event) => event.element === '${element}' && event.name === 'live-deleted')`);
    }
    await page.context().close();
  });

  test('records where the browser refuses storage, and says so', async () => {
    const page = await open('<communiconnect-studio></communiconnect-studio>', {
      script: `document.querySelector('communiconnect-studio').token = '${awa.session.tokens.access}';`,
      before: () => {
        // As browsers do in some private modes.
        IDBFactory.prototype.open = () => {
          throw new DOMException('refused', 'SecurityError');
        };
        Object.defineProperty(globalThis, 'localStorage', {
          get: () => {
            throw new DOMException('refused', 'SecurityError');
          },
        });
      },
    });
    const studio = page.locator('communiconnect-studio');
    await until(
      page,
      'it may start',
      `document.querySelector('communiconnect-studio').shadowRoot?.querySelector('[part~=start]').disabled === false`,
    );
    await studio.getByRole('button', { name: 'Démarrer le live' }).click();
    await until(page, 'the first byte is durable', `told.some(({ name }) => name === 'live-started')`, 20_000);
    await studio.getByText('Le navigateur refuse le stockage').waitFor();
    await studio.getByRole('button', { name: 'Arrêter' }).click();
    await studio.getByText('Votre live est enregistré').waitFor({ timeout: 20_000 });
    await page.context().close();
  });
});
