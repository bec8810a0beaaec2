import type { Message } from '../types.js';

/** A message of the history: it has an id and a number. */
export type Numbered = Message & { id: number; seq: number };
