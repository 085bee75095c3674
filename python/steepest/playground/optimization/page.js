// The optimization tab: the paths of several methods on one surface, their losses, and what they cost.

import { accepted, different, latest } from "/asking.js";
import { button, el, number, select, slider } from "/controls.js";
import { LossChart } from "./losses.js";
import { MethodTable } from "./methods.js";
import { Player } from "./player.js";
import { SurfaceView } from "./surface.js";

export async function open(root, { ask, choices, palette, state, remember, say, fail }) {
  const now = await accepted(choices.first, state, (given) => ask("paths", given), fail);
  const view = new SurfaceView({ colors: palette.classes,
    move: (x, y) => set({ start: [rounded(x), rounded(y)] }) });
  const losses = new LossChart(palette.classes);
  const table = new MethodTable({ methods: choices.methods, colors: palette.classes, shown: now.methods,
    change: (methods) => set({ methods }) });
  const formula = el("p", { class: "note", id: "optimization-formula" });
  const controls = makeControls(now, choices, set);
  controls.rate.input.addEventListener("input", () => { controls.rate.value = now.rate; }); // no longer the usual one
  const player = new Player((step) => { view.step(step); losses.step(step); table.step(step); });

  let drawn = null; // the surface that is shown
  const answered = latest(async () => {
    const asked = { ...now };
    view.busy = true;
    try {
      const picture = drawn === asked.surface ? null
        : await ask("surface", { name: asked.surface, width: view.canvas.width, height: view.canvas.height });
      show(await ask("paths", asked), asked, picture);
    } finally {
      view.busy = false;
    }
  }, fail);

  /** Change something, and show what follows. */
  function set(changes) {
    say("");
    Object.assign(now, changes);
    refresh();
  }

  function refresh() {
    remember(different(now, choices.first));
    return answered();
  }

  /** The answer to what was asked; with the picture of a surface if that is another. */
  function show(answer, asked, picture) {
    if (picture) {
      if (drawn && asked.rate === null) say(`This surface has its own start and learning rate, ${answer.rate}.`);
      drawn = asked.surface;
      view.picture(picture);
      formula.textContent = `Loss: ${picture.formula.replaceAll("-", "−")}`;
    }
    const traces = asked.methods.filter((name) => name !== "numerical").map((name) => trace(name, answer));
    if (asked.methods.includes("numerical")) traces.push(trace("numerical", answer)); // its dashes over the solid
    if (now.rate === null) controls.rate.value = answer.rate;
    view.paths(traces, answer.start);
    losses.draw(traces, asked.steps, answer.heights);
    table.draw(traces, { left: answer.left, diverged: Object.fromEntries(traces.filter((path) => path.diverged)
      .map(({ name, losses: { length } }) => [name, length])) });
    player.length(asked.steps);
  }

  /** The usual settings, the last step. */
  function reset() {
    for (const name of ["surface", "momentum", "steps", "noise", "seed"]) controls[name].value = choices.first[name];
    table.shown = choices.first.methods;
    player.end();
    set(choices.first);
  }

  root.append(el("div", { class: "optimization" },
    el("div", { class: "card stack" }, el("div", { class: "chosen" }, controls.surface.element, player.element),
      view.element, el("div", { class: "row" }, view.legend, formula),
      el("p", { class: "note" }, "Click the surface to start there, or move the start with the arrow keys. ",
        "✕ marks minima.")),
    el("div", { class: "stack" },
      el("div", { class: "card settings" }, controls.rate.element, controls.momentum.element, controls.steps.element,
        controls.noise.element, controls.seed.element,
        button({ label: "Reset", id: "optimization-reset", press: reset })),
      el("div", { class: "card stack" }, table.element),
      el("div", { class: "card stack" }, el("h3", {}, "Loss in each step"), losses.element,
        el("p", { class: "note" }, "The numerical gradient (dashed) follows the analytic one, up to rounding, ",
          "but evaluates the loss four more times in each step. All methods have the same learning rate; AdaGrad and ",
          "Adam usually need another one.")))));
  await refresh();
  return { suspend: () => player.pause() };
}

/** The controls by the names of their settings. */
function makeControls(now, choices, set) {
  const [least, most] = choices.steps;
  return {
    surface: select({ label: "Surface", id: "optimization-surface", options: choices.surfaces, value: now.surface,
      change: (surface) => set({ surface, start: null, rate: null }) }),
    rate: slider({ label: "Learning rate", id: "optimization-rate", steps: choices.rates, value: now.rate ?? choices.rates[0],
      show: (rate) => (now.rate === null ? `${rate} (auto)` : String(rate)), change: (rate) => set({ rate }) }),
    momentum: slider({ label: "Momentum", id: "optimization-momentum", min: choices.momenta[0], max: choices.momenta[1], step: 0.01,
      value: now.momentum, show: (value) => value.toFixed(2), change: (momentum) => set({ momentum }) }),
    steps: slider({ label: "Steps", id: "optimization-steps", min: least, max: most, step: 10, value: now.steps,
      change: (steps) => set({ steps }) }),
    noise: slider({ label: "Noise in the gradient", id: "optimization-noise", min: 0, max: 1, step: 0.05, value: now.noise,
      show: (value) => value.toFixed(2), change: (noise) => set({ noise }) }),
    seed: number({ label: "Seed", id: "optimization-seed", min: choices.seeds[0], max: choices.seeds[1], step: 1, value: now.seed,
      change: (seed) => set({ seed }) }),
  };
}

/** A method's part of an answer. */
function trace(name, { arrays, diverged }) {
  const of = (what) => arrays[`${name}.${what}`].data;
  return { name, path: of("path"), losses: of("losses"), heights: of("heights"), evaluations: of("evaluations"),
    distances: of("distances"), diverged: diverged[name] };
}

const rounded = (value) => Number(value.toFixed(3));
