type MediaSourceClass = typeof MediaSource;

/** The browser's MediaSource: the managed one on iPhones, which have no other. */
export function mediaSourceClass(): MediaSourceClass | null {
  const scope = globalThis as { MediaSource?: MediaSourceClass; ManagedMediaSource?: MediaSourceClass };
  return scope.MediaSource ?? scope.ManagedMediaSource ?? null;
}
