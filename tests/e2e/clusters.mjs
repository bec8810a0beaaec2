// WebM cut where a recorder that sends a cluster at a time would cut it.

const CLUSTER = Buffer.from([0x1f, 0x43, 0xb6, 0x75]);
const TIMESTAMP = 0xe7;

/** The clusters of a WebM, what is before them with none, each `after` milliseconds after its first frame. */
export function clusters(bytes, after) {
  const starts = [];
  for (let at = bytes.indexOf(CLUSTER); at >= 0; at = bytes.indexOf(CLUSTER, at + 1)) starts.push(at);
  return [0, ...starts].map((start, index) => {
    const end = starts[index] ?? bytes.length;
    const stamp = bytes.indexOf(TIMESTAMP, start + CLUSTER.length);
    const ms = index === 0 ? -after : bytes.readUIntBE(stamp + 2, bytes[stamp + 1] & 0x0f);
    return { at: ms + after, bytes: bytes.subarray(start, end) };
  });
}
