// The short form of the matrix of players: the replay of one recording of each kind. How soon a live is seen and how
// smoothly depends on the machine's other work: `players-full.mjs` tries that too.

import { players } from './players.mjs';

players({
  names: ['ff_webm_vp8_opus.webm', 'mkv_avc1_opus.mkv', 'webm_vp9_opus.webm'],
  seeks: 6,
  joins: 0,
  rate: 4,
  through: false,
});
