// The controls of the network tab: data on the left, learning above.

import { button, check, el, number, select, slider } from "/controls.js";
import { partMenu } from "./parts.js";

const RATES = [1e-5, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const STRENGTHS = [0, 1e-5, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
export const LOSS_NAMES = { SoftmaxCrossEntropy: "Softmax", MulticlassHinge: "Hinge", BinaryCrossEntropy: "Binary cross-entropy",
  SquaredError: "Squared error", AbsoluteError: "Absolute error", PoissonDeviance: "Poisson deviance", LogCosh: "Log-cosh" };
export const FULL_SPEED = 10000; // epochs a frame at most
export const PACES = [[1, "1"], [10, "10"], [100, "100"], [FULL_SPEED, "full speed"]];

/** The data: which, how many, how noisy; points to draw; columns of a table. */
export function dataControls(choices, settings, edits) {
  const data = settings.data;
  const names = [...choices.classification, ...choices.regression, "drawn", "table"];
  const texts = { drawn: "drawn by hand", table: "a table of your own", plane: "plane (regression)", hills: "hills (regression)" };
  const change = (key) => (value) => edits.data({ [key]: value });
  const own = data.name === "drawn" || data.name === "table";
  const kind = select({ label: "Data", id: "data", value: data.name, options: names.map((name) => [name, texts[name] ?? name]), change: (name) => edits.chooseData(name) });
  const parts = [kind.element];
  if (data.name === "drawn") parts.push(drawing(choices, data, edits));
  if (data.name === "table") parts.push(...tableColumns(settings, edits));
  if (!own) {
    parts.push(slider({ label: "Samples", id: "samples", min: 20, max: 2000, step: 20, value: data.samples, change: change("samples") }).element,
      slider({ label: "Noise", id: "noise", min: 0, max: 50, step: 5, value: data.noise, show: (value) => `${value} %`, change: change("noise") }).element);
  }
  parts.push(
    slider({ label: "Test share", id: "test-share", min: 10, max: 90, step: 10, value: Math.round(settings.test_share * 100),
      show: (value) => `${value} %`, change: (value) => edits.set({ test_share: value / 100 }) }).element,
    slider({ label: "Batch size", id: "batch-size", steps: [1, 2, 5, 10, 20, 30, 50, 100, 200, 500, 1000, 2000], value: settings.batch_size,
      change: (value) => edits.set({ batch_size: value }) }).element,
    number({ label: "Seed of the data", id: "data-seed", min: 0, max: 2 ** 31, step: 1, value: data.seed, change: change("seed") }).element,
    button({ label: "Other samples", id: "regenerate", press: () => edits.data({ seed: data.seed + 1 }) }));
  const file = el("input", { type: "file", id: "file", class: "visually-hidden", accept: ".csv,.tsv,.txt", tabindex: -1,
    onchange: () => file.files[0] && edits.upload(file.files[0]) });
  parts.push(file, button({ label: "Open a CSV file", id: "open-file", title: "Or drop it anywhere on the page; it stays in memory", press: () => file.click() }));
  return parts;
}

function drawing(choices, data, edits) {
  const pick = (label) => button({ label: String(label), id: `pen-${label}`, title: `draw points of class ${label}`, press: () => edits.choosePen(label) });
  return el("div", { class: "stack" },
    el("p", { class: "note" }, "Draw points on the plane with the pointer; hold Shift to erase. Class:"),
    el("div", { class: "row pens" }, ...Array.from({ length: choices.most_classes }, (_, label) => pick(label))),
    el("div", { class: "row" },
      button({ label: "Undo", id: "undo", press: () => edits.points(data.points.slice(0, -1)) }),
      button({ label: "Clear", id: "clear", press: () => edits.points([]) })));
}

function tableColumns(settings, edits) {
  const { columns, numbers, table } = edits.page.table;
  if (!columns) return [el("p", { class: "note" }, "Drop a CSV file on the page.")];
  const { axes, target } = settings.data;
  const axis = (place, label) => select({ label, id: `axis-${place}`, options: numbers, value: axes[place],
    change: (value) => edits.data({ axes: axes.map((name, i) => (i === place ? value : name)) }) }).element;
  return [el("p", { class: "note", title: table }, table),
    select({ label: "To predict", id: "target", options: columns, value: target, change: (name) => edits.chooseTarget(name) }).element,
    axis(0, "Across"), axis(1, "Up")];
}

/** How it learns. */
export function learningControls(choices, settings, edits) {
  const classes = edits.page.classes;
  const losses = choices.losses.filter(({ name }) => classes || !choices.label_losses.includes(name));
  const set = (key) => (value) => edits.set({ [key]: value });
  return [
    slider({ label: "Learning rate", id: "learning-rate", steps: RATES, value: settings.learning_rate, change: set("learning_rate") }).element,
    partMenu({ label: "Optimizer", id: "optimizer", kinds: choices.optimizers, value: settings.optimizer, change: set("optimizer") }).element,
    partMenu({ label: "Schedule", id: "schedule", kinds: choices.schedules, value: settings.schedule, none: "constant", change: set("schedule") }).element,
    partMenu({ label: "Loss", id: "loss", kinds: losses, names: LOSS_NAMES, value: settings.loss, change: set("loss") }).element,
    partMenu({ label: "Compare with", id: "compare", kinds: losses, names: LOSS_NAMES, value: settings.compare, none: "none", change: set("compare") }).element,
    partMenu({ label: "Activation", id: "activation", kinds: choices.activations, value: settings.activation, change: set("activation") }).element,
    partMenu({ label: "Penalty", id: "penalty", kinds: choices.penalties, value: settings.penalty, none: "none", change: set("penalty") }).element,
    strength(settings, set("strength")),
    el("div", { class: "stack details" },
      check({ label: "Standardize the inputs", id: "standardize", value: settings.standardize, change: set("standardize") }).element,
      number({ label: "Seed of the weights", id: "seed", min: 0, max: 2 ** 31, step: 1, value: settings.seed, change: set("seed") }).element),
  ];
}

/** The strength of the penalty, if there is one. */
function strength(settings, change) {
  const { element, input } = slider({ label: "Its strength", id: "strength", steps: STRENGTHS, value: settings.strength, change });
  input.disabled = !settings.penalty;
  return element;
}
