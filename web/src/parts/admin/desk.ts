/** What the parts of the administrators' page share: acting and saying what came of it, asking first, showing a thing once. */
export interface Desk {
  /** Does it, and says that it is done, or why not. Whether it was done. */
  act(work: () => Promise<unknown>): Promise<boolean>;
  /** Asks; true after a yes. */
  ask(question: string): Promise<boolean>;
  /** Shows something that is not shown again, to be copied. */
  showOnce(label: string, text: string): void;
}

interface Owner {
  id: number;
  email: string | null;
  first_name: string;
  last_name: string;
}

/** Somebody in a few words. */
export function named({ id, email, first_name, last_name }: Owner): string {
  return `${first_name} ${last_name}`.trim() || email || `#${id}`;
}
