import { rangesOf } from './buffered.js';

/** Seconds read ahead of the playhead; the answer is read no further until they are used up. */
const AHEAD_S = 40;
const LOOK_MS = 250;

export interface StartOptions {
  /** Asks for the take from the place where playing begins, picture and sound in one stream. */
  ask: (signal: AbortSignal) => Promise<Response>;
  /** What the stream is, for a `SourceBuffer`. */
  mime: string;
  /** The place where it begins, and the length of the replay, in milliseconds of the play clock. */
  atMs: number;
  lengthMs: number;
  signal: AbortSignal;
  onArrival?: ((bytes: number) => void) | undefined;
  /** The element is to play the file from here on: somebody went where nothing is buffered, or the stream broke. */
  onLeave: () => void;
}

/**
 * The start of a replay where the network is slow: the take as a stream, of which the first picture is the first thing. A file
 * has the index of all of it before that.
 */
export async function start(video: HTMLVideoElement, options: StartOptions): Promise<void> {
  const { signal, onLeave } = options;
  const leave = (): void => {
    if (!signal.aborted) onLeave();
  };
  const isElsewhere = (): boolean =>
    !rangesOf(video).some(([from, to]) => video.currentTime >= from - 0.5 && video.currentTime <= to + 0.5);
  try {
    await fill(video, options, () => {
      video.addEventListener('seeking', () => isElsewhere() && leave(), { signal });
    });
  } catch {
    leave();
  }
}

async function fill(video: HTMLVideoElement, options: StartOptions, onBegun: () => void): Promise<void> {
  const { signal } = options;
  const coming = options.ask(signal);
  // It is looked at below; until then nobody need hear that it failed.
  coming.catch(() => undefined);
  const media = new MediaSource();
  video.src = URL.createObjectURL(media);
  await new Promise((resolve) => media.addEventListener('sourceopen', resolve, { once: true, signal }));
  URL.revokeObjectURL(video.src);
  const buffer = media.addSourceBuffer(options.mime);
  media.duration = options.lengthMs / 1000;
  const answer = await coming;
  if (!answer.ok || !answer.body) throw new Error(`${answer.status}`);
  buffer.timestampOffset = Number(answer.headers.get('Live-Position-Ms')) / 1000;
  video.currentTime = options.atMs / 1000;
  const reader = answer.body.getReader();
  for (let isFirst = true; ; isFirst = false) {
    const { value, done } = await reader.read();
    if (done || signal.aborted) break;
    options.onArrival?.(value.length);
    buffer.appendBuffer(value);
    await new Promise((resolve) => buffer.addEventListener('updateend', resolve, { once: true }));
    if (isFirst) onBegun();
    while (!signal.aborted && (rangesOf(video).at(-1)?.[1] ?? 0) - video.currentTime > AHEAD_S)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  if (media.readyState === 'open') media.endOfStream();
}
