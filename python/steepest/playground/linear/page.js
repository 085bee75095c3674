// The linear tab: W and b by hand or by gradient descent, and what follows from them in three views.

import { accepted, different } from "/asking.js";
import { button, el, select, slider } from "/controls.js";
import { Algebra } from "./algebra.js";
import { Curve } from "./curve.js";
import { digitsCard } from "./digits.js";
import { Plane } from "./plane.js";
import { emptiest } from "/space.js";
import { Losses, Parameters, Samples } from "./tables.js";

const STRENGTHS = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];

export async function open(root, { ask, choices, palette, state, remember, say, fail }) {
  const start = choices.start;
  const now = await accepted(start, state, (given) => ask("show", { ...given, steps: 0 }), fail);
  let chosen = 0, seed = 0, queued = 0, running = false, stale = false, busy = false, remembered = 0;

  const plane = new Plane({ side: choices.side, colors: palette.classes, move, add, choose });
  const samples = new Samples({ colors: palette.classes, choose, hover: (place) => plane.point(place) });
  const parameters = new Parameters({ colors: palette.classes, largest: choices.largest, say,
    change: (W, b) => set({ W, b }), now });
  const losses = new Losses({ change: (loss) => { curve.clear(); set({ loss }); } });
  const algebra = new Algebra();
  const curve = new Curve();
  const strength = slider({ label: "L2 strength", id: "linear-strength", steps: among(STRENGTHS, now.strength),
    value: now.strength, show: (value) => (value === 0 ? "none" : String(value)),
    change: (value) => set({ strength: value }) });
  const rate = slider({ label: "Step size", id: "linear-rate", steps: among(RATES, now.rate), value: now.rate,
    change: (value) => set({ rate: value }) });
  const pace = select({ label: "Steps per frame", id: "linear-pace", options: ["1", "5", "20"], value: "1", change: () => {} });
  const run = button({ label: "Run", id: "linear-run", primary: true, press: () => (running ? pause() : go()) });
  const addOne = button({ label: "Add", id: "linear-add", title: "Add a point where there is space", press: addInSpace });
  const remove = button({ label: "Remove", id: "linear-remove", press: () => drop(chosen) });
  const reseed = button({ label: "Random W and b", id: "linear-random", press: random });
  const views = digitsCard({ ask, palette, fail, settings: () => ({ loss: now.loss, strength: now.strength }) });

  /** Change something, and show what follows. */
  function set(changes) {
    Object.assign(now, changes);
    say("");
    chosen = Math.min(chosen, now.points.length - 1);
    plane.dots(now.points, chosen);
    stale = true;
    return pump();
  }

  /** One question at a time, until all is shown that was set, and for as long as it runs. */
  async function pump() {
    if (busy) return;
    busy = true;
    try {
      while (stale || queued || running) {
        const steps = queued || (running ? Number(pace.value) : 0);
        stale = false;
        queued = 0;
        const given = { ...now };
        take(given, steps, await ask("show", { ...given, steps }));
        if (running) await new Promise(requestAnimationFrame);
      }
    } catch (error) {
      fail(error);
    } finally {
      busy = false;
      if (running) pause();
    }
  }

  /** An answer: its W and b, unless they were set meanwhile, and what to show. */
  function take(given, steps, answer) {
    if (answer.diverged) {
      pause();
      say(answer.diverged, true);
    } else if (given.W === now.W && given.b === now.b && given.loss === now.loss) {
      if (steps) Object.assign(now, { W: answer.W, b: answer.b });
      curve.add(answer.totals, steps);
    }
    if (given.points.length === now.points.length) show(answer);
    if (!running || performance.now() - remembered > 1000) keep();
  }

  function show(answer) {
    plane.draw(answer, now.points, chosen);
    samples.draw(answer.samples, now.points, chosen);
    parameters.draw(now.W, now.b, answer.gradients);
    losses.draw(answer.losses, now.loss);
    algebra.draw(now, answer, chosen);
    remove.title = `Remove point ${chosen + 1}`;
    remove.setAttribute("aria-label", remove.title);
    remove.disabled = now.points.length === 1;
  }

  /** The address holds what is not usual. */
  function keep() {
    remembered = performance.now();
    remember(different(now, start));
  }

  function go() {
    running = true;
    run.textContent = "Pause";
    say("");
    pump();
  }

  function pause() {
    running = false;
    run.textContent = "Run";
    keep();
  }

  function step() {
    say("");
    queued = 1;
    pump();
  }

  async function random() {
    try {
      const { W, b } = await ask("random", { seed: seed++ });
      curve.clear();
      set({ W, b });
    } catch (error) {
      fail(error);
    }
  }

  function reset() {
    pause();
    [chosen, seed] = [0, 0];
    curve.clear();
    set(structuredClone(start));
    strength.value = now.strength;
    rate.value = now.rate;
  }

  function choose(place) {
    if (place === chosen) return;
    chosen = place;
    set({});
  }

  function move(place, x, y) {
    set({ points: now.points.map((point, i) => (i === place ? [rounded(x), rounded(y), point[2]] : point)) });
  }

  function add(x, y, kind) {
    const most = choices.most_points;
    if (now.points.length >= most) { say(`${most} points are the most.`, true); return; }
    chosen = now.points.length;
    set({ points: [...now.points, [rounded(x), rounded(y), kind]] });
  }

  /** A point by the button, which is where the arrow keys move it. */
  function addInSpace() {
    const { x, y } = plane.chart, before = now.points.length;
    add(...emptiest(now.points, x, y), plane.kind);
    if (now.points.length > before) plane.focus(before);
  }

  function drop(place) {
    if (now.points.length === 1) { say("One point is the fewest.", true); return; }
    set({ points: now.points.filter((_, i) => i !== place) });
  }
  plane.remove = drop;

  const samplesCard = el("div", { class: "card" }, samples.element);
  const columns = [
    el("div", { class: "stack" },
      el("div", { class: "card stack" }, el("h2", {}, "Geometric view: where each score is 0"), plane.element,
        el("div", { class: "row" }, plane.kinds, addOne, remove),
        el("p", { class: "note" }, "Drag a point, or move it with the arrow keys; Delete removes it. ",
          "Double-click adds one. Each line is where a class's score is 0, its arrow points to the positive side. ",
          "The background shows the class with the highest score.")),
      curve.element),
    el("div", { class: "stack" },
      el("div", { class: "card stack" }, losses.element,
        el("div", { class: "settings" }, strength.element, rate.element, pace.element),
        el("div", { class: "row" }, run, button({ label: "One step", id: "linear-step", press: step }), reseed,
          button({ label: "Reset", id: "linear-reset", press: reset }))),
      el("div", { class: "card stack" }, el("h2", {}, "W and b, and their gradients"), parameters.element,
        el("p", { class: "note" }, "A step subtracts step size · gradient. ",
          "The penalty, strength · ∑ W², leaves b alone."))),
    el("div", { class: "stack" })];

  /** Three columns, or two where the window is narrow. */
  function arrange() {
    columns[wide.matches ? 2 : 0].append(samplesCard);
    columns[wide.matches ? 2 : 1].append(algebra.element, views.element);
  }

  const wide = matchMedia("(min-width: 1360px)");
  wide.addEventListener("change", arrange);
  arrange();
  const page = el("div", { class: "linear" }, ...columns);
  palette.classes.slice(0, 3).forEach((color, kind) => page.style.setProperty(`--class-${kind}`, color));
  root.append(page);

  plane.dots(now.points, chosen);
  stale = true;
  await pump();
  return { suspend() { pause(); views.stop(); } };
}

/** The steps of a slider, and a value that may be between them. */
const among = (steps, value) => [...new Set([...steps, value])].sort((a, b) => a - b);

const rounded = (value) => Math.round(value * 100) / 100;
