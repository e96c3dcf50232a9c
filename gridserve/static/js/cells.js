// The map of cells of a village or township: choose cells, open a tool, draw, see what would
// happen, confirm. The list beside the map is the way in for the keyboard.

import { ask, features, newId } from "./api.js";
import { Cells, ground, look } from "./ground.js";
import { Pen } from "./pen.js";
import { byId, Result, showFault } from "./task.js";

const words = JSON.parse(byId("words").textContent);
const page = byId("ground").dataset;

// How many cells each tool takes, what it draws, where it sends what.
const TOOLS = {
  split: { least: 1, most: 1, draws: "line", names: (names) => ({ names }),
    path: () => "/cells/split", body: ({ cells, shape }) => ({ cell: cells[0], line: shape }) },
  merge: { least: 2, most: 20, names: ([name]) => ({ name }),
    path: () => "/cells/merge", body: ({ cells }) => ({ cells }) },
  redraw: { least: 2, most: 2, draws: "line", names: (names) => ({ names }),
    path: () => "/cells/redraw", body: ({ cells, shape }) => ({ cells, line: shape }) },
  retire: { least: 1, most: 1, kind: "dedicated",
    path: ({ cells }) => `/cells/${cells[0]}/retire`, body: () => ({}) },
};

const map = ground(byId("map"), words);
const cells = new Cells(map, (code) => { if (!enough() || !TOOLS[tool].draws) toggle(code); });
const task = byId("task");
let pen, result;
let tool = null; // the open tool's name
let chosen = []; // codes in the order in which they were chosen
let intended = { key: "", id: "" }; // one id for one intended change, however often it is sent

const boxes = () => [...document.querySelectorAll("#cell-list input")];
const box = (code) => boxes().find((each) => each.value === code);

function labelOf(feature) {
  const homes = box(feature.properties.code)?.dataset.households;
  return [feature.properties.name, homes && `${homes} ${words.households}`];
}

async function loadCells() {
  const asked = new URLSearchParams({ jurisdiction: page.jurisdiction, as_of: page.day, limit: 500 });
  cells.show(await features(`/cells?${asked}`, words.offline), labelOf);
  choose(chosen.filter(box));
}

/** The list and the map as they are now; what was drawn stays. */
async function refresh() {
  const answer = await fetch(window.location.href, { headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  ["cell-panel", "change-panel"].forEach((id) => {
    const now = fresh.getElementById(id);
    if (now) byId(id)?.replaceWith(document.adoptNode(now));
  });
  await loadCells();
  showFault(null);
}

function choose(codes) {
  chosen = codes;
  boxes().forEach((each) => { each.checked = codes.includes(each.value); });
  cells.choose(codes);
  update();
}

/** Choose a cell or let it go; a tool that takes only so many lets the first one go. */
function toggle(code) {
  const { kind, most } = TOOLS[tool] ?? { most: Infinity };
  if (chosen.includes(code)) {
    choose(chosen.filter((each) => each !== code));
  } else if (!kind || box(code)?.dataset.kind === kind) {
    choose([...chosen, code].slice(-most));
  } else {
    choose(chosen);
  }
  if (!tool) box(code)?.closest("li").scrollIntoView({ block: "nearest" });
}

function enough() {
  return tool && chosen.length >= TOOLS[tool].least;
}

/** Bring the panel into line with the tool, what is chosen and what is drawn. */
function update() {
  if (!tool) return;
  const { draws } = TOOLS[tool];
  const ready = enough();
  byId("task-hint").textContent = words[tool][ready ? 2 : 1];
  byId("task-look").hidden = !ready;
  byId("task-day-field").hidden = !ready || tool === "undo";
  byId("task-name-field").hidden = !ready || tool !== "dedicated";
  if (draws && ready && !pen.on) {
    look(map, cells.bounds(chosen), 72);
    pen.start(draws === "area");
  }
  pen.rest(!ready);
  retract();
}

/** What was shown as the result no longer is: something it depends on has changed. */
function retract() {
  result.hide();
  cells.retract();
}

function open(name) {
  close();
  tool = name;
  const { kind, most, least } = TOOLS[name];
  byId("task-title").textContent = words[name][0];
  byId("tools").hidden = true;
  task.hidden = false;
  byId("ground").classList.add("is-busy");
  map.invalidateSize();
  showFault(null);
  const fitting = chosen.filter((code) => !kind || box(code).dataset.kind === kind);
  choose(fitting.length < least || fitting.length > most ? [] : fitting);
  byId("task-title").focus();
}

function close() {
  if (!tool) return;
  pen.stop();
  retract();
  tool = null;
  task.hidden = true;
  task.reset();
  byId("tools").hidden = false;
  byId("ground").classList.remove("is-busy");
  map.invalidateSize();
}

/** What the open tool says to the API; null, with words, where too little was drawn. */
function said() {
  const { draws, path, body } = TOOLS[tool];
  const least = draws === "area" ? 3 : 2;
  if (draws && pen.points.length < least) {
    showFault({ title: words.tooFew.replace("{n}", least), reasons: [] });
    return null;
  }
  const given = { cells: chosen, shape: draws && pen.geojson(), name: byId("task-name").value.trim() };
  const on = byId("task-day-field").hidden ? "" : byId("task-on").value;
  return { path: path(given), body: { ...body(given), ...(on ? { on } : {}) } };
}

/** The id of what is intended: another one only where something else is meant. */
function idOf(path, body) {
  const key = JSON.stringify([path, body]);
  if (key !== intended.key) intended = { key, id: newId() };
  return intended.id;
}

async function send({ path, body }, query = "") {
  showFault(null);
  task.setAttribute("aria-busy", "true");
  const buttons = [byId("task-look"), byId("task-do")];
  buttons.forEach((each) => { each.disabled = true; });
  try {
    return await ask("POST", path + query, { id: idOf(path, body), ...body }, words.offline);
  } catch (refused) {
    showFault(refused, refused.status === 409 ? { label: words.stale, act: refresh } : null);
    return null;
  } finally {
    buttons.forEach((each) => { each.disabled = false; });
    task.removeAttribute("aria-busy");
  }
}

async function preview() {
  const what = said();
  if (!what) return;
  retract();
  const found = await send(what, "?dry_run=true");
  if (!found || !tool) return;
  cells.propose(found.cells.map((cell) => ({
    type: "Feature", geometry: cell.polygon, properties: { ...cell },
  })), ({ properties: cell }) => [cell.name, `${cell.households} ${words.households}`]);
  result.show(found, Boolean(TOOLS[tool].names));
}

async function confirm() {
  const what = said();
  if (!what) return;
  const names = result.names();
  const done = await send({ ...what,
    body: { ...what.body, ...(names ? TOOLS[tool].names(names) : {}) } });
  if (!done) return;
  const next = new URL(window.location.href);
  next.searchParams.set("done", done.id);
  window.location.assign(next);
}

/** Arrow keys go through the list, Enter chooses like the space bar. */
function onListKey(event) {
  if (!event.target.matches("#cell-list input")) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    const all = boxes();
    all[all.indexOf(event.target) + step]?.focus();
    event.preventDefault();
  } else if (event.key === "Enter") {
    event.target.click();
    event.preventDefault();
  }
}

function onEscape(event) {
  if (event.key !== "Escape") return;
  if (result?.shown) retract();
  else if (tool) close();
  else choose([]);
}

function wireTools() {
  result = new Result(words);
  pen = new Pen(map, {
    box: byId("drawing"), cross: byId("cross"), back: byId("draw-back"), clear: byId("draw-clear"),
    add: byId("draw-add"), typed: byId("draw-typed"),
  }, retract, preview);
  document.querySelectorAll("[data-tool]").forEach((button) => {
    button.addEventListener("click", () => open(button.dataset.tool));
  });
  byId("task-cancel").addEventListener("click", close);
  byId("task-on").addEventListener("input", retract);
  byId("task-name").addEventListener("input", retract);
  byId("task-do").addEventListener("click", confirm);
  task.addEventListener("submit", (event) => {
    event.preventDefault();
    preview();
  });
}

async function begin() {
  if (task) wireTools();
  document.addEventListener("change", (event) => {
    if (event.target.matches("#cell-list input")) toggle(event.target.value);
  });
  document.addEventListener("keydown", (event) => {
    onListKey(event);
    onEscape(event);
  });
  const homeland = await ask("GET", `/jurisdictions/${page.jurisdiction}`, null, words.offline);
  if (homeland.boundary) {
    L.geoJSON(homeland.boundary, { interactive: false,
      style: { color: "#16202a", weight: 3, dashArray: "10 6", fill: false } }).addTo(map);
  }
  await loadCells();
  const all = cells.bounds();
  if (!all.isValid() && homeland.boundary) all.extend(L.geoJSON(homeland.boundary).getBounds());
  look(map, all);
}

begin();
