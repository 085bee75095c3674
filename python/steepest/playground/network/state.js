// What differs from the usual settings, as the address has it, and back.

import { different } from "/asking.js";

/** The entries of `now` that differ; within "data" and "layers", of which `layer` is the usual one, too. */
export function difference(now, usual, layer) {
  const found = different(now, usual);
  if (found.data) found.data = different(found.data, usual.data);
  if (found.layers) found.layers = found.layers.map((each) => different(each, { ...layer, units: null }));
  return found;
}

/** `usual` with changes; "data" is completed too. */
export function merged(usual, changes) {
  const all = { ...usual, ...changes };
  if (changes.data) all.data = { ...usual.data, ...changes.data };
  return all;
}
