/** What a replay may need, in kbit/s: where less is carried, its first picture is worth a way of its own. */
const ENOUGH = 700;

/** True where the network is slow: what this page is made of came slowly or, when it was here already, the browser says so. */
export function isSlow(): boolean {
  const parts = (performance.getEntriesByType('resource') as PerformanceResourceTiming[]).filter(
    ({ name, transferSize }) => name.includes('/assets/') && transferSize > 0,
  );
  const bytes = parts.reduce((sum, { transferSize }) => sum + transferSize, 0);
  const begun = Math.min(...parts.map(({ requestStart }) => requestStart));
  const over = Math.max(...parts.map(({ responseEnd }) => responseEnd));
  // A few bytes say more of the way there than of how wide it is.
  if (bytes > 20_000) return (bytes * 8) / (over - begun) < ENOUGH;
  const { connection } = navigator as Navigator & { connection?: { downlink?: number } };
  return (connection?.downlink ?? 10) * 1_000 < ENOUGH;
}
