// Which step is shown: a slider, and a button that moves it from the first to the last.

import { button, el, slider } from "/controls.js";

const LEAST = 3000, MOST = 10000, OF_STEP = 60; // milliseconds

/** Calls `show(step)` whenever the step, or what it shows, has changed. */
export class Player {
  constructor(show) {
    Object.assign(this, { show, steps: 0, at: 0, frame: null });
    this.button = button({ label: "Play", id: "optimization-play", primary: true,
      press: () => (this.frame ? this.pause() : this.play()) });
    this.slider = slider({ label: "Step", id: "optimization-step", min: 0, max: 0, value: 0,
      change: (step) => { this.pause(); this.go(step); } });
    this.element = el("div", { class: "player" }, this.button, this.slider.element);
  }

  /** Another number of steps: who stood at the end stays there. */
  length(steps) {
    const ended = this.at >= this.steps || this.at > steps;
    this.steps = steps;
    this.slider.input.max = steps;
    this.go(ended && !this.frame ? steps : Math.min(this.at, steps));
  }

  /** Show a step; while it plays, between two is the one before. */
  go(step) {
    this.at = step;
    this.slider.value = Math.floor(step);
    this.show(Math.floor(step));
  }

  /** Stop, at the last step. */
  end() {
    this.pause();
    this.go(this.steps);
  }

  /** Move on with the time, from the first step if at the end. */
  play() {
    if (this.at >= this.steps) this.at = 0;
    this.button.textContent = "Pause";
    let before = performance.now();
    const next = (time) => {
      const all = Math.min(MOST, Math.max(LEAST, this.steps * OF_STEP));
      this.go(Math.min(this.steps, this.at + Math.max(0, time - before) / all * this.steps));
      before = time;
      if (this.at >= this.steps) this.pause();
      else this.frame = requestAnimationFrame(next);
    };
    this.frame = requestAnimationFrame(next);
  }

  /** Stop here. */
  pause() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    this.button.textContent = "Play";
  }
}
