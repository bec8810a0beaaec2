// The short form of the matrix of players: one recording of each kind. `players-full.mjs` runs all of it.

import { players } from './players.mjs';

players({
  names: ['ff_webm_vp8_opus.webm', 'mkv_avc1_opus.mkv', 'webm_vp9_opus.webm'],
  seeks: 6,
  joins: 3,
  rate: 4,
  through: false,
});
