// A crowd talks while somebody watches: `MESSAGES_A_SECOND=100 FOR_S=20 node tests/e2e/crowd.mjs` prints the figures.
// Fifty people write in turn, at a steady pace whatever the answers.

import { cost } from './scrolling.mjs';
import { Somebody } from './talk.mjs';
import { World } from './world.mjs';

const PEOPLE = 50;

/** People who write, at so many messages a second all together, until `stop`. */
export async function crowd(world, live, perSecond) {
  const people = await Promise.all(Array.from({ length: PEOPLE }, (_, index) => Somebody.join(world, `Passant ${index}`)));
  const began = performance.now();
  let sent = 0;
  const answers = new Set();
  const timer = setInterval(() => {
    while (sent < ((performance.now() - began) / 1_000) * perSecond) {
      const answer = people[sent % PEOPLE].say(live, `Message ${sent} de la foule`);
      answers.add(answer);
      void answer.finally(() => answers.delete(answer));
      sent += 1;
    }
  }, 10);
  return {
    get sent() {
      return sent;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(answers);
    },
  };
}

/** What a crowd costs somebody who watches: the page's work, how soon a key shows, frames of the video that were lost. */
export async function endure(page, cdp, seconds) {
  const quality = () =>
    page.evaluate(() =>
      (({ totalVideoFrames, droppedVideoFrames }) => ({ totalVideoFrames, droppedVideoFrames }))(
        document.querySelector('video').getVideoPlaybackQuality(),
      ),
    );
  const before = await quality();
  await page.getByTestId('chat-input').focus();
  await page.evaluate(() => {
    globalThis.keys = [];
    // From the key to the end of the frame that shows it.
    document.querySelector('[data-testid=chat-input]').addEventListener('input', ({ timeStamp }) => {
      requestAnimationFrame(() => setTimeout(() => globalThis.keys.push(performance.now() - timeStamp)));
    });
  });
  const found = await cost(page, cdp, async () => {
    const end = Date.now() + seconds * 1_000;
    for (let index = 0; Date.now() < end; index += 1) {
      await page.keyboard.press('abcdefghij'[index % 10]);
      await page.waitForTimeout(200);
    }
  });
  const keys = await page.evaluate(() => globalThis.keys);
  const after = await quality();
  keys.sort((a, b) => a - b);
  return {
    ...found,
    seconds,
    keys: { median: keys[Math.floor(keys.length / 2)], worst: keys.at(-1) },
    shown: after.totalVideoFrames - before.totalVideoFrames,
    dropped: after.droppedVideoFrames - before.droppedVideoFrames,
  };
}

async function main() {
  const perSecond = Number(process.env.MESSAGES_A_SECOND ?? 100);
  const seconds = Number(process.env.FOR_S ?? 15);
  const world = await World.open();
  const awa = await Somebody.join(world, 'Awa');
  const live = await awa.goLive();
  await live.finish();
  const page = await awa.page(`${live.path}?t=0`);
  await page.getByTestId('chat-input').waitFor();
  const cdp = await page.context().newCDPSession(page);
  await page.getByTestId('chat-at-once').check();
  for (const [name, rate, speed] of [
    ['nobody talks', 1, 0],
    ['a crowd talks', 1, perSecond],
    ['a crowd talks', 4, perSecond],
  ]) {
    const talk = speed ? await crowd(world, live, speed) : null;
    await page.evaluate(() => {
      const video = document.querySelector('video');
      video.currentTime = 0;
      return video.play();
    });
    await cdp.send('Emulation.setCPUThrottlingRate', { rate });
    const found = await endure(page, cdp, seconds);
    await talk?.stop();
    console.log(
      `CPU/${rate}, ${name} (${talk?.sent ?? 0} messages): ${((found.spent.TaskDuration / seconds) * 100).toFixed(1)} % of a core, script ${((found.spent.ScriptDuration / seconds) * 100).toFixed(1)} %; ` +
        `a key shows after ${found.keys.median.toFixed(0)} ms, at worst ${found.keys.worst.toFixed(0)} ms; ${found.longTasks.length} tasks over 50 ms, the longest ${Math.round(Math.max(0, ...found.longTasks))} ms; ` +
        `${found.dropped} of ${found.shown} frames lost`,
    );
  }
  await world.close();
}

if (process.argv[1]?.endsWith('crowd.mjs')) await main();
