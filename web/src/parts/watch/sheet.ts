import type { Player } from '@communiconnect/live';

/** What a sheet over the page of a live is about. */
export interface SheetProps {
  player: Player;
  title: string;
  onClose: () => void;
}
