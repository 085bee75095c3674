// The surface: bands and contours on a canvas, and over it the paths, their heads, the start and the minima.

import { Chart } from "/chart.js";
import { cssColor, mixed, packed } from "/colors.js";
import { digits, el, svg } from "/controls.js";
import { colorOf, dashesOf } from "./methods.js";

const SHAPE = 0.66; // height by width
const FAR = 1e4; // where what leaves the picture is drawn
const TINT = 0.4, LINE = 0.2; // of the highest band, of contours

/** The picture, on which `move(x, y)` is called when another start is chosen. */
export class SurfaceView {
  constructor({ colors, move }) {
    Object.assign(this, { colors, move, traces: [], at: 0, minima: [] });
    this.chart = new Chart({ label: "Paths on the surface of losses", x: [0, 1], y: [0, 1], width: 720,
      height: 720 * SHAPE, xLabel: "x, the first weight", yLabel: "y, the second weight" });
    this.canvas = el("canvas", { width: 720, height: 500, "aria-hidden": "true" });
    this.frame = svg("rect");
    this.lines = svg("g", { "clip-path": "url(#surface-frame)" });
    this.crosses = svg("g");
    this.chart.curves.append(svg("clipPath", { id: "surface-frame" }, this.frame), this.lines, this.crosses);
    this.legend = el("div", { class: "legend" });
    this.element = el("div", { class: "surface" }, this.canvas, this.chart.element);
    this.chart.element.addEventListener("click", (event) => this.clicked(event));
    document.addEventListener("theme", () => this.paint());
    new ResizeObserver(() => this.resize()).observe(this.element);
  }

  /** Whether other paths are being computed, which a sign tells. */
  set busy(is) { this.element.setAttribute("aria-busy", is); }

  /** A click on the picture, not on the start, is another start. */
  clicked(event) {
    const [x, y] = this.chart.placeOf(event);
    const [nearX, nearY] = this.chart.inside(x, y);
    if (!event.target.classList.contains("dot") && x === nearX && y === nearY) this.move(x, y);
  }

  /** One unit of the chart is one pixel, so that its text has the size of the page's. */
  resize() {
    const width = Math.round(this.element.clientWidth);
    if (!width || width === this.chart.width) return;
    Object.assign(this.chart, { width, height: Math.round(width * SHAPE) });
    this.chart.element.setAttribute("viewBox", `0 0 ${width} ${this.chart.height}`);
    this.chart.drawAxes();
    this.place();
  }

  /** Another surface. */
  picture({ x, y, minima, levels, arrays }) {
    Object.assign(this, { minima, levels, bands: arrays.bands, contours: arrays.lines });
    this.chart.scale(x, y);
    this.paint();
    this.place();
  }

  /** The canvas in the colors of the page. */
  paint() {
    if (!this.bands) return;
    const [ground, tint, ink] = ["--plot", "--faint", "--ink"].map(cssColor);
    const count = this.levels.length - 1;
    const colors = Array.from({ length: count }, (_, band) => mixed(ground, tint, TINT * band / (count - 1)));
    const [height, width] = this.bands.shape;
    const shades = Array.from({ length: 256 }, (_, dark) => LINE * dark / 255);
    const table = colors.map((color) => shades.map((share) => packed(mixed(color, ink, share))));
    const pixels = new Uint32Array(width * height).map((_, i) => table[this.bands.data[i]][this.contours.data[i]]);
    Object.assign(this.canvas, { width, height });
    const image = new ImageData(new Uint8ClampedArray(pixels.buffer), width, height);
    this.canvas.getContext("2d").putImageData(image, 0, 0);
    this.drawLegend(colors);
  }

  /** The bands in a row, between the lowest and the highest loss. */
  drawLegend(colors) {
    const boxes = colors.map((color, band) => {
      const box = el("span", { title: `${digits(this.levels[band], 3)} to ${digits(this.levels[band + 1], 3)}` });
      box.style.background = `rgb(${color})`;
      return box;
    });
    const end = (level) => el("span", { class: "figure" }, digits(level, 3));
    this.legend.replaceChildren(end(this.levels[0]), el("span", { class: "boxes" }, ...boxes), end(this.levels.at(-1)));
  }

  /** Everything where the axes now are. */
  place() {
    const { chart } = this;
    const left = chart.toX(chart.x[0]), top = chart.toY(chart.y[1]);
    const width = chart.toX(chart.x[1]) - left, height = chart.toY(chart.y[0]) - top;
    const box = { x: left, y: top, width, height };
    for (const [name, value] of Object.entries(box)) this.frame.setAttribute(name, value);
    for (const [name, value] of Object.entries({ left, top, width, height })) this.canvas.style[name] = `${value}px`;
    this.crosses.replaceChildren(...this.minima.map(([x, y]) =>
      svg("path", { class: "minimum", d: `M${chart.toX(x) - 6} ${chart.toY(y) - 6}l12 12m0 -12l-12 12` },
        svg("title", {}, `minimum at ${digits(x, 3)}, ${digits(y, 3)}`))));
    this.paths(this.traces, this.start);
  }

  /** The paths, and where they start. */
  paths(traces, start) {
    Object.assign(this, { traces, start });
    this.drawn = this.traces.map(({ path }) => points(path, this.chart));
    this.lines.replaceChildren(...this.traces.flatMap(({ name }) => this.marksOf(name)));
    if (start) {
      const label = `start at ${digits(start[0], 3)}, ${digits(start[1], 3)}; arrow keys move it`;
      this.chart.dots([{ x: start[0], y: start[1], color: "var(--ink)", label }], (_, x, y) => this.move(x, y));
    }
    this.step(this.at);
  }

  /** A method's line, what sets it off from the ground, and its head. */
  marksOf(name) {
    const color = colorOf(name, this.colors);
    const line = svg("path", { class: `curve ${name}`, "stroke-dasharray": dashesOf(name), "data-name": name });
    const head = svg("circle", { class: "head", r: name === "analytic" ? 8 : 5 });
    line.style.stroke = color;
    head.style.fill = color;
    return [svg("path", { class: `curve casing ${dashesOf(name) ? "none" : ""}` }), line, head];
  }

  /** The paths up to this step. */
  step(at) {
    this.at = at;
    this.drawn?.forEach((places, number) => {
      const shown = places.slice(0, at + 1);
      const [casing, line, head] = [0, 1, 2].map((part) => this.lines.children[3 * number + part]);
      for (const path of [casing, line]) path.setAttribute("d", `M${shown.join("L")}`);
      const [x, y] = shown[shown.length - 1].split(" ");
      head.setAttribute("cx", x);
      head.setAttribute("cy", y);
    });
  }
}

/** Each point of a path as "x y" of the chart. */
function points(path, chart) {
  const near = (value) => Math.min(FAR, Math.max(-FAR, value)).toFixed(1);
  const at = (i) => `${near(chart.toX(path[2 * i]))} ${near(chart.toY(path[2 * i + 1]))}`;
  return Array.from({ length: path.length / 2 }, (_, i) => at(i));
}
