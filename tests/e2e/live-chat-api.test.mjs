// A front end written against the service `liveChatAPI` of the app: it works with the package's, one import changed.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createLiveChatAPI, liveChatAPI } from '../../sdk/dist/index.js';
import { Somebody } from './talk.mjs';
import { World } from './world.mjs';

describe('liveChatAPI', () => {
  let world;
  let awa;
  let post;

  before(async () => {
    world = await World.open();
    awa = await Somebody.join(world, 'Awa');
    post = (await awa.goLive()).id;
  });
  after(() => world.close());

  const serviceOf = (somebody) =>
    createLiveChatAPI({ baseURL: `${world.base}/`, token: () => somebody?.session.tokens.access ?? null });

  it('sends, reads all, and reads page after page', async () => {
    const service = serviceOf(awa);
    for (const content of ['Bonjour', 'On vous entend', 'Merci']) {
      const sent = await service.sendMessage(post, { content });
      assert.equal(sent.content, content);
      assert.equal(sent.author.id, awa.id);
    }
    const all = await service.getMessages(post);
    assert.deepEqual(
      all.map(({ content }) => content),
      ['Bonjour', 'On vous entend', 'Merci'],
    );
    const first = await service.getMessagesPaginated(post, 1, 2);
    const second = await service.getMessagesPaginated(post, 2, 2);
    assert.deepEqual([...first.results, ...second.results], all);
    assert.equal(first.count, 3);
    assert.ok(first.next && !first.previous && !second.next);
  });

  it('keeps a message once that is sent twice under one client_id', async () => {
    const message = { content: 'Une seule fois', client_id: crypto.randomUUID() };
    const [once, twice] = [await serviceOf(awa).sendMessage(post, message), await serviceOf(awa).sendMessage(post, message)];
    assert.deepEqual(twice, once);
  });

  it('carries a refusal as axios does', async () => {
    const refused = await serviceOf(null)
      .sendMessage(post, { content: 'Bonjour' })
      .catch((error) => error);
    assert.equal(refused.response.status, 401);
    assert.equal(typeof refused.response.data.error, 'string');
    assert.equal(refused.message, refused.response.data.error);
    const empty = await serviceOf(awa)
      .sendMessage(post, { content: '  ' })
      .catch((error) => error);
    assert.ok([400, 422].includes(empty.response.status), `${empty.response.status}`);
    const nowhere = await createLiveChatAPI({ baseURL: 'http://127.0.0.1:9' })
      .getMessages(post)
      .catch((error) => error);
    assert.equal(nowhere.response, undefined);
  });

  it('is made for the page that imports it, and can be imported without one', () => {
    assert.equal(typeof liveChatAPI.getMessages, 'function');
  });
});
