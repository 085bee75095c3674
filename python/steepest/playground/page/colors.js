// Pictures from bytes: values around zero, and classes with how sure they are.

/** Red, green and blue of "#rrggbb". */
export const parsed = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
/** A color as a pixel of a canvas. */
export const packed = ([red, green, blue]) => (255 << 24 | Math.round(blue) << 16 | Math.round(green) << 8 | Math.round(red)) >>> 0;
/** A color between two. */
export const mixed = (a, b, share) => a.map((value, i) => value + (b[i] - value) * share);

/** One of the page's own colors in the present theme, such as "--plot", the ground of plots. */
export function cssColor(name) {
  return parsed(getComputedStyle(document.documentElement).getPropertyValue(name).trim());
}

/** The colors of the present theme; ask again when the document says "theme". */
export class Colors {
  constructor(palette) {
    this.classes = palette.classes;
    this.negative = palette.diverging[0];
    this.positive = palette.diverging[2];
    this.refresh();
    document.addEventListener("theme", () => this.refresh());
  }

  refresh() {
    this.ground = cssColor("--plot");
    const [negative, positive] = [parsed(this.negative), parsed(this.positive)];
    this.rgb = Array.from({ length: 255 }, (_, i) => {
      const value = (i - 127) / 127;
      return mixed(this.ground, value < 0 ? negative : positive, Math.abs(value) * 0.9);
    });
    this.table = Uint32Array.from(this.rgb, packed); // of values from -127 to 127
    this.tables = {};
  }

  /** Packed colors of classes by how sure they are: 256 of each class. */
  ofClasses(count) {
    this.tables[count] ??= Uint32Array.from({ length: 256 * count }, (_, i) => {
      const tint = parsed(this.of(i >> 8));
      return packed(mixed(this.ground, tint, 0.1 + (i & 255) / 255 * 0.6));
    });
    return this.tables[count];
  }

  /** The color of a class: the first two have those of negative and positive values. */
  of(label) { return this.classes[label % this.classes.length]; }

  /** A signed value from -1 to 1 as a color. */
  signed(value) {
    const at = Math.round(Math.max(-1, Math.min(1, value)) * 127) + 127;
    return `rgb(${this.rgb[at].map(Math.round).join(" ")})`;
  }
}

/** Draw int8 values, -127 to 127, on a canvas of side x side pixels; `discrete` shows their signs alone. */
export function drawSigned(canvas, values, colors, discrete = false) {
  const { table } = colors;
  paint(canvas, values.length, (pixels) => {
    for (let i = 0; i < values.length; i++) pixels[i] = table[discrete ? (values[i] < 0 ? 20 : 234) : values[i] + 127];
  });
}

/** Draw classes, each the more of its color the surer it is (0 to 255). */
export function drawClasses(canvas, labels, certainty, count, colors, discrete = false) {
  const table = colors.ofClasses(count);
  paint(canvas, labels.length, (pixels) => {
    for (let i = 0; i < labels.length; i++) pixels[i] = table[labels[i] << 8 | (discrete ? 200 : certainty[i])];
  });
}

/** Let `fill` set the pixels of a square canvas, four bytes each. */
function paint(canvas, count, fill) {
  const side = Math.round(Math.sqrt(count));
  if (canvas.image?.width !== side) {
    canvas.width = canvas.height = side;
    canvas.image = canvas.getContext("2d").createImageData(side, side);
    canvas.pixels = new Uint32Array(canvas.image.data.buffer);
  }
  fill(canvas.pixels);
  canvas.getContext("2d").putImageData(canvas.image, 0, 0);
}
