import type { Leading } from '@communiconnect/live';

/** Does something and says that it was done, or why not; nothing comes of what failed. */
export type Carry = <T>(act: Promise<T>, said?: string) => Promise<T | undefined>;

/** What every tab of leading works with. */
export interface TabProps {
  leading: Leading;
  carry: Carry;
}
