/** Most that float at once: a thousand hearts a second must not cost the picture. */
const MOST = 24;
const RISE_MS = 2_600;

/** Lets some emoji rise in a layer over the picture. */
export function rise(layer: HTMLElement, counts: Record<string, number>): void {
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  for (const [emoji, count] of Object.entries(counts)) {
    for (let i = 0; i < Math.min(count, 6) && layer.childElementCount < MOST; i++) {
      const drop = document.createElement('span');
      drop.textContent = emoji;
      layer.append(drop);
      const aside = Math.random() * 70 - 35;
      const up = still ? 0 : -(140 + Math.random() * 80);
      drop
        .animate(
          [
            { transform: 'translate(0, 0) scale(0.6)', opacity: 0 },
            { transform: `translate(${aside / 3}px, ${up / 4}px) scale(1.1)`, opacity: 1, offset: 0.15 },
            { transform: `translate(${aside}px, ${up}px) scale(1)`, opacity: 0 },
          ],
          { duration: RISE_MS, delay: i * 120, easing: 'ease-out', fill: 'both' },
        )
        .finished.then(
          () => drop.remove(),
          () => drop.remove(),
        );
    }
  }
}
