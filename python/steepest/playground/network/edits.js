// What the controls of the network tab do: other settings for the server, and files.

import { el } from "/controls.js";

const REACH = 0.35, ERASER = 0.5; // between drawn points, and around the pointer
const FIRST_POINTS = [[-3, -2, 0], [-2, -3, 0], [3, 2, 1], [2, 3, 1]];

/** The edits of a page: each asks the server for a change. */
export class Edits {
  constructor(page) {
    this.page = page;
    this.pen = 0;
  }

  /** With what is being asked for: two edits in a row add up. */
  get settings() { return this.page.wanted; }

  set(changes) { return this.page.set(changes); }

  data(changes) { return this.set({ data: { ...this.settings.data, ...changes } }); }

  /** A data set of classes or of numbers, with a loss that fits. */
  chooseData(name) {
    const { table, choices } = this.page;
    let { points } = this.settings.data;
    if (name === "table" && !table.columns) {
      this.page.view.controls();
      this.page.say("Drop a CSV file on the page, or open one.", true);
      return;
    }
    if (name === "drawn" && !points.length) points = FIRST_POINTS;
    const numbers = choices.regression.includes(name) || (name === "table" && table.task === "regression");
    this.set({ data: { ...this.settings.data, name, points }, ...this.fitting(numbers) });
  }

  /** A loss that fits numbers, or classes, where the present one does not. */
  fitting(numbers) {
    const labelled = this.page.choices.label_losses.includes(this.settings.loss.name);
    if (numbers && labelled) return { loss: { name: "SquaredError", settings: {} }, compare: null };
    if (!numbers && !labelled && !this.page.classes) return { loss: { name: "SoftmaxCrossEntropy", settings: {} }, compare: null };
    return {};
  }

  chooseTarget(target) {
    this.page.queue("columns", { target }, (answer) => {
      this.page.table = { ...this.page.table, ...answer };
      this.set({ data: { ...this.settings.data, target, axes: answer.first }, ...this.fitting(answer.task === "regression") });
    });
  }

  async upload(file) {
    this.page.pause();
    const { longest } = this.page;
    if (file.size > longest) {
      this.page.say(`${file.name} has ${Math.ceil(file.size / 2 ** 20)} MiB, but ${longest / 2 ** 20} are the most.`, true);
      return;
    }
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    } catch (error) { // a folder, a file that has vanished, or another encoding
      const reason = error instanceof TypeError ? "is not UTF-8 text: save it as UTF-8" : `cannot be read: ${error.message}`;
      this.page.say(`${file.name} ${reason}`, true);
      return;
    }
    this.page.queue("upload", { name: file.name, text }, (answer) => {
      this.page.table = answer;
      this.set({ data: { ...this.settings.data, name: "table", target: answer.target, axes: answer.axes },
        ...this.fitting(answer.task === "regression") });
    });
  }

  /** Points drawn by hand, in place of those before. */
  points(points) {
    const { most } = this.page.choices;
    if (points.length > most.points) this.page.say(`${most.points} points are the most.`, true);
    else if (points.length) this.data({ points });
    else this.page.clear();
  }

  /** The pointer on the plane: draws a point, or with Shift removes some. */
  press(x, y, event) {
    if (this.settings.data.name !== "drawn") return;
    const { points } = this.settings.data;
    const near = ([a, b], reach) => Math.hypot(a - x, b - y) < reach;
    if (event.shiftKey) {
      const left = points.filter((point) => !near(point, ERASER));
      if (left.length < points.length) this.points(left);
    } else if (!points.some((point) => near(point, REACH))) this.points([...points, [rounded(x), rounded(y), this.pen]]);
  }

  choosePen(label) {
    this.pen = label;
    this.page.view.markPen();
  }

  toggleInput(name) {
    const on = this.settings.inputs.includes(name);
    const inputs = this.page.choices.inputs.filter((one) => (one === name ? !on : this.settings.inputs.includes(one)));
    if (!inputs.length) this.page.say("One input is the fewest.", true);
    else this.set({ inputs });
  }

  changeLayer(number, change) {
    return this.set({ layers: this.settings.layers.map((layer, i) => (i === number ? { ...layer, ...change } : layer)) });
  }

  units(number, change) {
    const units = this.settings.layers[number].units + change;
    if (units >= 1 && units <= this.page.choices.most.units) this.changeLayer(number, { units });
  }

  addLayer() {
    const { layers } = this.settings, { most, layer } = this.page.choices;
    if (layers.length < most.layers) this.set({ layers: [...layers, layer] });
    else this.page.say(`${most.layers} hidden layers are the most.`, true);
  }

  removeLayer() {
    if (this.settings.layers.length) this.set({ layers: this.settings.layers.slice(0, -1) });
  }

  edit(layer, row, column, weight) {
    this.page.queue("edit", { run: this.page.look.shown, layer, row, column, weight }, (answer) => {
      this.page.take(answer);
      this.page.remembered();
    });
  }

  async saveModel() {
    const answer = await this.page.queue("export", { run: this.page.look.shown, model: true });
    if (answer) download("model.safetensors", answer.arrays.file.data);
  }

  async saveProgram() {
    const answer = await this.page.queue("export", { run: this.page.look.shown, model: false });
    if (!answer) return;
    download("playground.py", answer.program);
    if (!answer.exact) {
      this.page.say("The program learns with the present settings from the beginning: weights or rates were changed meanwhile.", true);
    }
  }
}

const rounded = (value) => Math.round(value * 100) / 100;

function download(name, content) {
  const link = el("a", { href: URL.createObjectURL(new Blob([content])), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
