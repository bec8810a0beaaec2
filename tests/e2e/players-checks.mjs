// What a `<video>` does with an address. These functions run inside the page.

/** Puts one `<video>` into the page and waits for its metadata; its duration, or a sentence of what went wrong. */
export function load(address) {
  return new Promise((resolve) => {
    document.body.innerHTML = '';
    const video = document.createElement('video');
    video.muted = true;
    globalThis.player = video;
    const timer = setTimeout(() => resolve({ fault: 'no metadata within 15 s' }), 15_000);
    const settle = (result) => {
      clearTimeout(timer);
      resolve(result);
    };
    video.onloadedmetadata = () => settle({ duration: video.duration, width: video.videoWidth });
    video.onerror = () => settle({ fault: `error ${video.error?.code}: ${video.error?.message}` });
    video.src = address;
    document.body.append(video);
  });
}

/** Seeks to one place; a sentence of what went wrong, or null: it arrives, and a picture of that place is decoded. */
export function seek({ to, hasPicture }) {
  return new Promise((resolve) => {
    const video = globalThis.player;
    let seeked = false;
    let mediaTime = null;
    const seen = [];
    const finish = (fault) => {
      clearTimeout(timer);
      resolve(fault);
    };
    const timer = setTimeout(
      () => finish(`seek to ${to}: seeked ${seeked}, pictures of [${seen}], at ${video.currentTime}, state ${video.readyState}`),
      10_000,
    );
    const check = () => {
      if (!seeked || video.readyState < 2 || (hasPicture && mediaTime === null)) return;
      if (Math.abs(video.currentTime - to) > 0.3) return finish(`seek to ${to}: at ${video.currentTime}`);
      finish(null);
    };
    video.onseeked = () => {
      seeked = true;
      check();
    };
    video.oncanplay = check;
    video.onerror = () => finish(`seek to ${to}: ${video.error?.message}`);
    const shown = (_, { mediaTime: time }) => {
      seen.push(time);
      // A picture lasts until the next one, which may be a while in a recording with gaps; one of before may come late.
      if (time > to + 0.11 || time < to - 1.2) video.requestVideoFrameCallback(shown);
      else mediaTime = time;
      check();
    };
    if (hasPicture) video.requestVideoFrameCallback(shown);
    video.pause();
    video.currentTime = to;
  });
}

/** Whether there is a picture to draw now: without one, the canvas stays transparent. */
export function isDrawn() {
  const canvas = document.createElement('canvas');
  canvas.width = 16;
  canvas.height = 16;
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  pen.drawImage(globalThis.player, 0, 0, 16, 16);
  return pen.getImageData(8, 8, 1, 1).data[3] === 255;
}

/** Plays from the start to the end; a sentence of what went wrong, or null. `patience` in milliseconds. */
export function playThrough({ rate, patience }) {
  return new Promise((resolve) => {
    const video = globalThis.player;
    const begun = performance.now();
    let [lastTime, movedAt] = [-1, begun];
    const finish = (fault) => {
      clearInterval(watch);
      resolve(fault);
    };
    const bufferedAhead = () => {
      for (let i = 0; i < video.buffered.length; i++)
        if (video.buffered.start(i) <= video.currentTime + 0.05 && video.buffered.end(i) > video.currentTime)
          return video.buffered.end(i) - video.currentTime;
      return 0;
    };
    const watch = setInterval(() => {
      const now = performance.now();
      if (video.error) return finish(`playing, at ${video.currentTime}: ${video.error.message}`);
      if (video.ended) {
        const short = video.duration - video.currentTime;
        return finish(short > 0.1 ? `ended ${short} s before its end` : null);
      }
      if (video.currentTime !== lastTime) [lastTime, movedAt] = [video.currentTime, now];
      else if (now - movedAt > patience)
        finish(
          `stands still at ${lastTime} of ${video.duration}, ${bufferedAhead()} s buffered ahead, state ${video.readyState}`,
        );
      if (now - begun > (video.duration * 1000) / rate + 30_000)
        finish(`too slow: at ${video.currentTime} after ${now - begun} ms`);
    }, 50);
    video.onended = null;
    video.currentTime = 0;
    video.playbackRate = rate;
    video.play().catch((error) => finish(`play: ${error.message}`));
  });
}

/** Joins a tail with a bare `<video>`: milliseconds to the first picture, and to `seconds` more of it played. */
export function join({ address, seconds, hasPicture }) {
  return new Promise((resolve) => {
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const begun = performance.now();
    const state = () => `at ${video.currentTime}, state ${video.readyState}`;
    const found = { first: null, moved: null, fault: null };
    const finish = () => {
      clearInterval(watch);
      clearTimeout(timer);
      video.removeAttribute('src');
      video.load();
      video.remove();
      resolve(found);
    };
    const timer = setTimeout(() => {
      found.fault = `not playing after 15 s: ${state()}`;
      finish();
    }, 15_000);
    video.onerror = () => {
      found.fault = `${video.error?.message} ${state()}`;
      finish();
    };
    const shown = () => {
      found.first = Math.round(performance.now() - begun);
    };
    if (hasPicture) video.requestVideoFrameCallback(shown);
    else video.addEventListener('playing', shown, { once: true });
    let origin = null;
    const watch = setInterval(() => {
      if (found.first === null) return;
      origin ??= video.currentTime;
      if (video.currentTime - origin < seconds && !video.ended) return;
      found.moved = Math.round(performance.now() - begun);
      finish();
    }, 50);
    video.src = address;
    video.play().catch(() => undefined);
  });
}

/** What our player in the watch page has shown so far. */
export function watched() {
  const video = document.querySelector('[data-testid="player-video"]') ?? document.querySelector('video');
  if (!video) return null;
  const { totalVideoFrames: frames } = video.getVideoPlaybackQuality();
  return {
    time: video.currentTime,
    frames,
    state: video.readyState,
    paused: video.paused,
    fault: video.error?.message ?? null,
    buffered: Array.from({ length: video.buffered.length }, (_, i) => [video.buffered.start(i), video.buffered.end(i)]),
  };
}
