/** What each key does, by its name in lower case. */
export type Keys = Record<string, () => void>;

/** Does what a key stands for, unless it is meant for what has the focus: somebody writes, or moves a control. */
export function pressed(event: KeyboardEvent, keys: Keys): void {
  const target = event.target as HTMLElement;
  const key = event.key.toLowerCase();
  const act = keys[key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest('input:not([type=range]), textarea, select, dialog')) return;
  if (target.closest('button, a') && key === ' ') return;
  if (
    target.closest('[type=range], [role=log], [role=menu], [role=tablist], [role=separator]') &&
    /^(arrow|home|end)/.test(key)
  )
    return;
  event.preventDefault();
  act();
}
