// All recordings in all players, every seek and every join: about half an hour. `node --test tests/e2e/players-full.mjs`

import { players } from './players.mjs';
import { RECORDINGS } from './players-publish.mjs';

const only = process.env.PLAYERS?.split(',');
players({
  names: Object.keys(RECORDINGS).filter((name) => !only || only.includes(name)),
  seeks: 20,
  joins: 10,
  rate: 4,
  through: true,
});
