// The page of administrators, on a phone: people, lives, reports, bans, invitations, webhooks.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { Somebody } from './talk.mjs';
import { accessibilityFaults, PHONE, picture, World } from './world.mjs';

const program = process.env.COMMUNICONNECT_BIN ?? 'target/debug/communiconnect';

describe('the page of administrators', { concurrency: false }, () => {
  let world;
  let awa;
  let live;
  let page;

  before(async () => {
    world = await World.open();
    const fatou = await Somebody.join(world, 'Fatou');
    awa = await Somebody.join(world, 'Awa');
    live = await awa.goLive({ title: 'Marché de Sandaga' });
    const said = await awa.say(live, 'Grossier');
    await fatou.ask('POST', `${live.chat}${said.id}/report/`, { reason: 'impoli' });
    const me = await fatou.ask('GET', '/api/users/my-profile/');
    execFileSync(program, ['user', 'role', `${me.id}`, 'admin', '--yes', '--data-dir', world.data]);
    page = await fatou.page('/profile', { viewport: PHONE });
  });
  after(() => world?.close());

  const open = async (part) => {
    await page.getByTestId(`admin-${part}`).click();
    await page.getByTestId(`admin-${part}`).and(page.locator('[aria-current=page]')).waitFor();
  };
  const row = (text) => page.getByTestId('admin-list').locator('li', { hasText: text });

  test('is for administrators', async () => {
    const other = await awa.page('/admin/');
    await other.getByText('réservée aux administrateurs').waitFor();
    await other.close();
  });

  test('shows each of its parts, without faults, at both widths', async () => {
    await page.goto('/admin/');
    await row('Awa').waitFor();
    await picture(page, 'admin');
    for (const part of ['people', 'lives', 'reports', 'bans', 'invitations', 'webhooks']) {
      await open(part);
      await page.locator('[data-testid=admin-list], [data-testid=admin-none]').waitFor();
      assert.deepEqual(await accessibilityFaults(page), [], part);
    }
  });

  test('acts, and asks before it destroys', async () => {
    await open('reports');
    await row('Grossier').getByTestId('admin-dismiss').click();
    await page.getByTestId('admin-none').waitFor();
    await open('invitations');
    await page.getByTestId('admin-invite').click();
    assert.match(await page.getByTestId('admin-once').innerText(), /invitation=/);
    await open('lives');
    await row('Sandaga').getByTestId('admin-delete-live').click();
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByTestId('admin-yes').click();
    await page.getByTestId('admin-none').waitFor();
    assert.equal((await fetch(`${world.base}/api/posts/live/${live.id}/`)).status, 404);
  });
});
