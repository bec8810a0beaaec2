// The short form of the matrix of players: the replay of one recording of each kind, and the live that came most unevenly.
// How soon bare tails are seen depends on the machine's other work: `players-full.mjs` tries that too.

import { players } from './players.mjs';

players({
  names: ['ff_webm_vp8_opus.webm', 'mkv_avc1_opus.mkv', 'webm_vp9_opus.webm'],
  seeks: 6,
  joins: 0,
  rate: 4,
  through: false,
  // Its slices are late so often that Chromium wants more and more buffered: without being woken it stands still.
  ours: ['mkv_avc1_opus.mkv'],
});
