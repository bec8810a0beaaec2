import type { Position, Take, TakeTrack, Timeline, TrackKind } from '../types.js';

/** The take that is playing at `ms` of the play clock: the last that starts at or before it. */
export function takeAt(timeline: Timeline, ms: number): Take | null {
  const takes = ordered(timeline);
  return takes.findLast((take) => take.offset_ms <= ms) ?? takes[0] ?? null;
}

/** The take that follows `take` on the play clock. */
export function takeAfter(timeline: Timeline, take: number): Take | null {
  const takes = ordered(timeline);
  const index = takes.findIndex((candidate) => candidate.take === take);
  return index < 0 ? null : (takes[index + 1] ?? null);
}

/** Where `ms` of the play clock is in its take: what a message is anchored to. */
export function positionOf(timeline: Timeline, ms: number): Position | null {
  const take = takeAt(timeline, ms);
  return take && { take: take.take, ms: Math.max(0, Math.round(ms - take.offset_ms)) };
}

/** The place of a position on the play clock, or null if its take is not known. */
export function playClock(timeline: Timeline, position: Position): number | null {
  const take = timeline.takes.find((candidate) => candidate.take === position.take);
  return take ? take.offset_ms + position.ms : null;
}

/** The place in `now` of the picture that was at `ms` in `before`, or null if its take is gone. */
export function samePicture(before: Timeline, now: Timeline, ms: number): number | null {
  const position = positionOf(before, ms);
  return position && playClock(now, position);
}

export function trackOf(take: Take | null, kind: TrackKind): TakeTrack | null {
  return take?.tracks.find((track) => track.kind === kind) ?? null;
}

/** The container a track is served in: MP4 for every codec that allows it, which is all but VP8. */
export function containerOf(track: TakeTrack): 'mp4' | 'webm' {
  return /^vp0?8/.test(track.codec) ? 'webm' : 'mp4';
}

/** What a `SourceBuffer` for the track is made with. */
export function mimeOf(track: TakeTrack): string {
  return `${track.kind}/${containerOf(track)}; codecs="${track.codec}"`;
}

/** What a `SourceBuffer` for all tracks of the take is made with. */
export function wholeMimeOf({ tracks }: Take): string {
  const picture = tracks.find(({ kind }) => kind === 'video') ?? tracks[0];
  const container = picture ? containerOf(picture) : 'mp4';
  return `video/${container}; codecs="${tracks.map(({ codec }) => codec).join()}"`;
}

/** True if one `<video src>` can hold all takes: each kind of track in one codec throughout; a take may lack one. */
export function oneFile(timeline: Timeline): boolean {
  const codecs = { video: new Set<string>(), audio: new Set<string>() };
  for (const take of timeline.takes)
    for (const track of take.tracks) codecs[track.kind].add(track.codec.slice(0, 4));
  return codecs.video.size <= 1 && codecs.audio.size <= 1;
}

function ordered(timeline: Timeline): Take[] {
  return timeline.takes.filter((take) => take.tracks.length > 0).sort((a, b) => a.offset_ms - b.offset_ms);
}
