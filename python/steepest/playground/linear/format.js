// Numbers of the same number of decimals, so that columns stay where they are.

/** A number in so many decimals; a large one as a power of ten. */
export function fixed(value, decimals = 2) {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1e4) return value.toExponential(1).replace("-", "−").replace("e+", "e");
  const text = value.toFixed(decimals);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

/** The same within a formula: a negative number in parentheses. */
export function inner(value, decimals = 2) {
  const text = fixed(value, decimals);
  return text.startsWith("−") ? `(${text})` : text;
}
