/** What the camera is asked for and what the encoder may spend. Data is dear where this is used: normal is about 5 MB a minute. */
export interface Quality {
  name: QualityName;
  width: number;
  height: number;
  frameRate: number;
  videoBitsPerSecond: number;
  audioBitsPerSecond: number;
}

export type QualityName = 'low' | 'normal' | 'high';

export const QUALITIES: Record<QualityName, Quality> = {
  low: {
    name: 'low',
    width: 640,
    height: 360,
    frameRate: 20,
    videoBitsPerSecond: 350_000,
    audioBitsPerSecond: 32_000,
  },
  normal: {
    name: 'normal',
    width: 640,
    height: 360,
    frameRate: 30,
    videoBitsPerSecond: 700_000,
    audioBitsPerSecond: 40_000,
  },
  high: {
    name: 'high',
    width: 1280,
    height: 720,
    frameRate: 30,
    videoBitsPerSecond: 1_800_000,
    audioBitsPerSecond: 64_000,
  },
};

/** Megabytes that an hour of this quality costs the publisher. */
export function megabytesPerHour(quality: Quality): number {
  return Math.round(((quality.videoBitsPerSecond + quality.audioBitsPerSecond) / 8) * 3600 * 1e-6);
}

/**
 * In order of preference. H.264 is the cheapest to encode and plays everywhere; its Matroska and the WebM types
 * come in slices as short as asked, where MP4 comes a whole group of pictures at a time. Of the MP4 types `avc3`
 * first: its parameter sets are in band, so a rotated phone does not spoil the rest.
 */
const VIDEO_TYPES = [
  'video/x-matroska;codecs=avc1,opus',
  'video/webm;codecs=vp9,opus',
  'video/webm;codecs=vp8,opus',
  'video/mp4;codecs=avc3.42E01F,mp4a.40.2',
  'video/mp4;codecs=avc1.42E01F,mp4a.40.2',
  'video/mp4',
  'video/webm',
];
const AUDIO_TYPES = ['audio/webm;codecs=opus', 'audio/mp4;codecs=mp4a.40.2', 'audio/mp4'];

/** The best type this browser records, or null where it records none. */
export function pickMimeType(
  withVideo: boolean,
  supported: (type: string) => boolean = (type) => MediaRecorder.isTypeSupported(type),
): string | null {
  return (withVideo ? VIDEO_TYPES : AUDIO_TYPES).find(supported) ?? null;
}
