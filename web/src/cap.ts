/** Most bytes that a visit may use, where somebody set that: it lasts as long as the tab. */
const KEY = 'communiconnect.cap';

export function cap(bytes?: number | null): number | null {
  try {
    if (bytes === null) sessionStorage.removeItem(KEY);
    else if (bytes !== undefined) sessionStorage.setItem(KEY, String(bytes));
    return Number(sessionStorage.getItem(KEY)) || null;
  } catch {
    return null;
  }
}
