// The tools beside a map of cells: one is opened, cells are chosen, a line is drawn. The list
// beside the map holds a checkbox for each cell and is the way in for the keyboard.

import { look } from "./ground.js";
import { Pen } from "./pen.js";
import { byId, showFault } from "./task.js";

const ROW = "#cell-list input";

export class Bench {
  /** `tools`: name → {least, most, kind, draws}; `words`: name → [title, what to choose, what to do].
   * `changed` hears that what is chosen or drawn has changed, `finished` of a double tap. */
  constructor(map, cells, { tools, words, changed, finished }) {
    Object.assign(this, { map, cells, tools, words, changed, tool: null, chosen: [] });
    this.task = byId("task");
    cells.tapped = (code) => { if (!this.drawing) this.toggle(code); };
    if (this.task) this.wire(finished);
    document.addEventListener("change", (event) => {
      if (event.target.matches(ROW)) this.toggle(event.target.value);
    });
    document.addEventListener("keydown", (event) => this.key(event));
  }

  wire(finished) {
    this.pen = new Pen(this.map, {
      box: byId("drawing"), cross: byId("cross"), back: byId("draw-back"),
      clear: byId("draw-clear"), add: byId("draw-add"), typed: byId("draw-typed"),
    }, this.changed, finished);
    document.querySelectorAll("[data-tool]").forEach((button) => {
      button.addEventListener("click", () => this.open(button.dataset.tool));
    });
    byId("task-cancel").addEventListener("click", () => this.close());
    this.task.addEventListener("submit", (event) => {
      event.preventDefault();
      finished();
    });
  }

  boxes() {
    return [...document.querySelectorAll(ROW)];
  }

  box(code) {
    return this.boxes().find((each) => each.value === code);
  }

  /** Whether a tap on the map means a point rather than a cell. */
  get drawing() {
    return this.tool && this.enough() && Boolean(this.tools[this.tool].draws);
  }

  enough() {
    return this.chosen.length >= this.tools[this.tool].least;
  }

  choose(codes) {
    this.chosen = codes;
    this.boxes().forEach((each) => { each.checked = codes.includes(each.value); });
    this.cells.choose(codes);
    if (this.tool) this.update();
  }

  /** Choose a cell or let it go; a tool that takes only so many lets the first one go. */
  toggle(code) {
    const { kind, most } = this.tools[this.tool] ?? { most: Infinity };
    const fits = most > 0 && (!kind || this.box(code)?.dataset.kind === kind);
    if (this.chosen.includes(code)) this.choose(this.chosen.filter((each) => each !== code));
    else this.choose(fits ? [...this.chosen, code].slice(-most) : this.chosen);
    if (!this.tool) this.box(code)?.closest("li").scrollIntoView({ block: "nearest" });
  }

  /** Bring the panel into line with the tool and what is chosen. */
  update() {
    const { draws, fields = [] } = this.tools[this.tool];
    const ready = this.enough();
    byId("task-hint").textContent = this.words[this.tool][ready ? 2 : 1];
    byId("task-look").hidden = !ready;
    this.task.querySelectorAll("[data-field]").forEach((each) => {
      each.hidden = !ready || !fields.includes(each.dataset.field);
    });
    if (draws && ready && !this.pen.on) {
      const shown = this.cells.bounds(this.chosen.length ? this.chosen : undefined);
      look(this.map, shown, draws === "area" ? 24 : 72);
      this.pen.start(draws === "area");
    }
    this.pen.rest(!ready);
    this.changed();
  }

  open(name) {
    this.close();
    this.tool = name;
    const { kind, most, least } = this.tools[name];
    byId("task-title").textContent = this.words[name][0];
    byId("tools").hidden = true;
    this.task.hidden = false;
    byId("ground").classList.add("is-busy");
    this.map.invalidateSize();
    showFault(null);
    const fits = this.chosen.every((code) => !kind || this.box(code).dataset.kind === kind);
    const { length } = this.chosen;
    this.choose(fits && length >= least && length <= most ? this.chosen : []);
    byId("task-title").focus();
  }

  close() {
    if (!this.tool) return;
    this.pen.stop();
    this.changed();
    this.tool = null;
    this.task.hidden = true;
    this.task.reset();
    byId("tools").hidden = false;
    byId("ground").classList.remove("is-busy");
    this.map.invalidateSize();
  }

  /** Whether enough is drawn for the open tool; says so where it is not. */
  drawn() {
    const { draws } = this.tools[this.tool];
    const least = draws === "area" ? 3 : 2;
    if (!draws || this.pen.points.length >= least) return true;
    showFault({ title: this.words.tooFew.replace("{n}", least), reasons: [] });
    return false;
  }

  /** Arrow keys go through the list, Enter chooses like the space bar, Escape gives up. */
  key(event) {
    if (event.key === "Escape" && !event.defaultPrevented) {
      if (this.tool) this.close();
      else this.choose([]);
      return;
    }
    if (!event.target.matches(ROW)) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const all = this.boxes();
      all[all.indexOf(event.target) + step]?.focus();
      event.preventDefault();
    } else if (event.key === "Enter") {
      event.target.click();
      event.preventDefault();
    }
  }
}
