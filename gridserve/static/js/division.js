// The draft of a division: wait until it is worked out, look at it, adjust it, adopt it.

import { ask } from "./api.js";
import { Bench } from "./bench.js";
import { Cells, clusters, ground, look, outline } from "./ground.js";
import { element } from "./map.js";
import { byId, showFault } from "./task.js";

const words = JSON.parse(byId("words").textContent);
const page = byId("ground").dataset;
const address = `/divisions/${page.division}`;
const STALE = new Set(["division.changed", "division.not_ready"]);
const WAIT = 1000; // milliseconds between two looks at a draft that is being worked out

// Serials stand for codes here: adjusted, a draft numbers its cells anew.
const TOOLS = {
  split: { least: 1, most: 1, draws: "line" },
  merge: { least: 2, most: 20 },
  redraw: { least: 2, most: 2, draws: "line" },
};

let map, cells, bench, draft;

function begin() {
  byId("ground").hidden = false;
  map = ground(byId("map"), words);
  cells = new Cells(map);
  bench = new Bench(map, cells, { tools: TOOLS, words, changed: () => {}, finished: apply });
  const bounds = outline(map, draft.boundary);
  outline(map, draft.lines, true);
  clusters(map, draft.clusters.features);
  look(map, bounds);
}

async function load() {
  draft = await ask("GET", address, null, words.offline);
  const computing = draft.status === "computing";
  byId("computing").hidden = !computing;
  byId("computing-bar").value = draft.progress;
  if (computing) window.setTimeout(load, WAIT);
  else show();
}

/** Bring the page into line with the draft. */
function show() {
  tell();
  if (!draft.cells.features.length) return;
  if (!map) begin();
  byId("tools").hidden = draft.status !== "ready";
  byId("undo").hidden = !draft.adjustments;
  byId("figures").replaceChildren(...figures().map(([name, value, note]) => {
    const box = element("div", "figure");
    box.append(element("dt", "figure-label", name), element("dd", "figure-value", value));
    if (note) box.append(element("dd", "figure-note", note));
    return box;
  }));
  byId("cell-list").replaceChildren(...draft.cells.features.map(row));
  const drawn = draft.cells.features.map((feature) => ({ ...feature,
    properties: { ...feature.properties, kind: "basic", code: String(feature.id) } }));
  cells.show(drawn, ({ properties: cell }) => [tail(cell.serial), `${cell.households} ${words.households}`]);
  bench.choose(bench.chosen.filter((code) => bench.box(code)));
}

const tail = (serial) => String(serial).padStart(3, "0");

/** What has become of the draft, where it is not simply ready. */
function tell() {
  const links = {
    adopted: [words.adopted, words.toMap, `/maps/cells?jurisdiction=${page.village}`],
    dropped: [words.dropped, words.again, `/divisions?village=${page.village}`],
    failed: [draft.failure?.words, words.again, `/divisions?village=${page.village}`],
    ready: draft.derived ? [words.derived] : null,
  };
  const [said, label, href] = links[draft.status] ?? [];
  const place = byId("state");
  place.hidden = !said;
  place.classList.toggle("notice-error", draft.status === "failed");
  place.replaceChildren(said ?? "");
  if (label) {
    const link = element("a", "ms-2", label);
    link.href = href;
    place.append(link);
  }
}

function figures() {
  const found = draft.figures;
  const rows = [
    [words.cells, `${found.cells}`],
    [words.perCell, `${found.smallest}–${found.largest}`],
    [words.ratio, found.largest_to_smallest === null ? "–" : found.largest_to_smallest.toFixed(2)],
    [words.compactness, found.compactness.toFixed(2)],
    [words.cut, `${found.groups_cut.length}`, found.groups_cut.join(words.comma)
      || words.of.replace("{n}", found.groups)],
  ];
  if (found.outside) rows.push([words.outside, `${found.outside}`]);
  if (found.unplaced) rows.push([words.unplaced, `${found.unplaced}`]);
  return rows;
}

function row(feature) {
  const cell = feature.properties;
  const item = element("li", "cell-row");
  const label = element("label");
  const box = element("input");
  Object.assign(box, { type: "checkbox", name: "cell", value: String(feature.id) });
  const text = element("span", "cell-text");
  const size = element("span", "cell-line",
    `${cell.households} ${words.households} · ${Math.round(cell.hectares)} ${words.hectares} · ${words.compactness} ${cell.compactness.toFixed(2)}`);
  const wrong = cell.households < draft.smallest ? words.tooSmall
    : cell.households > draft.largest ? words.tooLarge : "";
  if (wrong) size.append(" · ", element("strong", "", wrong));
  const groups = cell.groups.map((group) => (group.cut ? `${group.name} (${words.part}, ${group.households})` : group.name));
  text.append(element("span", "cell-name", words.cell.replace("{n}", tail(cell.serial))), size);
  if (groups.length) text.append(element("span", "cell-line", groups.join(words.comma)));
  label.append(box, text);
  item.append(label);
  return item;
}

/** Send something; what was drawn stays where it is refused. Gives the draft as answered. */
async function send(method, path, body) {
  showFault(null);
  try {
    return await ask(method, address + path, body, words.offline);
  } catch (refused) {
    showFault(refused, STALE.has(refused.code) ? { label: words.stale, act: renew } : null);
    return null;
  }
}

async function renew() {
  showFault(null);
  await load();
}

async function apply() {
  if (!bench.drawn() || byId("task-look").disabled) return;
  const body = { kind: bench.tool, cells: bench.chosen.map(Number), version: draft.version };
  if (TOOLS[bench.tool].draws) body.line = bench.pen.geojson();
  byId("task-look").disabled = true;
  const changed = await send("POST", "/adjust", body);
  byId("task-look").disabled = false;
  if (!changed) return;
  draft = changed;
  bench.close();
  bench.choose([]);
  show();
  byId("undo").focus();
}

async function act(method, path, body) {
  const changed = await send(method, path, body);
  if (!changed) return;
  bench.choose([]);
  await load();
  byId(byId("state").hidden ? "h-tools" : "state").scrollIntoView({ block: "nearest" });
}

byId("undo").addEventListener("click", () => act("POST", "/undo", { version: draft.version }));
byId("drop").addEventListener("click", () => act("DELETE", "", null));
byId("adopt").addEventListener("submit", (event) => {
  event.preventDefault();
  act("POST", "/adopt", { version: draft.version, on: byId("adopt-on").value || undefined });
});

await load();
