// People who talk, for tests of the conversation: signed up and writing by plain requests, reading in the browser.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { BEGINS, DESKTOP, store } from './world.mjs';

const recording = (name) => readFileSync(new URL(`../../testdata/${name}`, import.meta.url));
let people = 0;

/** Somebody with an account, and what they may ask the server. */
export class Somebody {
  static async join(world, firstName, lastName = 'Ndiaye') {
    people += 1;
    const email = `p${people}-${process.pid}@exemple.sn`;
    const answer = await fetch(`${world.base}/api/users/register/`, {
      method: 'POST',
      body: JSON.stringify({ email, password: 'une phrase assez longue', first_name: firstName, last_name: lastName }),
    });
    assert.equal(answer.status, 201, await answer.clone().text());
    const somebody = new Somebody();
    somebody.world = world;
    somebody.session = await answer.json();
    somebody.id = somebody.session.user.id;
    return somebody;
  }

  /** The answer to a request; an error if its status is not one of those expected. */
  async ask(method, path, body, expected = [200, 201, 202, 204]) {
    const answer = await fetch(this.world.base + path, {
      method,
      headers: { Authorization: `Bearer ${this.session.tokens.access}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    assert.ok(expected.includes(answer.status), `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** A live of theirs with twenty seconds in it, still running. */
  async goLive(fields = {}, name = 'webm_vp9_opus.webm') {
    const started = await this.ask('POST', '/api/posts/live/start/', { title: 'Marché de Sandaga', ...fields });
    const id = started.live_id;
    const headers = { Authorization: `Bearer ${this.session.tokens.access}`, 'Tus-Resumable': '1.0.0' };
    const created = await fetch(`${this.world.base}/api/posts/live/${id}/upload/`, {
      method: 'POST',
      headers: { ...headers, 'Upload-Defer-Length': '1' },
    });
    const location = new URL(created.headers.get('location'), this.world.base);
    const body = recording(name);
    const sent = await fetch(location, {
      method: 'PATCH',
      headers: { ...headers, 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' },
      body,
    });
    assert.equal(sent.status, 204);
    const finish = () =>
      fetch(location, {
        method: 'PATCH',
        headers: {
          ...headers,
          'Upload-Offset': `${body.length}`,
          'Upload-Length': `${body.length}`,
          'Content-Type': 'application/offset+octet-stream',
        },
      });
    return { id, path: `/live/${id}`, chat: `/api/posts/live/${id}/chat/`, finish };
  }

  say(live, content, more = {}) {
    return this.ask('POST', live.chat, { content, ...more });
  }

  /** A page of theirs, signed in. `begins`: replays begin without being asked. */
  async page(
    path,
    { viewport = DESKTOP, locale = 'fr-FR', colorScheme = 'light', reducedMotion = 'reduce', begins = true } = {},
  ) {
    const context = await this.world.browser.newContext({
      viewport,
      baseURL: this.world.base,
      locale,
      colorScheme,
      reducedMotion,
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await context.addInitScript(store, { 'communiconnect.session': JSON.stringify(this.session), ...(begins && BEGINS) });
    const page = await context.newPage();
    page.complaints = [];
    page.on('pageerror', (error) => page.complaints.push(`${error}`));
    page.on('console', (message) => {
      if (message.type() === 'error') page.complaints.push(`${message.text()} (${message.location().url})`);
    });
    if (path) await page.goto(path);
    return page;
  }
}

/** Writes in the page and sends it. */
export async function write(page, text) {
  await page.getByTestId('chat-input').fill(text);
  await page.getByTestId('chat-send').click();
}

/** The line with this text. */
export const line = (page, text) => page.getByTestId('chat-message').filter({ hasText: text });

/** Opens the menu of the line with this text, and chooses. */
export async function choose(page, text, item) {
  await line(page, text).hover();
  await line(page, text).getByTestId('chat-more').click();
  await page.getByTestId(`menu-${item}`).click();
}
