/** Less than this before its end, a range does not count as having the place. */
const MARGIN_S = 0.2;

/** What every track has, in seconds of the play clock. */
export function rangesOf({ buffered }: HTMLVideoElement): [start: number, end: number][] {
  return Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);
}

/** Seconds at which the range around the playhead ends, else the last; null if nothing is buffered. */
export function bufferEnd(video: HTMLVideoElement): number | null {
  const { currentTime } = video;
  const ranges = rangesOf(video);
  const around = ranges.find(([start, end]) => currentTime >= start - 0.1 && currentTime <= end);
  return (around ?? ranges.at(-1))?.[1] ?? null;
}

/** True if playing can go on from `at` seconds with what is there. */
export function isBuffered(video: HTMLVideoElement, at: number): boolean {
  return rangesOf(video).some(([start, end]) => at >= start && at < end - MARGIN_S);
}
