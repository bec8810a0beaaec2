import type { Live } from '../types.js';
import type { PipelineOptions } from './pipeline.js';

/**
 * Puts a live into the element for the browser to play by itself: HLS where it can, else a bare tail. A playlist holds all of
 * the live, so the element's time is the play clock's, and it begins at `fromMs`, or at the edge if that is null.
 */
export async function play(
  video: HTMLVideoElement,
  { api, liveId, key, moveTo }: PipelineOptions,
  fromMs: number | null,
  ask: () => Promise<Live>,
  signal: AbortSignal,
): Promise<void> {
  // There are playlists from the first fragment on: what the page knows of the live may be from before it.
  const live = await ask().catch(() => null);
  if (signal.aborted) return;
  const hls = video.canPlayType('application/vnd.apple.mpegurl') && live?.hls_url;
  video.src = hls || api.url(`/api/posts/live/${liveId}/tail.mp4`, { key });
  if (!hls || fromMs === null) return;
  video.addEventListener('loadedmetadata', () => moveTo(fromMs / 1000), { once: true, signal });
}
