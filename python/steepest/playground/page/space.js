// Where there is space for another point.

const CELLS = 12; // places along each axis

/**
 * The place of a coarse grid within the ranges x and y that is farthest from all points, and the first of several:
 * in shares of the ranges, so that no axis counts more.
 */
export function emptiest(points, x, y) {
  const share = (value, [least, most]) => (value - least) / (most - least);
  const taken = points.map((point) => [share(point[0], x), share(point[1], y)]);
  let best = null, widest = -1;
  for (let row = 1; row < CELLS; row++) {
    for (let column = 1; column < CELLS; column++) {
      const at = [column / CELLS, row / CELLS];
      const space = Math.min(1, ...taken.map(([a, b]) => Math.hypot(a - at[0], b - at[1])));
      if (space > widest + 1e-9) [best, widest] = [at, space];
    }
  }
  return best.map((part, axis) => [x, y][axis][0] + part * ([x, y][axis][1] - [x, y][axis][0]));
}
