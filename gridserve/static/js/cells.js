// The map of cells of a village or township: choose cells, open a tool, draw, see what would
// happen, confirm.

import { ask, features, newId } from "./api.js";
import { Bench } from "./bench.js";
import { Cells, boundary, clusters, ground, look } from "./ground.js";
import { byId, Result, showFault } from "./task.js";

const words = JSON.parse(byId("words").textContent);
const page = byId("ground").dataset;

const oneVillage = page.level === "12";
const villageOf = ([code]) => (oneVillage ? page.jurisdiction : code.slice(0, 12));
let undoing = null; // id of the change to take back

// How many cells each tool takes, what it draws, which fields it shows, where it sends what.
const TOOLS = {
  split: { least: 1, most: 1, draws: "line", fields: ["on"], names: (names) => ({ names }),
    path: () => "/cells/split", body: ({ cells, shape }) => ({ cell: cells[0], line: shape }) },
  merge: { least: 2, most: 20, fields: ["on"], names: ([name]) => ({ name }),
    path: () => "/cells/merge", body: ({ cells }) => ({ cells }) },
  redraw: { least: 2, most: 2, draws: "line", fields: ["on"], names: (names) => ({ names }),
    path: () => "/cells/redraw", body: ({ cells, shape }) => ({ cells, line: shape }) },
  add: { least: oneVillage ? 0 : 1, most: 1, draws: "area", fields: ["on", "name"],
    path: () => "/cells",
    body: ({ cells, shape, name }) => ({ village: villageOf(cells), name, polygon: shape }) },
  retire: { least: 1, most: 1, kind: "dedicated", fields: ["on"],
    path: ({ cells }) => `/cells/${cells[0]}/retire`, body: () => ({}) },
  village: { least: oneVillage ? 0 : 1, most: 1, fields: ["on"],
    path: () => "/cells/retire", body: ({ cells }) => ({ village: villageOf(cells) }) },
  undo: { least: 0, most: 0, fields: [],
    path: () => "/cells/undo", body: () => ({ change: undoing }) },
};

const map = ground(byId("map"), words);
const cells = new Cells(map);
const result = byId("task") && new Result(words);
const bench = new Bench(map, cells, { tools: TOOLS, words, changed: retract, finished: preview });
let intended = { key: "", id: "" }; // one id for one intended change, however often it is sent

function labelOf(feature) {
  const homes = bench.box(feature.properties.code)?.dataset.households;
  return [feature.properties.name, homes && `${homes} ${words.households}`];
}

async function loadCells() {
  const asked = new URLSearchParams({ jurisdiction: page.jurisdiction, as_of: page.day, limit: 500 });
  cells.show(await features(`/cells?${asked}`, words.offline), labelOf);
  bench.choose(bench.chosen.filter((code) => bench.box(code)));
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

/** What was shown as the result no longer is: something it depends on has changed. */
function retract() {
  result?.hide();
  cells.retract();
}

/** What the open tool says to the API. */
function said() {
  const { draws, fields, path, body } = TOOLS[bench.tool];
  const given = { cells: bench.chosen, shape: draws && bench.pen.geojson(),
    name: byId("task-name").value.trim() };
  const on = fields.includes("on") && byId("task-on").value;
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
  const buttons = [byId("task-look"), byId("task-do")];
  buttons.forEach((each) => { each.disabled = true; });
  try {
    return await ask("POST", path + query, { id: idOf(path, body), ...body }, words.offline);
  } catch (refused) {
    showFault(refused, refused.code === "cell.ended" ? { label: words.stale, act: refresh } : null);
    return null;
  } finally {
    buttons.forEach((each) => { each.disabled = false; });
  }
}

async function preview() {
  if (!bench.drawn()) return;
  if (TOOLS[bench.tool].fields.includes("name") && !byId("task-name").value.trim()) {
    showFault({ title: words.noName, reasons: [] });
    byId("task-name").focus();
    return;
  }
  retract();
  const found = await send(said(), "?dry_run=true");
  if (!found || !bench.tool) return;
  cells.propose(found.cells.map((cell) => ({
    type: "Feature", geometry: cell.polygon, properties: { ...cell },
  })), ({ properties: cell }) => [cell.name, `${cell.households} ${words.households}`]);
  result.show(found, Boolean(TOOLS[bench.tool].names));
}

async function confirm() {
  const { path, body } = said();
  const names = result.names();
  const done = await send({ path,
    body: { ...body, ...(names ? TOOLS[bench.tool].names(names) : {}) } });
  if (!done) return;
  const next = new URL(window.location.href);
  next.searchParams.set("done", done.id);
  window.location.assign(next);
}

/** Undo is seen at once: there is nothing to choose or to draw. */
function undo(button) {
  undoing = (button ?? document.querySelector("[data-undo]"))?.dataset.undo ?? null;
  bench.open("undo");
  if (undoing) preview();
  else byId("task-hint").textContent = words.undo[1];
  byId("task-look").hidden = !undoing;
}

if (result) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-undo]");
    if (button) undo(button);
  });
  byId("undo").addEventListener("click", () => undo());
  byId("task-on").addEventListener("input", retract);
  byId("task-name").addEventListener("input", retract);
  byId("task-do").addEventListener("click", confirm);
  // Escape goes one step back: from the result to the drawing, then out of the tool
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !result.shown) return;
    event.preventDefault();
    retract();
  }, { capture: true });
}
const edge = await boundary(map, page.jurisdiction, words.offline);
await loadCells();
const homes = byId("clusters");
if (homes) clusters(map, JSON.parse(homes.textContent));
const all = cells.bounds();
look(map, all.isValid() ? all : edge);
