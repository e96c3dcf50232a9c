// Taking an issue down with somebody on the line: category, place and person by typing, the place
// on a map, and beside the form what is likely the same.

import { ask, features } from "./api.js";
import { Cells, ground, look } from "./ground.js";
import { element } from "./map.js";
import { search, settled } from "./search.js";

const byId = (id) => document.getElementById(id);
const words = JSON.parse(byId("words").textContent);
const categories = JSON.parse(byId("categories").textContent);
const form = byId("intake");
const PLACE = ["household_id", "cell", "village", "lon", "lat"];
const SHOWN = 8, SAME_AFTER = 400; // ms

/** Categories that hold each part of what was typed; those that begin with it first. */
function kinds(said) {
  const parts = said.toLowerCase().split(/\s+/);
  const rank = ({ label, find }) => (label.toLowerCase().startsWith(parts[0]) ? 0
    : find.split(" ").some((word) => word.startsWith(parts[0])) ? 1 : 2);
  return categories.filter(({ find }) => parts.every((part) => find.includes(part)))
    .sort((a, b) => rank(a) - rank(b)).slice(0, SHOWN);
}

function setPlace(values) {
  PLACE.forEach((name) => { byId(name).value = values[name] ?? ""; });
  byId("place").setCustomValidity(PLACE.slice(0, 4).some((name) => byId(name).value)
    ? "" : words.choose);
  same();
}

search("category", kinds, (item) => {
  byId("category-value").value = item?.value ?? "";
  byId("category").setCustomValidity(item ? "" : words.choose);
  byId("staff").hidden = !item?.staff;
  if (!item?.staff) byId("about-value").value = byId("about").value = "";
  same();
}, words, 0);

search("place", async (said) => {
  const { items } = await ask("GET", `/places?${new URLSearchParams({ q: said })}`, null, words.offline);
  return items.map((item) => ({
    ...item, label: item.name,
    note: [words[`${item.kind}_kind`], item.kind === "household" ? item.village : "", item.note]
      .filter(Boolean).join(" · "),
  }));
}, (item) => {
  setPlace(item ? { [item.kind === "household" ? "household_id" : item.kind]: item.key } : {});
}, words);

search("about", async (said) => {
  const { items } = await ask("GET", `/colleagues?${new URLSearchParams({ q: said })}`, null, words.offline);
  return items.map((item) => ({ ...item, label: item.name }));
}, (item) => { byId("about-value").value = item?.id ?? ""; }, words);

// What is likely the same, as soon as category and place are known.

function row({ issue, metres, same_household: home, mergeable }) {
  const node = element("li");
  node.append(element("p", "", issue.words));
  const near = home ? words.household
    : metres === null ? "" : words.metres.replace("{n}", String(Math.round(metres)));
  const day = new Date(issue.reported_at).toLocaleDateString(document.documentElement.lang);
  const said = [issue.number, day, near, issue.closed_at ? words.closed : issue.team?.name];
  node.append(element("p", "row-note", said.filter(Boolean).join(" · ")));
  if (mergeable) node.append(choice(issue.id, words.known, false));
  return node;
}

function choice(value, label, checked) {
  const pick = element("label", "pick");
  const input = element("input");
  Object.assign(input, { type: "radio", name: "into", value, checked });
  pick.append(input, label);
  return pick;
}

let asked = 0;
const same = settled(async () => {
  const [category, value] = [byId("category-value").value, (name) => byId(name).value];
  if (!category || !PLACE.some(value)) return;
  const query = new URLSearchParams({ category, words: form.elements.words.value.slice(0, 400) });
  [["household", "household_id"], ["cell", "cell"], ["village", "village"], ["lon", "lon"], ["lat", "lat"]]
    .forEach(([name, field]) => { if (value(field)) query.set(name, value(field)); });
  const turn = ++asked;
  const kept = form.elements.into?.value;
  const found = await ask("GET", `/issues/similar?${query}`, null, words.offline).catch(() => null);
  if (turn !== asked || !found) return;
  const box = byId("same");
  if (!found.items.length) return box.replaceChildren(element("p", "panel-body mb-0", words.none));
  const list = element("ul", "same-list");
  list.append(...found.items.map(row));
  const fresh = element("li");
  fresh.append(choice("", words.new, true));
  list.append(fresh);
  box.replaceChildren(list);
  list.querySelectorAll("input").forEach((each) => { if (each.value === kept) each.checked = true; });
}, SAME_AFTER);
form.elements.words.addEventListener("input", same);

byId("anonymous").addEventListener("change", ({ target }) => {
  ["resident_name", "resident_phone"].forEach((name) => {
    byId(name).disabled = target.checked;
    if (target.checked) byId(name).value = "";
  });
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) form.requestSubmit(byId("save"));
  else if (event.key === "Enter" && event.target.matches("input:not([type=radio])")) event.preventDefault();
});
let sent = false;
form.addEventListener("submit", (event) => { // a second tap is no second issue, and no second wait
  if (sent) event.preventDefault();
  sent = true;
});
window.addEventListener("pageshow", () => { sent = false; });

// The map, drawn when it is wanted: a tap gives the point and the cell around it.

let map;
byId("map-fold").addEventListener("toggle", async ({ target }) => {
  if (!target.open || map) return;
  map = ground(byId("map"), words);
  const cells = new Cells(map);
  const query = new URLSearchParams({ jurisdiction: form.dataset.ground, limit: 500 });
  cells.show(await features(`/cells?${query}`, words.offline), ({ properties }) => [properties.name]);
  look(map, cells.bounds());
  let pin;
  map.on("click", async ({ latlng }) => {
    const [lon, lat] = [latlng.lng.toFixed(6), latlng.lat.toFixed(6)];
    const found = await ask("GET", `/cells/at?${new URLSearchParams({ lon, lat })}`, null, words.offline)
      .catch(() => null);
    pin?.remove();
    const cell = found?.features[0]?.properties;
    if (!cell) { byId("map-said").textContent = words.nowhere; return; }
    pin = L.circleMarker(latlng, { radius: 9, color: "#8c2a17", weight: 3, pane: "pen" }).addTo(map);
    byId("place").value = `${cell.name} (${lat}, ${lon})`;
    byId("map-said").textContent = words.chosen.replace("{place}", cell.name);
    setPlace({ lon, lat });
  });
});

if (!byId("category-value").value) byId("category").setCustomValidity(words.choose);
setPlace(Object.fromEntries(PLACE.map((name) => [name, byId(name).value])));
