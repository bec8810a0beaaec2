/** What a replay may need, in kbit/s: where less is carried, its first picture is worth a way of its own. */
const ENOUGH = 700;

/** True where the network is slow: what this page is made of came slowly. When it was here already, nobody knows. */
export function isSlow(): boolean {
  const parts = (performance.getEntriesByType('resource') as PerformanceResourceTiming[]).filter(
    ({ name, transferSize }) => name.includes('/assets/') && transferSize > 0,
  );
  let bytes = 0;
  let over = 0;
  for (const { transferSize, responseEnd } of parts) {
    bytes += transferSize;
    over = Math.max(over, responseEnd);
  }
  // A few bytes say more of the way there than of how wide it is.
  return bytes > 20_000 && (bytes * 8) / (over - (parts[0]?.requestStart ?? 0)) < ENOUGH;
}
