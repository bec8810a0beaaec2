import type { Player } from '@communiconnect/live';

/** Media of files that were left for another way: the browser tells of a file only as long as it is there. Bytes. */
let left = 0;

/** Bytes of the file that is in the element: what was loaded of it, as a part of what all of it costs. */
function ofFile(player: Player): number {
  const { video } = player;
  const { live, mode, way, edgeMs } = player.value;
  const all = live?.cost[way];
  if (!all || mode !== 'replay' || video.src.startsWith('blob:') || !edgeMs) return 0;
  return (all * secondsOf(video.buffered, video.played) * 1000) / edgeMs;
}

/** Seconds that are in any of these ranges. */
function secondsOf(...lists: TimeRanges[]): number {
  const ranges = lists.flatMap((list) =>
    Array.from({ length: list.length }, (_, index) => [list.start(index), list.end(index)] as const),
  );
  ranges.sort(([one], [other]) => one - other);
  let sum = 0;
  let upTo = 0;
  for (const [start, end] of ranges) {
    sum += Math.max(0, end - Math.max(start, upTo));
    upTo = Math.max(upTo, end);
  }
  return sum;
}

/** Another way is about to be followed: what this one used stays used. */
export function leaveWay(player: Player): void {
  left += ofFile(player);
}

/** Bytes that this page has used so far: what it is made of, what it asked, and its media. */
export function usedBytes(player: Player): number {
  const asked = performance.getEntries().reduce((sum, entry) => {
    const { initiatorType, transferSize } = entry as PerformanceResourceTiming;
    return sum + (initiatorType === 'video' || initiatorType === 'audio' ? 0 : (transferSize ?? 0));
  }, 0);
  return asked + left + ofFile(player) + player.carriedBytes;
}
