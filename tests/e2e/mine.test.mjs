// What somebody broadcast, who they are, and how others find it: /me, /profile, /people/ID, the search, the forgotten password.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Somebody } from './talk.mjs';
import { accessibilityFaults, artifacts, PHONE, picture, until, World } from './world.mjs';

const PASSWORD = 'une phrase assez longue';

describe('my lives', { concurrency: false }, () => {
  let world;
  let awa;
  let live;
  let page;

  before(async () => {
    world = await World.open();
    awa = await Somebody.join(world, 'Awa');
    live = await awa.goLive({ title: 'Marché de Sandaga' });
    await awa.say(live, 'Des mangues de Casamance');
    await live.finish();
    await awa.ask('POST', `/api/posts/live/${live.id}/stop/`, {});
    page = await awa.page('/me', { viewport: PHONE });
  });
  after(() => world?.close());

  const row = () => page.getByTestId('my-live');

  test('are listed without zeros, and renamed by keyboard', async () => {
    await row().getByText('Marché de Sandaga').waitFor();
    assert.match(await row().innerText(), /0:20 · (.* · )?1 message/);
    assert.doesNotMatch(await row().innerText(), /\b0 /);
    await picture(page, 'my-lives');
    assert.deepEqual(await accessibilityFaults(page), []);
    await row().getByRole('button', { name: 'Renommer' }).press('Enter');
    await page.getByTestId('my-live-title').fill('Marché Kermel');
    await page.getByTestId('my-live-description').fill('Des tissus aussi');
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByTestId('my-live-title').press('Enter');
    await row().getByRole('heading', { name: 'Marché Kermel' }).waitFor();
    await row().getByText('Des tissus aussi').waitFor();
    const kept = await awa.ask('GET', `/api/posts/live/${live.id}/`);
    assert.deepEqual([kept.title, kept.description], ['Marché Kermel', 'Des tissus aussi']);
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Renommer');
  });

  test('are given to those with the link, which is there to copy', async () => {
    await page.getByTestId('my-live-visibility').selectOption('unlisted');
    await until(page, 'the link has its key', `document.querySelector('[data-testid=my-live] h2 a').search.includes('key=')`);
    await page.getByTestId('my-live-link').click();
    await row().getByText('Lien copié').waitFor();
    const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
    assert.equal(link.pathname, `/live/${live.id}`);
    const stranger = await fetch(`${world.base}/api/posts/live/${live.id}/?key=${link.searchParams.get('key')}`);
    assert.equal(stranger.status, 200);
    await page.getByTestId('my-live-visibility').selectOption('public');
    await until(page, 'it is public again', `!document.querySelector('[data-testid=my-live] h2 a').search`);
    const file = await row().getByTestId('my-live-download').getAttribute('href');
    const kept = await fetch(new URL(file, world.base));
    assert.match(kept.headers.get('content-disposition'), /attachment/);
    await kept.body.cancel();
  });

  test('what was said is found from the first page, by its address, and leads to its moment', async () => {
    const reader = await (await Somebody.join(world, 'Binta')).page('/');
    await reader.getByTestId('replays').getByText('Marché Kermel').waitFor();
    await reader.getByTestId('home-search').fill('casamance');
    await reader.getByTestId('found-messages').getByText('Des mangues de Casamance').waitFor();
    assert.equal(new URL(reader.url()).search, '?q=casamance');
    assert.deepEqual(await accessibilityFaults(reader), []);
    await picture(reader, 'found');
    await reader.goto('/?q=kermel');
    await reader.getByTestId('found-lives').getByText('Marché Kermel').waitFor();
    assert.equal(await reader.getByTestId('home-search').inputValue(), 'kermel');
    await reader.goto('/?q=introuvable');
    await reader.getByText('Rien ne correspond').waitFor();
    await reader.goto('/?q=casamance');
    await reader.getByTestId('found-messages').getByRole('link').click();
    await reader.waitForURL(/\/live\/\d+\?t=\d+/);
    assert.deepEqual(reader.complaints, []);
    await reader.context().close();
  });

  test('without an answer the pages say whose connection it is, and come back with it', async () => {
    const reader = await (await Somebody.join(world, 'Dior')).page('/', { viewport: PHONE });
    await reader.getByTestId('replays').waitFor();
    await world.stopServer();
    await reader.getByTestId('home-search').fill('kermel');
    await reader.locator('[role=alert][data-blame=viewer]').waitFor();
    assert.deepEqual(await accessibilityFaults(reader), []);
    await reader.getByRole('link', { name: 'Diffuser' }).click();
    await reader.locator('.lost[data-blame=viewer]').waitFor();
    assert.equal(new URL(reader.url()).pathname, '/studio');
    await world.startServer();
    await reader.getByRole('button', { name: 'Réessayer' }).click();
    await reader.getByTestId('studio-title').waitFor();
    await reader.context().close();
  });

  test('somebody’s page shows their public lives', async () => {
    const reader = await (await Somebody.join(world, 'Coumba')).page(live.path, { viewport: PHONE });
    await reader.getByRole('link', { name: 'Les lives de Awa Ndiaye' }).click();
    await reader.waitForURL(`**/people/${awa.id}`);
    await reader.getByRole('heading', { name: 'Awa Ndiaye', level: 1 }).waitFor();
    await reader.getByTestId('person-lives').getByText('Marché Kermel').waitFor();
    await picture(reader, 'person');
    assert.deepEqual(await accessibilityFaults(reader), []);
    assert.deepEqual(reader.complaints, []);
    await reader.context().close();
  });

  test('are deleted once it was said what goes', async () => {
    await row().getByRole('button', { name: 'Supprimer' }).click();
    const dialog = page.getByRole('dialog', { name: 'Supprimer « Marché Kermel » ?' });
    await dialog.getByText(/0:20.* et 1 message disparaissent pour toujours/).waitFor();
    await page.screenshot({ path: path.join(artifacts, 'delete-phone.png') });
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByTestId('remove-cancel').click();
    await awa.ask('GET', `/api/posts/live/${live.id}/`);
    await row().getByRole('button', { name: 'Supprimer' }).click();
    await page.getByTestId('remove-confirm').click();
    await page.getByText('Vous n’avez encore rien diffusé.').waitFor();
    await awa.ask('GET', `/api/posts/live/${live.id}/`, undefined, [404]);
    assert.deepEqual(await accessibilityFaults(page), []);
    assert.deepEqual(page.complaints, []);
  });
});

describe('a profile', { concurrency: false }, () => {
  let world;
  let awa;
  let page;

  before(async () => {
    world = await World.open();
    awa = await Somebody.join(world, 'Awa');
    page = await awa.page('/profile', { viewport: PHONE });
  });
  after(() => world?.close());

  test('changes the name, here and on the server', async () => {
    await page.getByLabel('Prénom').fill('Aminata');
    await page.getByTestId('profile-save').click();
    await page.getByTestId('profile-name-said').getByText('Enregistré').waitFor();
    assert.equal((await awa.ask('GET', '/api/users/my-profile/')).first_name, 'Aminata');
    assert.equal(await page.getByTestId('nav-me').locator('.avatar').innerText(), 'AN');
    await picture(page, 'profile');
    assert.deepEqual(await accessibilityFaults(page), []);
  });

  test('changes the language', async () => {
    await page.getByLabel('English').check();
    await page.getByRole('heading', { name: 'Profile', level: 1 }).waitFor();
    await page.getByLabel('Français').check();
    await page.getByRole('heading', { name: 'Profil', level: 1 }).waitFor();
  });

  test('changes the password: other devices are signed out, this one is not', async () => {
    const other = await awa.page('/profile');
    await page.getByLabel('Mot de passe actuel').fill('ce n’est pas lui');
    await page.getByLabel('Nouveau mot de passe').fill('un autre, plus long encore');
    await page.getByTestId('profile-password').click();
    await page.getByTestId('profile-password-said').and(page.getByRole('alert')).waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByLabel('Mot de passe actuel').fill(PASSWORD);
    await page.getByTestId('profile-password').click();
    await page.getByTestId('profile-password-said').getByText('Le mot de passe est changé').waitFor();
    await page.getByTestId('profile-save').click();
    await page.getByTestId('profile-name-said').getByText('Enregistré').waitFor();
    await other.getByTestId('profile-save').click();
    await other.waitForURL(/\/login|\/profile/);
    await until(other, 'it is signed out', `!localStorage.getItem('communiconnect.session')`);
    await other.context().close();
  });

  test('signs out everywhere', async () => {
    await page.getByTestId('profile-logout-all').click();
    await page.waitForURL('**/login');
    assert.equal(await page.evaluate(() => localStorage.getItem('communiconnect.session')), null);
  });

  test('a forgotten password is explained', async () => {
    const sign = await page.getByRole('link', { name: 'Mot de passe oublié ?' });
    await sign.click();
    await page.getByRole('heading', { name: 'Mot de passe oublié' }).waitFor();
    await page.getByText('Il ne sert qu’une fois').waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByRole('link', { name: 'Retour à la connexion' }).click();
    await page.getByTestId('login-email').waitFor();
  });
});
