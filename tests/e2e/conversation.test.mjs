// What people do in a conversation: name and answer one another, read back, search, wait for the network.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { line, Somebody, write } from './talk.mjs';
import { accessibilityFaults, artifacts, PHONE, until, World } from './world.mjs';

describe('a conversation', { concurrency: false }, () => {
  let world;
  let live;
  let people;
  let awa;
  let binta;
  const seqs = (page) => page.getByTestId('chat-message').evaluateAll((rows) => rows.map((row) => Number(row.dataset.seq)));
  const log = '[role=log]';

  before(async () => {
    world = await World.open();
    people = await Promise.all(
      [
        ['Awa', 'Ndiaye'],
        ['Binta', 'Sow'],
        ['Éloïse', 'Sarr'],
      ].map((name) => Somebody.join(world, ...name)),
    );
    live = await people[0].goLive();
    await people[1].say(live, 'La première question : où est-ce ?');
    for (let index = 2; index <= 150; index += 1)
      await people[index % 2 ? 1 : 2].say(live, `Ligne ${index}\n${'mangues '.repeat(index % 9)}`);
    [awa, binta] = await Promise.all([people[0].page(live.path, { viewport: PHONE }), people[1].page(live.path)]);
    await Promise.all([awa, binta].map((page) => line(page, 'Ligne 150').waitFor()));
  });

  after(() => world?.close());

  test('an @ offers names by keyboard, accents aside, and the one who is named sees it', async () => {
    const input = awa.getByTestId('chat-input');
    await input.pressSequentially('Merci @elo');
    await awa.getByTestId('chat-person').filter({ hasText: 'Éloïse Sarr' }).waitFor();
    assert.equal(await awa.getByTestId('chat-person').count(), 1);
    assert.deepEqual(await accessibilityFaults(awa), []);
    await awa.screenshot({ path: path.join(artifacts, 'mention-phone.png') });
    assert.ok(await awa.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it scrolls sideways');
    await input.press('Escape');
    assert.equal(await awa.getByTestId('chat-person').count(), 0);
    await input.fill('');
    await input.pressSequentially('Merci @');
    await awa.getByTestId('chat-person').first().waitFor();
    const first = await awa.getByTestId('chat-person').first().innerText();
    await input.press('ArrowDown');
    await input.press('ArrowUp');
    const active = await input.getAttribute('aria-activedescendant');
    assert.equal(await awa.locator(`#${active}`).innerText(), first);
    await input.pressSequentially('bin');
    await input.press('Enter');
    assert.equal(await input.inputValue(), 'Merci @Binta Sow ');
    await input.pressSequentially('et à tous');
    await input.press('Enter');
    const row = line(binta, 'et à tous');
    await row.waitFor();
    assert.equal(await row.locator('.mention').innerText(), '@Binta Sow');
    assert.match(await row.getAttribute('class'), /names-me/);
    assert.doesNotMatch(await line(awa, 'et à tous').getAttribute('class'), /names-me/);
    const [message] = await people[0].ask('GET', `${live.chat}messages/?after=150&limit=1`);
    assert.deepEqual(
      message.mentions.map((one) => one.id),
      [people[1].id],
    );
    await binta.screenshot({ path: path.join(artifacts, 'named-desktop.png') });
    assert.deepEqual(await accessibilityFaults(binta), []);
  });

  test('who is here is counted, and named if the live shows it', async () => {
    await binta.getByTestId('chat-here').click();
    await binta
      .getByTestId('chat-here-list')
      .getByText(/regarde/)
      .waitFor();
    await binta.getByText('Ce live ne montre pas les noms.').waitFor();
    await binta.getByTestId('chat-here').click();
    await people[0].ask('PATCH', `${live.chat}rules/`, { show_members: true });
    await binta.getByTestId('chat-here').click();
    await binta.getByTestId('chat-here-list').getByText('Binta Sow').waitFor();
    assert.deepEqual(await accessibilityFaults(binta), []);
    await binta.screenshot({ path: path.join(artifacts, 'here-desktop.png') });
    await binta.getByTestId('chat-here').click();
  });

  test('older lines are loaded while scrolling up, without a jump, down to the first', async () => {
    const before = (await seqs(binta))[0];
    for (let turn = 0; turn < 60 && (await seqs(binta))[0] > 1; turn += 1) {
      const held = await binta.evaluate((box) => {
        const list = document.querySelector(box);
        list.scrollTop -= 300;
        const row = [...list.querySelectorAll('[data-seq]')].find(
          (one) => one.getBoundingClientRect().top > list.getBoundingClientRect().top + 40,
        );
        return { seq: row.dataset.seq, top: row.getBoundingClientRect().top };
      }, log);
      // Two frames: what is loaded and measured is in its place before anybody sees it.
      await binta.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const now = await binta.evaluate(
        (seq) => document.querySelector(`[data-seq="${seq}"]`)?.getBoundingClientRect().top ?? null,
        held.seq,
      );
      if (now !== null) assert.ok(Math.abs(now - held.top) < 2, `line ${held.seq} moved from ${held.top} to ${now}`);
    }
    const shown = await seqs(binta);
    assert.ok(before > 1);
    assert.equal(shown[0], 1);
    assert.deepEqual(
      shown,
      shown.map((_, index) => index + 1),
      'without a hole',
    );
    assert.ok(shown.length < 60, `${shown.length} lines are drawn`);
  });

  test('what is new is counted while somebody reads further up, and one press leads there', async () => {
    await people[2].say(live, 'Un');
    await people[2].say(live, 'Deux');
    await binta.getByTestId('chat-unread').getByText('2 nouveaux messages').waitFor();
    assert.equal((await seqs(binta))[0], 1, 'the lines that are read stay');
    await binta.getByTestId('chat-unread').click();
    await line(binta, 'Deux').waitFor();
    await binta.getByTestId('chat-unread').waitFor({ state: 'detached' });
  });

  test('an answer quotes its question, from the server if it is not here, and leads to it', async () => {
    const [first] = await people[0].ask('GET', `${live.chat}messages/?after=0&limit=1`);
    const viewer = await people[2].page(live.path);
    await line(viewer, 'Deux').waitFor();
    await people[0].say(live, 'À Ngor !', { reply_to: first.id });
    const quote = line(viewer, 'À Ngor !').getByTestId('chat-quote');
    await quote.getByText('La première question').waitFor();
    await quote.click();
    await until(viewer, 'its line has the focus', `document.activeElement?.dataset.seq === '1'`);
    const row = await line(viewer, 'La première question').and(viewer.locator('[data-seq="1"]')).boundingBox();
    const box = await viewer.locator(log).boundingBox();
    assert.ok(row.y >= box.y && row.y + row.height <= box.y + box.height, 'it can be seen');
    await viewer.context().close();
  });

  test('an answer is written from the line, and given up with Escape', async () => {
    await line(binta, 'Deux').hover();
    await line(binta, 'Deux').getByRole('button', { name: 'Répondre à Éloïse Sarr' }).click();
    await binta.getByText('Répondre à Éloïse Sarr Deux').waitFor();
    await binta.getByTestId('chat-input').press('Escape');
    await binta.getByText('Répondre à Éloïse Sarr Deux').waitFor({ state: 'detached' });
  });

  test('what is written without a network waits through a reload, and is sent once', async () => {
    await world.stopServer();
    await binta.getByText('Hors connexion').waitFor({ timeout: 20_000 });
    await write(binta, 'Écrit dans le tunnel');
    await binta.locator('[data-testid=chat-pending][data-state=waiting]').waitFor();
    await binta.screenshot({ path: path.join(artifacts, 'waiting-desktop.png') });
    assert.deepEqual(await accessibilityFaults(binta), []);
    await world.startServer();
    await binta.reload();
    await line(awa, 'Écrit dans le tunnel').waitFor({ timeout: 20_000 });
    await binta.getByTestId('chat-pending').waitFor({ state: 'detached' });
    const found = await people[0].ask('GET', `${live.chat}messages/?q=tunnel`);
    assert.equal(found.length, 1);
  });

  test('reactions rise over the picture of the others', async () => {
    await awa.getByTestId('chat-react').first().click();
    await until(binta, 'a heart', `[...document.querySelectorAll('.layer span')].some((one) => one.textContent === '❤️')`);
    await until(
      binta,
      'they are counted',
      `fetch('${live.chat}reactions/').then((one) => one.json()).then((all) => all.totals['❤️'] >= 1)`,
    );
  });

  test('on the replay a search leads to the moment, what is added is marked and can be hidden', async () => {
    const [take] = (await people[0].ask('GET', `/api/posts/live/${live.id}/timeline/`)).takes;
    await people[2].say(live, 'Regardez la pirogue', { position: { take: take.take, ms: 9_000 } });
    await live.finish();
    await people[0].ask('POST', `/api/posts/live/${live.id}/stop/`, {});
    await people[2].say(live, 'Ajouté plus tard', { position: { take: take.take, ms: 9_500 } });
    const viewer = await people[1].page(`${live.path}?t=1`);
    await viewer.getByTestId('replay-badge').waitFor();
    await viewer.getByTestId('chat-search').click();
    await viewer.getByTestId('chat-search-input').fill('pirogue');
    await viewer.getByTestId('chat-search-hit').first().click();
    await until(viewer, 'the picture is there', `document.querySelector('video').currentTime >= 8.9`);
    await line(viewer, 'Regardez la pirogue').waitFor();
    await line(viewer, 'Ajouté plus tard').getByText('Ajouté après').waitFor();
    await viewer.getByTestId('chat-hide-later').check();
    await line(viewer, 'Ajouté plus tard').waitFor({ state: 'detached' });
    await viewer.getByTestId('chat-hide-later').uncheck();
    await line(viewer, 'Ajouté plus tard').waitFor();
    assert.deepEqual(await accessibilityFaults(viewer), []);

    await viewer.getByTestId('player-captions').click();
    await until(
      viewer,
      'the subtitles show',
      `[...document.querySelector('video').textTracks].some((one) => one.mode === 'showing' && one.cues?.length > 100)`,
    );
    await until(
      viewer,
      'a cue is active',
      `[...document.querySelector('video').textTracks[0].activeCues].some((one) => one.text.includes('pirogue'))`,
    );
    assert.deepEqual(await accessibilityFaults(viewer), []);
    await viewer.screenshot({ path: path.join(artifacts, 'captions-desktop.png') });
    await viewer.getByTestId('player-captions').click();
    await until(
      viewer,
      'they are gone',
      `[...document.querySelector('video').textTracks].every((one) => one.mode !== 'showing')`,
    );
    assert.deepEqual(viewer.complaints, []);
  });

  test('the conversation is a subtitle track of a plain <video>', async () => {
    const page = await people[1].page('/healthz');
    const [cues, text] = await page.evaluate(
      async ([replay, captions]) => {
        document.body.innerHTML = '<video muted><track default kind="subtitles" srclang="fr"></video>';
        const video = document.querySelector('video');
        const track = document.querySelector('track');
        const loaded = new Promise((done, failed) => {
          track.onload = done;
          track.onerror = () => failed(new Error('the track was refused'));
        });
        track.src = captions;
        video.src = replay;
        await loaded;
        await new Promise((done) => {
          track.track.oncuechange = () => track.track.activeCues.length && done();
          video.currentTime = 9.2;
        });
        return [track.track.cues.length, [...track.track.activeCues].map((cue) => cue.getCueAsHTML().textContent).join()];
      },
      [`/api/posts/live/${live.id}/replay.webm`, `${live.chat}export/?format=vtt`],
    );
    assert.ok(cues > 150, `${cues}`);
    assert.match(text, /Regardez la pirogue/);
  });

  test('nothing went wrong in either page', () => {
    const cut = /ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|WebSocket|Failed to fetch/;
    for (const page of [awa, binta])
      assert.deepEqual(
        page.complaints.filter((one) => !cut.test(one)),
        [],
      );
  });
});
