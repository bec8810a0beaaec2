// The author of a live and its moderators lead the conversation, from the page.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { choose, line, Somebody, write } from './talk.mjs';
import { accessibilityFaults, artifacts, PHONE, until, World } from './world.mjs';

describe('leading a conversation', { concurrency: false }, () => {
  let world;
  let live;
  let people;
  let awa;
  let binta;
  let modou;

  before(async () => {
    world = await World.open();
    people = await Promise.all(['Awa', 'Binta', 'Modou'].map((name) => Somebody.join(world, name)));
    live = await people[0].goLive();
    for (const text of ['Bonjour à tous', 'Quel beau marché !', 'Combien coûtent les mangues ?']) await people[1].say(live, text);
    await people[2].say(live, 'Achetez chez moi, pas cher !!!');
    [awa, binta, modou] = await Promise.all(people.map((one) => one.page(live.path)));
    await Promise.all([awa, binta, modou].map((page) => line(page, 'pas cher').waitFor()));
  });

  after(() => world?.close());

  const acts = async () => (await people[0].ask('GET', `${live.chat}acts/`)).map((act) => act.act);

  test('a viewer is not offered what only those who lead may do', async () => {
    await line(binta, 'pas cher').hover();
    await line(binta, 'pas cher').getByTestId('chat-more').click();
    await binta.getByTestId('menu-link').waitFor();
    const items = await binta
      .getByTestId('chat-menu')
      .getByRole('menuitem')
      .evaluateAll((all) => all.map((one) => one.dataset.testid));
    assert.deepEqual(items, ['menu-reply', 'menu-link']);
    assert.deepEqual(await accessibilityFaults(binta), []);
    await binta.keyboard.press('Escape');
    assert.equal(await binta.getByTestId('chat-lead').count(), 0);
    const scripts = await binta.evaluate(() => performance.getEntriesByType('resource').map((one) => one.name));
    assert.ok(!scripts.some((name) => /Lead/.test(name)), 'what leads is not loaded for viewers');
  });

  test('the menu works from the keyboard, and gives the focus back', async () => {
    const button = line(awa, 'beau marché').getByTestId('chat-more');
    await button.focus();
    await awa.keyboard.press('Enter');
    await awa.getByTestId('chat-menu').waitFor();
    const focused = () => awa.evaluate(() => document.activeElement.dataset.testid);
    await until(awa, 'the first item has the focus', `document.activeElement.dataset.testid === 'menu-reply'`);
    await awa.keyboard.press('ArrowDown');
    assert.equal(await focused(), 'menu-link');
    await awa.keyboard.press('End');
    assert.equal(await focused(), 'menu-delete');
    assert.deepEqual(await accessibilityFaults(awa), []);
    await awa.keyboard.press('Escape');
    await awa.getByTestId('chat-menu').waitFor({ state: 'detached' });
  });

  test('a link to the moment is copied', async () => {
    await choose(binta, 'beau marché', 'link');
    await binta.getByTestId('chat-note').waitFor();
    const copied = new URL(await binta.evaluate(() => navigator.clipboard.readText()));
    const messages = await people[1].ask('GET', `${live.chat}messages/`);
    assert.equal(copied.pathname, live.path);
    assert.equal(Number(copied.searchParams.get('t')), messages[1].position_ms / 1_000);
  });

  test('a pinned message stands above the conversation for everybody, leads to its line and goes away again', async () => {
    await choose(awa, 'beau marché', 'pin');
    for (const page of [awa, binta, modou]) await page.getByTestId('chat-pinned').getByText('Quel beau marché !').waitFor();
    assert.equal(await binta.getByTestId('chat-unpin').count(), 0);
    assert.deepEqual(await accessibilityFaults(binta), []);
    await binta.getByTestId('chat-pinned').getByRole('button').click();
    await until(binta, 'its line has the focus', `document.activeElement?.textContent.includes('Quel beau marché !')`);
    await awa.getByTestId('chat-unpin').click();
    for (const page of [awa, binta, modou]) await page.getByTestId('chat-pinned').waitFor({ state: 'detached' });
  });

  test('a message that is deleted disappears from every screen', async () => {
    await choose(awa, 'pas cher', 'delete');
    for (const page of [awa, binta, modou]) {
      await line(page, 'pas cher').waitFor({ state: 'detached' });
      await page.locator('[data-seq="4"]').getByText('Message supprimé').waitFor();
    }
  });

  test('who is silenced reads why, keeps the text to change it, and may write again once let', async () => {
    await write(modou, 'Dernière chance : promotions !');
    await line(awa, 'Dernière chance').waitFor();
    await choose(awa, 'Dernière chance', 'silence-5');
    await until(awa, 'it says so', `document.querySelector('[data-testid=chat-note]')?.textContent.includes('Modou')`);
    await write(modou, 'Et encore une promotion');
    const kept = modou.getByTestId('chat-pending').filter({ hasText: 'Et encore' });
    await kept.and(modou.locator('[data-state=refused]')).waitFor();
    assert.match(await kept.innerText(), /Vous ne pouvez pas écrire dans ce live avant \d\d:\d\d\./);
    await modou.screenshot({ path: path.join(artifacts, 'refused.png') });
    assert.deepEqual(await accessibilityFaults(modou), []);
    await kept.getByTestId('chat-edit').click();
    assert.equal(await modou.getByTestId('chat-input').inputValue(), 'Et encore une promotion');

    await awa.getByTestId('chat-lead').click();
    await awa.getByTestId('lead-people').click();
    await awa.getByTestId('sanction').filter({ hasText: 'Modou Ndiaye' }).waitFor();
    assert.deepEqual(await accessibilityFaults(awa), []);
    await awa.getByTestId('lift').click();
    await awa.getByTestId('sanction').waitFor({ state: 'detached' });
    await awa.getByTestId('lead-back').click();
    await modou.getByTestId('chat-send').click();
    await line(binta, 'Et encore une promotion').waitFor();
  });

  test('rules are set: slow mode makes the next message wait, counted down', async () => {
    await awa.getByTestId('chat-lead').click();
    await awa.getByTestId('rule-slow').selectOption('3000');
    await until(awa, 'it is kept', `document.querySelector('[data-testid=chat-note]')?.textContent.includes('Enregistré')`);
    assert.deepEqual(await accessibilityFaults(awa), []);
    await write(modou, 'Premier');
    await line(modou, 'Premier').waitFor();
    await write(modou, 'Deuxième');
    const waits = modou.getByTestId('chat-pending').filter({ hasText: 'Deuxième' });
    await until(
      modou,
      'it waits',
      `/Trop vite : envoi dans \\d s/.test(document.querySelector('[data-testid=chat-pending]')?.innerText)`,
    );
    await line(binta, 'Deuxième').waitFor({ timeout: 15_000 });
    await waits.waitFor({ state: 'detached' });
    await awa.getByTestId('rule-slow').selectOption('0');
  });

  test('unwanted words are refused, however they are written', async () => {
    await awa.getByTestId('rule-words').fill('arnaque');
    await awa.getByTestId('rule-words-save').click();
    await until(awa, 'they are kept', `document.querySelector('[data-testid=rule-words-save]').disabled`);
    await write(modou, 'Quelle a r n à q u e');
    const kept = modou.getByTestId('chat-pending').filter({ hasText: 'Quelle' });
    await kept.and(modou.locator('[data-state=refused]')).waitFor();
    assert.match(await kept.innerText(), /un mot qui n'est pas souhaité/);
    await kept.getByText('Retirer').click();
    await awa.getByTestId('rule-words').fill('');
    await awa.getByTestId('rule-words-save').click();
  });

  test('with approval a message waits for its author too, appears once published, or is told to be rejected', async () => {
    await awa.getByTestId('rule-hold').check();
    await until(awa, 'it is kept', `fetch('${live.chat}rules/').then((one) => one.json()).then((rules) => rules.hold)`);
    await write(modou, 'Publiez-moi');
    await modou.locator('[data-testid=chat-pending][data-state=held]').waitFor();
    assert.match(await modou.getByTestId('chat-pending').innerText(), /En attente d’un modérateur/);
    assert.equal(await line(binta, 'Publiez-moi').count(), 0);
    await awa.getByTestId('lead-held').click();
    await awa.getByTestId('held').filter({ hasText: 'Publiez-moi' }).waitFor();
    assert.deepEqual(await accessibilityFaults(awa), []);
    await awa.getByTestId('held-approve').click();
    await line(binta, 'Publiez-moi').waitFor();
    await modou.getByTestId('chat-pending').waitFor({ state: 'detached' });
    assert.equal(await line(modou, 'Publiez-moi').count(), 1);

    await write(modou, 'Rejetez-moi');
    await awa.getByTestId('held').filter({ hasText: 'Rejetez-moi' }).waitFor();
    await awa.getByTestId('held-reject').click();
    await awa.getByTestId('held').waitFor({ state: 'detached' });
    await modou.reload();
    await modou.locator('[data-testid=chat-pending][data-state=declined]').waitFor();
    await modou.getByTestId('chat-pending').getByText('Retirer').click();
    await awa.getByTestId('lead-rules').click();
    await awa.getByTestId('rule-hold').uncheck();
    await awa.getByTestId('lead-back').click();
  });

  test('a moderator whom the author names leads too, and does not name others', async () => {
    await choose(awa, 'beau marché', 'moderator');
    await until(awa, 'it says so', `document.querySelector('[data-testid=chat-note]')?.textContent.includes('modère désormais')`);
    await binta.reload();
    await binta.getByTestId('chat-lead').waitFor();
    await choose(binta, 'Et encore une promotion', 'ban-delete');
    await binta.getByTestId('menu-ban-delete').click();
    await line(awa, 'Et encore une promotion').waitFor({ state: 'detached' });
    await write(modou, 'Encore moi');
    await modou.locator('[data-testid=chat-pending][data-state=refused]').waitFor();
    await binta.getByTestId('chat-lead').click();
    await binta.getByTestId('lead-people').click();
    await binta.getByTestId('moderator').filter({ hasText: 'Binta' }).waitFor();
    assert.equal(await binta.getByTestId('moderator').getByRole('button').count(), 0);
    assert.match(await binta.getByTestId('sanction').innerText(), /Modou Ndiaye\s+Banni de ce live/);
  });

  test('every act is in the log, in words', async () => {
    await binta.getByTestId('lead-acts').click();
    await binta.getByTestId('act').filter({ hasText: 'a banni' }).waitFor();
    const text = await binta.locator('[data-act=silence]').innerText();
    assert.match(text, /Awa Ndiaye\s+a réduit au silence\s+Modou Ndiaye/);
    const known = await acts();
    for (const act of ['pin', 'delete', 'silence', 'lift', 'slow', 'words', 'hold', 'approve', 'reject', 'moderator', 'ban'])
      assert.ok(known.includes(act), act);
    assert.deepEqual(await accessibilityFaults(binta), []);
  });

  test('all of it fits a phone, in English and in the dark', async () => {
    const page = await people[0].page(live.path, { viewport: PHONE, locale: 'en-GB', colorScheme: 'dark' });
    await page.getByTestId('chat-lead').click();
    for (const tab of ['rules', 'held', 'people', 'acts']) {
      await page.getByTestId(`lead-${tab}`).click();
      await page.locator('#lead-panel :is(ul, .rules, .nothing)').first().waitFor();
      if (tab !== 'acts') assert.deepEqual(await accessibilityFaults(page), []);
      await page.screenshot({ path: path.join(artifacts, `dark-lead-${tab}-phone.png`) });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${tab} scrolls sideways`);
    }
    await page.getByTestId('lead-back').click();
    await line(page, 'beau marché').getByTestId('chat-more').click();
    await page.getByTestId('chat-menu').waitFor();
    await page.screenshot({ path: path.join(artifacts, 'dark-menu-phone.png') });
  });

  test('nothing went wrong in any page', () => {
    const refused = /status of (403|422|429)/;
    for (const page of [awa, binta, modou])
      assert.deepEqual(
        page.complaints.filter((one) => !refused.test(one)),
        [],
      );
  });
});
