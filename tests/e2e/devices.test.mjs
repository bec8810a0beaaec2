// Which camera and microphone a live is made with, whether one is heard, and what it costs: before it begins.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Somebody } from './talk.mjs';
import { accessibilityFaults, artifacts, PHONE, until, World } from './world.mjs';

describe('the studio before a live', { concurrency: false }, () => {
  let world;
  let page;

  before(async () => {
    world = await World.open();
    page = await (await Somebody.join(world, 'Awa')).page('/studio', { viewport: PHONE });
    await page.getByTestId('studio-camera-device').waitFor();
  });
  after(() => world?.close());

  test('offers the cameras and microphones by name, and takes the one that is chosen', async () => {
    const used = (kind) =>
      page.evaluate(
        (wanted) =>
          document
            .querySelector('[data-testid=studio-preview]')
            .srcObject?.getTracks()
            .find((track) => track.kind === wanted)?.label,
        kind,
      );
    for (const [id, kind] of [
      ['studio-camera-device', 'video'],
      ['studio-microphone-device', 'audio'],
    ]) {
      const select = page.getByTestId(id);
      const names = await select.locator('option').allInnerTexts();
      assert.ok(names.length > 0 && names.every((name) => name !== ''), `${id}: ${names}`);
      const other = names.at(-1);
      await select.selectOption({ label: other });
      for (let turn = 0; turn < 100 && (await used(kind)) !== other; turn += 1) await page.waitForTimeout(50);
      assert.equal(await used(kind), other);
      await until(
        page,
        'it is still the chosen one',
        `document.querySelector('[data-testid=${id}]')?.selectedOptions[0]?.label === ${JSON.stringify(other)}`,
      );
    }
  });

  test('shows how loud the microphone is, and says what an hour costs', async () => {
    await until(
      page,
      'a level',
      `Number(document.querySelector('[data-testid=studio-level]').ariaValueNow ?? document.querySelector('[data-testid=studio-level]').getAttribute('aria-valuenow')) > 3`,
    );
    await page.getByText('1 h ≈ 333 Mo, ou 3 h avec votre forfait de 1 Go').waitFor();
    await page.getByTestId('studio-quality').selectOption('low');
    await page.getByText(/1 h ≈ 172\sMo, ou 5 h 4\d min avec votre forfait/).waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.screenshot({ path: path.join(artifacts, 'studio-devices-phone.png'), fullPage: true });
  });

  test('says that nobody is heard after five silent seconds', async () => {
    const quiet = await (await Somebody.join(world, 'Binta')).page(null, { viewport: PHONE });
    await quiet.addInitScript(() => {
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wish) => {
        const stream = await open(wish);
        const silence = new AudioContext().createMediaStreamDestination().stream.getAudioTracks();
        return new MediaStream([...stream.getVideoTracks(), ...silence]);
      };
    });
    await quiet.goto('/studio');
    await quiet.getByText('On ne vous entend pas').waitFor();
    assert.deepEqual(await accessibilityFaults(quiet), []);
    await quiet.context().close();
  });

  test('offers the screen, and changes nothing if nobody chooses what to show', async () => {
    await page.evaluate(() => {
      navigator.mediaDevices.getDisplayMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
    });
    await page.getByTestId('studio-screen').click();
    await until(page, 'the camera is still there', `document.querySelector('[data-testid=studio-preview]').srcObject?.active`);
    assert.equal(await page.getByTestId('studio-screen').getAttribute('aria-pressed'), 'false');
    await page.evaluate(() => {
      const canvas = document.createElement('canvas');
      canvas.width = 320;
      canvas.height = 180;
      setInterval(() => canvas.getContext('2d').fillRect(0, 0, 320, 180), 50);
      navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(20);
    });
    await page.getByTestId('studio-screen').click();
    await page.locator('[data-testid=studio-screen][aria-pressed=true]').waitFor();
    await until(page, 'its picture', `document.querySelector('[data-testid=studio-preview]').videoWidth === 320`);
    await page.getByTestId('studio-screen').click();
    await page.locator('[data-testid=studio-screen][aria-pressed=false]').waitFor();
    await until(page, 'the camera again', `document.querySelector('[data-testid=studio-preview]').videoWidth > 320`);
    assert.deepEqual(page.complaints, []);
  });
});
