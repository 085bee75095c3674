// The plane: points, the line of each class with its arrow, and behind them the regions of the predicted class.

import { Chart } from "/chart.js";
import { parsed } from "/colors.js";
import { el, svg } from "/controls.js";
import { fixed } from "./format.js";

/** A chart with a picture behind it. `remove` is set by who uses it. */
export class Plane {
  constructor({ side, colors, move, add, choose }) {
    Object.assign(this, { colors, move, kind: 0 });
    this.chart = new Chart({ label: "The plane, with points of three classes and the classes' lines", x: [-side, side],
      y: [-side, side], width: 480, height: 468, xLabel: "x₁", yLabel: "x₂" });
    this.lines = svg("g", { "aria-hidden": "true", class: "lines" });
    this.numbers = svg("g", { "aria-hidden": "true", class: "point-numbers" });
    this.rings = ["chosen", "hovered"].map((name) =>
      svg("circle", { class: `ring ${name}`, r: 14, visibility: "hidden" }));
    this.chart.curves.append(this.lines, ...this.rings);
    this.chart.element.append(this.numbers);
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.element = el("div", { class: "plane" }, this.canvas, this.chart.element);
    this.kinds = this.chooser();
    this.chart.element.addEventListener("dblclick", (event) => {
      if (!event.target.classList.contains("dot")) add(...this.chart.inside(...this.chart.placeOf(event)), this.kind);
    });
    const { marks } = this.chart;
    marks.addEventListener("focusin", (event) => choose([...marks.children].indexOf(event.target)));
  }

  /** Which class a new point has. */
  chooser() {
    return el("fieldset", { class: "kinds" }, el("legend", {}, "Class of new points:"), ...[0, 1, 2].map((kind) =>
      el("label", {}, el("input", { type: "radio", name: "linear-kind", checked: kind === this.kind,
        onchange: () => (this.kind = kind) }), el("span", { class: `class-${kind}` }, String(kind)))));
  }

  /** The points, in the colors and with the numbers of their classes. */
  dots(points, chosen) {
    const dots = points.map(([x, y, kind], i) => ({ x, y, color: this.colors[kind],
      label: `point ${i + 1} of class ${kind} at ${fixed(x)}, ${fixed(y)}; arrow keys move it, Delete removes it` }));
    this.chart.dots(dots, this.move, { radius: 9, remove: (place) => this.remove(place) });
    this.numbers.replaceChildren(...points.map(([x, y, kind]) => svg("text", { class: `on-class-${kind}`,
      x: this.chart.toX(x), y: this.chart.toY(y) + 4 }, String(kind))));
    this.points = points;
    this.ring(this.rings[0], chosen);
    this.ring(this.rings[1], null);
  }

  /** Show which point a row is of; null is none. */
  point(place) { this.ring(this.rings[1], place); }

  /** Let the arrow keys move a point. */
  focus(place) { this.chart.marks.children[place].focus(); }

  ring(ring, place) {
    const point = this.points[place];
    ring.setAttribute("visibility", point ? "visible" : "hidden");
    if (!point) return;
    ring.setAttribute("cx", this.chart.toX(point[0]));
    ring.setAttribute("cy", this.chart.toY(point[1]));
  }

  /** Lines and regions of an answer. */
  draw({ lines, arrays }) {
    this.lines.replaceChildren(...lines.flatMap((line, kind) => (line ? this.line(line, kind) : [])));
    const [rows, columns] = arrays.regions.shape;
    [this.canvas.width, this.canvas.height] = [columns, rows];
    const context = this.canvas.getContext("2d");
    const picture = context.createImageData(columns, rows);
    const shades = this.colors.map(channels);
    arrays.regions.data.forEach((kind, i) => picture.data.set(shades[kind], 4 * i));
    context.putImageData(picture, 0, 0);
  }

  /** The line of a class, an arrow from its middle to the positive side, and its number. */
  line({ ends, arrow }, kind) {
    const at = ([x, y]) => [this.chart.toX(x), this.chart.toY(y)];
    const [[x0, y0], [x1, y1]] = ends.map(at);
    const [[a0, b0], [a1, b1]] = arrow.map(at);
    const [u, v] = [(a1 - a0) / 4, (b1 - b0) / 4];
    const head = [2 / 3, -2 / 3].map((side) => `M${a1} ${b1}L${a1 - u - side * v} ${b1 - v + side * u}`);
    const path = svg("path", { d: `M${x0} ${y0}L${x1} ${y1}M${a0} ${b0}L${a1} ${b1}${head.join("")}` });
    path.style.stroke = this.colors[kind];
    return [path, svg("text", { x: a1 + 1.7 * u, y: b1 + 1.7 * v + 4 }, String(kind))];
  }
}

/** Red, green, blue and opacity of a color. */
export const channels = (color) => [...parsed(color), 255];
