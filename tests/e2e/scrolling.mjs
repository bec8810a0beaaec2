// What scrolling through a long conversation, and a crowd that talks, cost the page. `scrolling.test.mjs` is its short
// form; `MESSAGES=10000 THROTTLE=4 node tests/e2e/scrolling.mjs` prints the figures of docs/BENCHMARKS.md.

import { Somebody } from './talk.mjs';
import { World } from './world.mjs';

const WORDS =
  'le marché est plein ce soir et la lumière descend doucement sur les étals de mangues bonjour à tous depuis Thiès quelle ambiance merci beaucoup pour ce direct on entend très bien la musique'.split(
    ' ',
  );

/** A line as people write them: mostly short, some long, some with a link. */
export function words(index) {
  const count = index % 23 === 0 ? 60 : 2 + ((index * 7) % 14);
  const text = Array.from({ length: count }, (_, at) => WORDS[(index * 13 + at * 5) % WORDS.length]).join(' ');
  return index % 41 === 0 ? `${text} https://exemple.sn/${index}` : `${index} ${text}`;
}

/** Many messages at once, some of them answers. */
export async function fill(writers, live, count) {
  let next = 0;
  let answered = null;
  const one = async (writer) => {
    while (next < count) {
      const index = next;
      next += 1;
      const message = await writer.say(live, words(index), { ...(index % 9 === 0 && answered && { reply_to: answered }) });
      if (index % 50 === 0) answered = message.id;
    }
  };
  await Promise.all(writers.flatMap((writer) => Array.from({ length: 8 }, () => one(writer))));
}

/** Brings the whole conversation into the page, by the pinned message that is its first. */
export async function loadAll(page, first) {
  await page.getByTestId('chat-pinned').getByRole('button').first().click();
  await page.locator(`[data-seq="${first}"]`).waitFor({ timeout: 60_000 });
}

const METRICS = ['ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration', 'TaskDuration', 'LayoutCount'];

/** What `act` costs: seconds of each kind of work, the gaps between frames, and tasks of more than 50 ms. */
export async function cost(page, cdp, act) {
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  await page.evaluate(() => {
    globalThis.frames = [];
    globalThis.longTasks = [];
    const look = (now) => {
      globalThis.frames.push(now);
      globalThis.looking = requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    globalThis.watcher = new PerformanceObserver((list) =>
      globalThis.longTasks.push(...list.getEntries().map((one) => one.duration)),
    );
    globalThis.watcher.observe({ type: 'longtask' });
  });
  const read = async () =>
    Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map((one) => [one.name, one.value]));
  const before = await read();
  await act();
  const after = await read();
  const { frames, longTasks } = await page.evaluate(() => {
    cancelAnimationFrame(globalThis.looking);
    globalThis.watcher.disconnect();
    return { frames: globalThis.frames, longTasks: globalThis.longTasks };
  });
  const gaps = frames
    .slice(1)
    .map((at, index) => at - frames[index])
    .sort((a, b) => a - b);
  const share = (part) => gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * part))];
  const spent = Object.fromEntries(METRICS.map((name) => [name, after[name] - before[name]]));
  return { frames: frames.length, gap: { median: share(0.5), p95: share(0.95), worst: gaps.at(-1) }, spent, longTasks };
}

/** Scrolls as a finger or a wheel does, by so many pixels; up is positive. */
export function scroll(cdp, box, distance, speed) {
  return cdp.send('Input.synthesizeScrollGesture', {
    x: Math.round(box.x + box.width / 2),
    y: Math.round(box.y + box.height / 2),
    yDistance: distance,
    speed,
    gestureSourceType: 'mouse',
    preventFling: true,
  });
}

/** Milliseconds of CPU time for each frame drawn. */
export const perFrame = (found, name) => (found.spent[name] * 1_000) / found.frames;

/** A live with so many messages, and a page that holds all of them. */
export async function prepare(count) {
  process.env.COMMUNICONNECT_MESSAGE_BURST = '200000';
  const world = await World.open();
  const [awa, ...writers] = await Promise.all(
    ['Awa', 'Binta', 'Modou', 'Khady', 'Fatou'].map((name) => Somebody.join(world, name)),
  );
  const live = await awa.goLive();
  await fill(writers, live, count);
  const [first] = await awa.ask('GET', `${live.chat}messages/?after=0&limit=1`);
  await awa.ask('PATCH', `${live.chat}rules/`, { pinned: first.id });
  const page = await writers[0].page(live.path);
  await page.getByTestId('chat-message').first().waitFor();
  await loadAll(page, first.seq);
  const cdp = await page.context().newCDPSession(page);
  const box = await page.locator('[role=log]').boundingBox();
  return { world, awa, writers, live, page, cdp, box };
}

async function main() {
  const count = Number(process.env.MESSAGES ?? 10_000);
  const rate = Number(process.env.THROTTLE ?? 4);
  const { world, page, cdp, box } = await prepare(count);
  await page.evaluate(() => document.querySelector('video').pause());
  const height = await page.evaluate(() => document.querySelector('[role=log]').scrollHeight);
  console.log(`${count} messages, ${height} px of them`);
  for (const throttle of [1, rate]) {
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: throttle });
    for (const [name, distance, speed] of [
      ['down', -12_000, 2_000],
      ['down fast', -24_000, 8_000],
      ['up', 12_000, 2_000],
    ]) {
      const found = await cost(page, cdp, () => scroll(cdp, box, distance, speed));
      const figures = METRICS.slice(0, 4).map((one) => `${one.replace('Duration', '')} ${perFrame(found, one).toFixed(2)}`);
      const gap = `gaps ${found.gap.median.toFixed(1)}/${found.gap.p95.toFixed(1)}/${found.gap.worst.toFixed(1)}`;
      console.log(
        `CPU/${throttle}, ${name}: ${found.frames} frames, ${gap} ms (median/p95/worst); ms of CPU a frame: ${figures.join(', ')}; ${found.longTasks.length} tasks over 50 ms`,
      );
    }
  }
  await world.close();
}

if (process.argv[1]?.endsWith('scrolling.mjs')) await main();
