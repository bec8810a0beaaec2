// What our player does with a live. These functions run inside the page.

/** Puts our element into the page; resolves when it shows the live, with a sentence of what went wrong or null. */
export async function openOurs(id) {
  document.body.innerHTML = '';
  await import('/embed/communiconnect-live.js');
  const element = document.createElement('communiconnect-live');
  element.setAttribute('live-id', `${id}`);
  document.body.append(element);
  const { player } = element;
  player.video.muted = true;
  globalThis.ours = player;
  globalThis.player = player.video;
  const begun = performance.now();
  while (player.value.mode !== 'live' || player.video.readyState < 1) {
    if (player.video.error) return player.video.error.message;
    if (performance.now() - begun > 15_000) return `not open after 15 s: ${player.value.mode}, state ${player.video.readyState}`;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return player.video.src.startsWith('blob:') ? null : `not by Media Source: ${player.video.src}`;
}

/** Seeks to one place while it is paused; a sentence of what went wrong, or null: it is there, with the picture of that place. */
export async function seekOurs({ to, hasPicture }) {
  const { ours } = globalThis;
  const { video } = ours;
  const seen = [];
  const shown = (_, { mediaTime }) => {
    seen.push(mediaTime);
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
  // A picture lasts until the next one.
  const isThere = () => seen.some((time) => time > to - 1.2 && time < to + 0.11);
  ours.pause();
  ours.seek(to * 1000);
  const begun = performance.now();
  for (;;) {
    const arrived = !video.seeking && video.readyState >= 2 && Math.abs(video.currentTime - to) < 0.3;
    if (arrived && (!hasPicture || isThere())) return null;
    if (video.error) return `seek to ${to}: ${video.error.message}`;
    if (performance.now() - begun > 10_000)
      return `seek to ${to}: at ${video.currentTime}, state ${video.readyState}, pictures of [${seen}]`;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/**
 * Plays from the start to the edge, at `until` seconds; a sentence of what went wrong, or null. It may not stand still for
 * longer than `patience` milliseconds beside something that is buffered.
 */
export async function playThroughOurs({ rate, patience, until }) {
  const { ours } = globalThis;
  const { video } = ours;
  const begun = performance.now();
  const buffered = () =>
    Array.from({ length: video.buffered.length }, (_, i) => [video.buffered.start(i), video.buffered.end(i)]);
  ours.setRate(rate);
  ours.seek(0);
  await ours.play();
  let [last, movedAt] = [-1, begun];
  // It stood somewhere else before, and goes to the start when the start is there.
  let isOnItsWay = false;
  for (;;) {
    const now = performance.now();
    const time = video.currentTime;
    if (video.error) return `playing, at ${time}: ${video.error.message}`;
    isOnItsWay ||= time < Math.min(2, until / 2);
    if (isOnItsWay && time > until - 0.5) return null;
    if (time !== last) [last, movedAt] = [time, now];
    const state = () => `${last} of ${until}, buffered ${JSON.stringify(buffered())}, state ${video.readyState}`;
    if (now - movedAt > patience) return `stands still at ${state()}`;
    if (now - begun > (until * 1000) / rate + 30_000) return `too slow: at ${state()}`;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until the page shows the replay, near where the playhead was; a sentence of what went wrong, or null. */
export async function becomesReplay() {
  const { ours } = globalThis;
  const { video } = ours;
  const begun = performance.now();
  for (;;) {
    const { mode, edgeMs, positionMs } = ours.value;
    const isLoaded = video.readyState >= 1 && Math.abs(video.duration - edgeMs / 1000) < 1;
    if (mode === 'replay' && isLoaded && edgeMs - positionMs < 1_500) return null;
    if (video.error) return `the replay: ${video.error.message}`;
    if (performance.now() - begun > 15_000)
      return `no replay: ${mode}, at ${positionMs} of ${edgeMs} ms, duration ${video.duration}, state ${video.readyState}`;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
