// The short form of the matrix of players: the replay of one recording of each kind, and the live that came most unevenly.
// How soon bare tails are seen depends on the machine's other work: `players-full.mjs` tries that too.

import { players } from './players.mjs';
import { RECORDINGS } from './players-recordings.mjs';

const named = (...names) => RECORDINGS.filter(({ name }) => names.includes(name));
players({
  recordings: named('ff_webm_vp8_opus.webm', 'mkv_avc1_opus.mkv', 'webm_vp9_opus.webm'),
  seeks: 6,
  joins: 0,
  rate: 0,
  // Its slices are late so often that Chromium wants more and more buffered: without being woken it stands still.
  followed: named('mkv_avc1_opus.mkv'),
});
