/** "il y a 5 minutes", "3 days ago". */
export function ago(time: string, locale: string, now = Date.now()): string {
  const seconds = (new Date(time).getTime() - now) / 1000;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ['year', 31_536_000],
    ['month', 2_592_000],
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
  ];
  for (const [unit, length] of steps) {
    if (Math.abs(seconds) >= length) return format.format(Math.round(seconds / length), unit);
  }
  return format.format(Math.round(seconds), 'second');
}

/** "aujourd’hui", "yesterday", then the date. */
export function dayOf(time: string, locale: string, now = new Date()): string {
  const day = new Date(time);
  const days = Math.round((midnight(day) - midnight(now)) / 86_400_000);
  if (days >= -1) return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(days, 'day');
  const year = day.getFullYear() === now.getFullYear() ? undefined : 'numeric';
  return day.toLocaleDateString(locale, { weekday: 'long', day: 'numeric', month: 'long', year });
}

const midnight = (time: Date): number => new Date(time).setHours(0, 0, 0, 0);
