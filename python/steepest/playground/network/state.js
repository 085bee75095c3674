// What differs from the usual settings, as the address has it, and back.

import { different } from "/asking.js";

const LAYER = { kind: "Linear", activation: null, normalization: null, dropout: 0, residual: false };

/** The entries of `now` that differ; within "data" and "layers" too. */
export function difference(now, usual) {
  const found = different(now, usual);
  if (found.data) found.data = different(found.data, usual.data);
  if (found.layers) found.layers = found.layers.map((layer) => different(layer, LAYER));
  return found;
}

/** `usual` with changes; "data" is completed too. */
export function merged(usual, changes) {
  const all = { ...usual, ...changes };
  if (changes.data) all.data = { ...usual.data, ...changes.data };
  return all;
}
