// The page of one cell: the cell among its neighbours.

import { ask, features } from "./api.js";
import { Cells, ground, look } from "./ground.js";
import { byId } from "./task.js";

const words = JSON.parse(byId("words").textContent);
const { code, village, day } = byId("cell").dataset;
const map = ground(byId("map"), words);
const cells = new Cells(map, (other) => { window.location.assign(`/cells/${other}`); });

const asked = new URLSearchParams({ jurisdiction: village, as_of: day, limit: 500 });
const found = await features(`/cells?${asked}`, words.offline);
if (!found.some((feature) => feature.id === code)) {
  found.push(await ask("GET", `/cells/${code}`, null, words.offline)); // it never held a whole day
}
cells.show(found, (feature) => [feature.properties.name]);
cells.choose([code]);
look(map, cells.bounds([code]), 48);
