// The example in Django: an app with people, tokens and addresses of its own, and not a line of the conversation in its database.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Somebody } from './talk.mjs';
import { World } from './world.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const python = [path.join(root, '.tools/venv/bin/python'), 'python3'].find((one) => existsSync(one) || one === 'python3');
const SECRET = 'un secret de l’app, long de plus de trente-deux octets';

describe('an app in Django', { concurrency: false }, () => {
  let world;
  let django;
  let base;
  let live;
  let author;

  before(async () => {
    world = await World.open(['--issuer-secret', SECRET, '--cors-origins', '*']);
    django = spawn(process.env.DJANGO_PYTHON ?? python, ['serve.py', '0'], {
      cwd: path.join(root, 'examples/django'),
      env: { ...process.env, APP_SECRET: SECRET, LIVE_SERVER: world.base, APP_DATABASE: path.join(world.data, 'app.sqlite3') },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = await Promise.race([
      once(createInterface({ input: django.stdout }), 'line'),
      once(django, 'exit').then(([code]) => {
        throw new Error(`Django left with ${code}: is it installed?`);
      }),
    ]);
    base = line.replace('ready ', '');
    author = await Somebody.join(world, 'Binta');
    live = await author.goLive();
  });
  after(async () => {
    django?.kill();
    await world?.close();
  });

  test('hands its people’s messages on, with their own tokens, and refusals as they come', async () => {
    const ask = (address, init) => fetch(base + address, { headers: { 'Content-Type': 'application/json' }, ...init });
    const signedIn = await ask('/api/token/', {
      method: 'POST',
      body: JSON.stringify({ username: 'awa', password: 'une phrase assez longue' }),
    });
    const { access } = await signedIn.json();
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${access}` };
    const posted = await ask(live.chat, { method: 'POST', headers, body: JSON.stringify({ content: 'Par l’app' }) });
    assert.equal(posted.status, 201, await posted.clone().text());
    const message = await posted.json();
    assert.deepEqual([message.content, message.author.first_name], ['Par l’app', 'Awa']);
    const read = await ask(`${live.chat}messages/?page=1&page_size=10`, { headers });
    assert.deepEqual((await read.json()).results, [message]);
    const refused = await ask(live.chat, { method: 'POST', headers, body: JSON.stringify({ content: '  ' }) });
    assert.ok([400, 422].includes(refused.status));
    assert.equal(typeof (await refused.json()).error, 'string');
    assert.doesNotMatch(readFileSync(path.join(world.data, 'app.sqlite3'), 'latin1'), /Par l/);
  });

  test('shows the live in its page, where its people write as themselves', async () => {
    const page = await (await world.browser.newContext({ locale: 'fr-FR' })).newPage();
    await page.goto(`${base}/lives/${live.id}/`);
    await page.waitForFunction(() => document.querySelector('communiconnect-live').player?.video.currentTime > 1);
    await page.getByPlaceholder('Nom').fill('awa');
    await page.getByPlaceholder('Mot de passe').fill('une phrase assez longue');
    await page.getByRole('button', { name: 'Se connecter' }).click();
    const chat = page.locator('communiconnect-chat');
    await chat.locator('input').fill('Dans la page');
    await chat.locator('button').click();
    await chat.getByText('Dans la page').waitFor();
    const [, last] = await author.ask('GET', live.chat);
    assert.deepEqual([last.content, last.author.first_name], ['Dans la page', 'Awa']);
    await page.context().close();
  });
});
