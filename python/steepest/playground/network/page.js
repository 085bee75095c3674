// The network tab: what the user sets goes to the server, what the server computes is drawn.

import { different } from "/asking.js";
import { Colors } from "/colors.js";
import { Edits } from "./edits.js";
import { FULL_SPEED, PACES } from "./sidebar.js";
import { difference, merged } from "./state.js";
import { View } from "./view.js";

const FRAME = 1 / 36; // seconds, at full speed: learning has what drawing leaves, and two refreshes of a screen are 1 / 30
const LEAST = 0.008; // seconds that it has in any case
const USUAL_LOOK = { pace: 1, discrete: false, showTest: false, shown: 0, more: false };

export async function open(root, context) {
  const page = new NetworkPage(root, context);
  await page.begin(context.state);
  return page;
}

class NetworkPage {
  constructor(root, { ask, choices, palette, longest, state, remember, say, fail }) {
    Object.assign(this, { root, ask, choices, longest, remember, say, fail });
    this.colors = new Colors(palette);
    this.settings = choices.settings; // as the server has them
    this.wanted = choices.settings; // with what is being asked for
    this.look = { ...USUAL_LOOK, ...state.look };
    if (!PACES.some(([pace]) => pace === this.look.pace)) this.look.pace = USUAL_LOOK.pace;
    this.table = {}; // the user's: its columns
    this.curve = [];
    this.asking = Promise.resolve();
    this.edits = new Edits(this);
    this.view = new View(this);
  }

  /** The number of classes; 0 for numbers. */
  get classes() { return this.whole?.classes.length ?? 2; }

  async begin({ settings, epochs }) {
    await this.queue("show", {}, (answer) => this.take(answer));
    const taken = settings ? await this.set(settings) : this.answer;
    if (epochs && taken) this.replay(epochs); // in the background: it may be long
  }

  // ---- asking ---------------------------------------------------------------------------------------------

  /** Ask when all that was asked before is answered. A refusal is told, and leaves everything as it was. */
  queue(action, given, then = () => {}) {
    this.asking = this.asking.then(async () => {
      const answer = await this.ask(action, typeof given === "function" ? given() : given);
      then(answer);
      return answer;
    }).catch((error) => {
      this.pause();
      this.fail(error);
      this.wanted = this.settings;
      if (this.answer) this.view.refused();
      return null;
    });
    return this.asking;
  }

  /** Take other settings: all that are wanted by the time the server can be asked. */
  set(changes) {
    this.wanted = merged(this.wanted, changes);
    let asked;
    this.setting ??= this.queue("configure", () => {
      this.setting = null;
      return (asked = this.wanted);
    }, (answer) => {
      this.settings = asked;
      this.say("");
      this.take(answer);
      if (!answer.settings) this.view.controls(); // it goes on with another rate, for example
      this.remembered();
    });
    return this.setting;
  }

  /** Draw an answer. */
  take(answer) {
    this.answer = answer;
    if (answer.settings) {
      this.whole = answer;
      this.settings = answer.settings;
      if (!this.setting) this.wanted = this.settings; // else there is a newer wish
      this.curve = [];
      if (answer.columns) this.table = { ...this.table, columns: answer.columns, numbers: answer.numbers, table: answer.table };
      this.look.shown = answer.runs[this.look.shown] ? this.look.shown : 0;
      this.view.rebuild();
      if (answer.notes.length) this.say(answer.notes.join("; "));
    }
    if (answer.said) {
      this.pause();
      this.say(answer.said, true);
    }
    this.view.redraw();
  }

  /** No drawn points any more, until the first is drawn: the server keeps the last ones until then. */
  clear() {
    this.wanted = merged(this.wanted, { data: { points: [] } });
    this.act("begin", {});
  }

  // ---- learning -------------------------------------------------------------------------------------------

  /** Learn while it plays: the next frame is asked for when this one is drawn. */
  async play() {
    if (!this.ready()) return;
    this.playing = true;
    this.view.playButton.textContent = "Pause";
    if (this.looping) return; // paused and played again within a frame
    this.looping = true;
    let seconds = FRAME / 2;
    while (this.playing) {
      const began = performance.now(), budget = this.look.pace === FULL_SPEED ? seconds : 0.1;
      const most = Math.min(this.look.pace, Math.max(20, this.answer.epochs)); // twice as far at most, for the curve
      await this.queue("learn", { seconds: budget, most }, (answer) => this.take(answer));
      const others = (performance.now() - began) / 1000 - budget; // the way there and back, pictures, drawing
      await new Promise(requestAnimationFrame);
      if (budget === seconds) seconds = Math.min(FRAME, Math.max(LEAST, 0.8 * seconds + 0.2 * (FRAME - others)));
    }
    this.looping = false;
    this.remembered();
  }

  /** Whether all drawn points are cleared, and the server keeps the last ones. */
  get cleared() { return this.wanted.data.name === "drawn" && !this.wanted.data.points.length; }

  /** Whether there is something to learn; if not, that is said. */
  ready() {
    if (this.cleared) this.say("Draw a point on the plane first.", true);
    return !this.cleared;
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.view.playButton.textContent = "Play";
  }

  step() { if (this.ready()) this.act("learn", { seconds: 0, most: 1 }); }
  back() { this.act("back", {}); }
  reset() { this.curve = []; this.act("begin", {}); }

  act(action, given) {
    this.pause();
    return this.queue(action, given, (answer) => { this.take(answer); this.remembered(); });
  }

  /** Learn up to an epoch, as a link asks, in parts. */
  async replay(epochs) {
    const shown = (number) => number.toLocaleString("en");
    let before = -1;
    while (this.answer.epochs < epochs && this.answer.epochs > before) {
      this.say(`Learning up to epoch ${shown(epochs)}, as the link asks: ${shown(this.answer.epochs)}`);
      before = this.answer.epochs;
      const next = Math.ceil(before * 1.1) + 1; // so that the curve has points enough
      await this.queue("replay", { epochs: Math.min(epochs, next) }, (answer) => this.take(answer));
    }
    if (this.answer.epochs === epochs) this.say("");
    this.remembered();
  }

  /** What a copied link does not have. */
  missing() {
    if (this.settings.data.name === "table") return "the table: drop the same file on the page, then open the link again";
    return this.answer.exact ? "" : "the weights (some of them, or a rate, were changed by hand): it opens at the beginning";
  }

  suspend() { this.pause(); }
  resume() { this.view.redraw(); }

  // ---- the address ----------------------------------------------------------------------------------------

  /** Another look at the same. */
  setLook(changes) {
    Object.assign(this.look, changes);
    this.view.redraw();
    this.remembered();
  }

  /** Keep what differs from the usual, and how far it has come where that can be repeated. */
  remembered() {
    const { settings, layer } = this.choices;
    const state = { settings: difference(this.settings, settings, layer), look: different(this.look, USUAL_LOOK) };
    for (const part of ["settings", "look"]) if (!Object.keys(state[part]).length) delete state[part];
    if (this.answer?.exact && this.answer.epochs && this.answer.epochs <= this.choices.most.epochs) state.epochs = this.answer.epochs;
    this.remember(state);
  }
}
