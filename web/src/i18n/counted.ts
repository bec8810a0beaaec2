/** "1 message", "2 messages": French counts nothing as one. */
export const french = (count: number, single: string, many: string): string =>
  `${count} ${count < 2 ? single : many}`;

/** "1 message", "0 messages". */
export const english = (count: number, single: string, many: string): string =>
  `${count} ${count === 1 ? single : many}`;
