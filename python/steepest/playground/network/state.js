// What differs from the usual settings, as the address has it, and back.

const LAYER = { kind: "Linear", activation: null, normalization: null, dropout: 0, residual: false };
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** The entries of `now` that differ; within "data" and "layers" too. */
export function difference(now, usual) {
  const found = {};
  for (const [key, value] of Object.entries(now)) {
    if (same(value, usual[key])) continue;
    if (key === "data") found[key] = difference(value, usual[key]);
    else found[key] = key === "layers" ? value.map((layer) => difference(layer, LAYER)) : value;
  }
  return found;
}

/** `usual` with changes; "data" is completed too. */
export function merged(usual, changes) {
  const all = { ...usual, ...changes };
  if (changes.data) all.data = { ...usual.data, ...changes.data };
  return all;
}
