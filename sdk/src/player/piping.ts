/** All that tails are played with and the file of a replay is not: one thing to load, once tails are to be played. */
export { Keeper } from './keeper.js';
export { MissingTrack } from './missing.js';
export { Pipeline } from './pipeline.js';
