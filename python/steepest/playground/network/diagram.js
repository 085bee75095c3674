// The network as a picture: a picture of the plane for each input and unit, and its weights as lines.

import { drawSigned } from "/colors.js";
import { digits, el, svg } from "/controls.js";

const HEIGHT = 350, HEAD = 58, PITCH = 46, LEFT = 50;
const NARROW = 74; // between columns: the buttons above them are as wide
const NAMES = { x1: "x₁", x2: "x₂", "x1^2": "x₁²", "x2^2": "x₂²", "x1 x2": "x₁x₂", "sin x1": "sin x₁", "sin x2": "sin x₂" };

/** edits: what the buttons do. view: shows a unit's weights, or its picture. names: of all possible inputs. */
export class Diagram {
  constructor(colors, edits, names, view) {
    Object.assign(this, { colors, edits, names, view });
    this.lines = el("canvas", { class: "lines", "aria-hidden": "true" }); // a thousand SVG paths would be slow to draw
    this.hits = svg("svg", { class: "lines", "aria-hidden": "true" });
    this.nodes = el("div", { class: "nodes" });
    this.tip = el("div", { class: "tip figure", hidden: true });
    this.element = el("div", { class: "diagram" }, this.lines, this.hits, this.nodes, this.tip);
    this.element.style.height = `${HEIGHT + HEAD}px`;
    new ResizeObserver(() => this.shape && this.view.resized()).observe(this.element);
  }

  /** Make all nodes and lines anew, for other settings. inputs: the pictures of all possible inputs. */
  build(settings, inputs, outputs) {
    Object.assign(this, { settings, inputs, outputs });
    const focused = document.activeElement?.id;
    const width = this.element.clientWidth || 600;
    const layers = settings.layers.length;
    this.step = (width - LEFT - 40) / (layers + 1); // between columns
    this.shape = [settings.inputs.length, ...settings.layers.map((layer) => layer.units), outputs];
    this.canvases = [];
    this.nodes.replaceChildren();
    this.inputColumn(settings, inputs);
    this.places = [settings.inputs.map((name) => [LEFT, this.inputY(this.names.indexOf(name))])];
    for (let layer = 0; layer < layers; layer++) this.hiddenColumn(layer, LEFT + 10 + (layer + 1) * this.step);
    this.outputColumn(width - 12, outputs);
    this.element.append(this.tip);
    this.makeLines(width);
    if (focused) document.getElementById(focused)?.focus();
  }

  y(place, count) { return HEAD + HEIGHT / 2 + (place - (count - 1) / 2) * Math.min(PITCH, HEIGHT / count); }
  inputY(place) { return this.y(place, this.names.length); }

  inputColumn(settings, inputs) {
    this.nodes.append(this.at(el("div", { class: "head" }, el("h3", {}, "Inputs")), LEFT, 24));
    this.names.forEach((name, place) => {
      const on = settings.inputs.includes(name);
      const canvas = el("canvas", { width: 32, height: 32 });
      const size = inputs.shape[1] * inputs.shape[2];
      drawSigned(canvas, inputs.data.subarray(place * size, (place + 1) * size), this.colors, this.discrete);
      const node = el("button", { type: "button", class: "node", id: `input-${place}`, "aria-pressed": on,
        title: `${NAMES[name]}: ${on ? "leave it out" : "take it as an input"}`, onclick: () => this.edits.toggleInput(name) },
      canvas, el("span", { class: "input-name" }, NAMES[name]));
      this.nodes.append(this.at(node, LEFT - 18, this.inputY(place), 36));
    });
  }

  hiddenColumn(layer, x) {
    const { units } = this.settings.layers[layer];
    const size = Math.max(16, Math.min(36, HEIGHT / units - 6, 0.6 * this.step));
    const narrow = this.step < NARROW;
    const small = (text, name, press) => el("button", { type: "button", class: "small", "aria-label": `${name}, layer ${layer + 1}`,
      id: `${name.replace(" ", "-")}-${layer}`, onclick: press }, text);
    this.nodes.append(this.at(el("div", { class: narrow ? "head narrow" : "head" },
      el("div", { class: "row" }, small("−", "fewer units", () => this.edits.units(layer, -1)),
        narrow ? "" : el("span", { class: "figure" }, String(units)), small("+", "more units", () => this.edits.units(layer, 1))),
      small(narrow ? `${units} …` : "options", "options", () => this.view.inspector.layer(layer, this.settings))), x, 24));
    this.canvases.push([]);
    this.places.push([]);
    for (let unit = 0; unit < units; unit++) {
      const y = this.y(unit, units);
      const canvas = el("canvas", { width: 32, height: 32 });
      const node = el("button", { type: "button", class: "node", id: `unit-${layer}-${unit}`,
        "aria-label": `unit ${unit + 1} of layer ${layer + 1}: show its weights`,
        onclick: () => this.view.pick(layer, unit, null) }, canvas);
      node.addEventListener("pointerenter", () => this.view.lookAt([layer, unit]));
      node.addEventListener("pointerleave", () => this.view.lookAt(null));
      this.nodes.append(this.at(node, x - size / 2, y, size));
      this.canvases[layer].push(canvas);
      this.places[layer + 1].push([x, y, size / 2]);
    }
  }

  outputColumn(x, outputs) {
    const layer = this.settings.layers.length;
    this.places.push([]);
    for (let output = 0; output < outputs; output++) {
      const node = el("button", { type: "button", class: "node output", id: `output-${output}`,
        "aria-label": `output ${output + 1}: show its weights`, onclick: () => this.view.pick(layer, output, null) });
      node.style.background = outputs > 1 ? this.colors.of(output) : "var(--faint)";
      const y = this.y(output, outputs);
      this.nodes.append(this.at(node, x - 8, y, 16));
      this.places[layer + 1].push([x, y, 8]);
    }
  }

  at(element, x, y, size) {
    if (size) {
      element.style.width = element.style.height = `${size}px`;
      element.style.left = `${x}px`;
      element.style.top = `${y - size / 2}px`;
    } else {
      element.style.left = `${x}px`;
      element.style.top = `${y}px`;
    }
    return element;
  }

  makeLines(width) {
    const height = HEIGHT + HEAD;
    this.lines.width = width * devicePixelRatio;
    this.lines.height = height * devicePixelRatio;
    this.hits.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.paths = [];
    const hits = [];
    for (let layer = 0; layer + 1 < this.places.length; layer++) {
      this.paths.push(this.places[layer].flatMap(([x0, y0, half = 18], row) => this.places[layer + 1].map(([x1, y1, to = 0], column) => {
        const [from, end] = [x0 + half, x1 - to];
        const middle = (from + end) / 2;
        const d = `M${from} ${y0}C${middle} ${y0} ${middle} ${y1} ${end} ${y1}`;
        hits.push(svg("path", { class: "hit", d, onpointerenter: (event) => this.showTip(event, layer, row, column),
          onpointerleave: () => (this.tip.hidden = true), onclick: () => this.view.pick(layer, column, row) }));
        return new Path2D(d);
      })));
    }
    this.hits.replaceChildren(...hits);
  }

  showTip(event, layer, row, column) {
    const box = this.element.getBoundingClientRect();
    this.tip.textContent = `weight ${digits(this.weights[layer].data[row * this.shape[layer + 1] + column], 3)}`;
    this.tip.style.left = `${event.clientX - box.left + 12}px`;
    this.tip.style.top = `${event.clientY - box.top - 24}px`;
    this.tip.hidden = false;
  }

  /** Draw what a run has come to: arrays of its answer, by `prefix`. */
  draw(arrays, prefix, discrete) {
    this.discrete = discrete;
    this.weights = [];
    this.canvases.forEach((canvases, layer) => {
      const { data, shape: [, height, width] } = arrays[`${prefix}units${layer}`];
      canvases.forEach((canvas, unit) => drawSigned(canvas, data.subarray(unit * height * width, (unit + 1) * height * width), this.colors, discrete));
    });
    this.drawLines(arrays, prefix);
  }

  /** The weights as lines. */
  drawLines(arrays, prefix) {
    const context = this.lines.getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.lines.width, this.lines.height);
    this.paths.forEach((paths, layer) => {
      const weight = arrays[`${prefix}weight${layer}`];
      this.weights.push(weight);
      paths.forEach((path, place) => {
        const value = weight.data[place], size = Math.min(1, Math.abs(value) / 3);
        context.lineWidth = 0.4 + 5.6 * size;
        context.strokeStyle = value < 0 ? this.colors.negative : this.colors.positive;
        context.globalAlpha = 0.35 + 0.65 * size;
        context.stroke(path);
      });
    });
  }
}
