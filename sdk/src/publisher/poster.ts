/** The longer side of a poster, in pixels. */
const SIDE = 560;
const JPEG_QUALITY = 0.6;
/** A camera that gives no picture for this long gives no poster. */
const PATIENCE_MS = 5_000;

/** A still picture of a stream as JPEG; null if it has no picture. */
export async function stillOf(stream: MediaStream): Promise<Blob | null> {
  if (stream.getVideoTracks().length === 0) return null;
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  try {
    await video.play();
    await hasPicture(video);
    const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    if (canvas.width === 0 || canvas.height === 0) return null;
    canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', JPEG_QUALITY));
  } catch {
    return null;
  } finally {
    video.srcObject = null;
  }
}

function hasPicture(video: HTMLVideoElement): Promise<void> {
  if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const patience = setTimeout(() => reject(new Error('no picture')), PATIENCE_MS);
    video.addEventListener(
      'loadeddata',
      () => {
        clearTimeout(patience);
        resolve();
      },
      { once: true },
    );
  });
}
