// Below the diagram: the weights of a unit, to be read and typed, or the options of a layer.

import { check, digits, dragged, el, select, slider } from "/controls.js";

const DROPOUTS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

export class Inspector {
  constructor(choices, edits) {
    Object.assign(this, { choices, edits });
    this.element = el("div", { class: "card inspector", "aria-live": "off" });
    this.clear();
  }

  clear() {
    this.shown = null;
    this.element.replaceChildren(el("p", { class: "note" },
      "Choose a unit or a line to read and set its weights; \"options\" above a layer has its kind, activation, normalization, ",
      "dropout and shortcut. Blue lines are positive weights, orange ones negative."));
  }

  /** The bias and weights into a unit; `row` gets the focus. */
  unit(layer, unit, row, arrays, prefix, names, title) {
    const weight = arrays[`${prefix}weight${layer}`], bias = arrays[`${prefix}bias${layer}`];
    const columns = weight.shape[1];
    const entry = (label, place, value) => {
      const input = el("input", { type: "number", step: "any", id: `weight-${place}`, value: Number(value.toPrecision(6)) });
      input.addEventListener("change", () => input.value !== "" && this.edits.edit(layer, place, unit, Number(input.value)));
      return el("label", { class: "field" }, el("span", { class: "name" }, label), input);
    };
    this.shown = { layer, unit };
    this.element.replaceChildren(el("h3", {}, `Weights into ${title}`), el("div", { class: "weights" },
      entry("bias", -1, bias.data[unit]),
      ...Array.from({ length: weight.shape[0] }, (_, i) => entry(names[i], i, weight.data[i * columns + unit]))));
    if (row !== null) document.getElementById(`weight-${row}`)?.focus();
  }

  /** Other settings, or `same` ones: a layer's options stay, if it is still there. */
  settle(settings, same = false) {
    if (dragged(this.element)) return;
    if (this.shown?.unit === undefined && this.shown?.layer < settings.layers.length) this.layer(this.shown.layer, settings);
    else if (!same) this.clear();
  }

  /** The same unit's numbers after a step, but for the one that is being typed, unless `all`. */
  refresh(arrays, prefix, all = false) {
    if (!this.shown || this.shown.unit === undefined) return;
    const { layer, unit } = this.shown;
    const weight = arrays[`${prefix}weight${layer}`], bias = arrays[`${prefix}bias${layer}`];
    for (const input of this.element.querySelectorAll("input")) {
      const place = Number(input.id.slice("weight-".length));
      const value = place < 0 ? bias.data[unit] : weight.data[place * weight.shape[1] + unit];
      if (all || document.activeElement !== input) input.value = Number(value.toPrecision(6));
    }
  }

  /** The options of a hidden layer. */
  layer(number, settings) {
    this.shown = { layer: number };
    const layer = settings.layers[number], focused = document.activeElement?.id;
    const set = (changes) => this.edits.changeLayer(number, changes);
    const change = (key) => (value) => set({ [key]: value });
    const part = (name) => (name ? { name, settings: {} } : null);
    const activation = select({ label: "Activation", id: "layer-activation", value: layer.activation?.name ?? "",
      options: [["", "as all"], ...this.choices.activations.map(({ name }) => name)],
      change: (name) => set({ activation: part(name) }) });
    activation.input.disabled = layer.kind === "Maxout"; // which is one itself
    this.element.replaceChildren(el("h3", {}, `Layer ${number + 1}`), el("div", { class: "weights" },
      select({ label: "Kind", id: "layer-kind", options: this.choices.kinds, value: layer.kind, change: change("kind") }).element,
      activation.element,
      select({ label: "Normalization", id: "layer-normalization", value: layer.normalization ?? "",
        options: [["", "none"], ...this.choices.normalizations],
        change: (name) => set({ normalization: name || null }) }).element,
      slider({ label: "Dropout", id: "layer-dropout", steps: DROPOUTS, value: layer.dropout,
        show: (value) => (value ? digits(value, 1) : "none"), change: change("dropout") }).element,
      check({ label: "Shortcut around it", id: "layer-residual", value: layer.residual, change: change("residual") }).element));
    if (focused) document.getElementById(focused)?.focus();
  }
}
