// All recordings in all players, every seek and every join: about an hour. `node --test tests/e2e/players-full.mjs`;
// PLAYERS=webm_vp9_opus.webm,made/gst_av1_opus.mp4 tries only these.

import { players } from './players.mjs';
import { RECORDINGS } from './players-recordings.mjs';

const only = process.env.PLAYERS?.split(',');
players({
  recordings: RECORDINGS.filter(({ name }) => !only || only.includes(name)),
  seeks: 20,
  joins: 10,
  rate: 4,
});
