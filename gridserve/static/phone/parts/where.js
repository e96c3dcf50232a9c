// Where it is: where the phone is now, at a household's, in a cell, or a point on the map.

import { Choice, Line } from "./fields.js";
import { findHomes } from "./find.js";
import { Ground } from "./ground.js";
import { placeOf } from "./cards.js";
import { placed } from "./acts.js";
import { html, useEffect, useState } from "../lib.js";
import { position } from "../place.js";
import { say } from "../words.js";

const SHOWN = 5;

/** Choose a place. `value`: {way, household_id|cell|point, …}; what IssueIn takes is in `placeSaid`. */
export function WhereField({ view, value, onChange }) {
  const ways = [["here", say("report.here")], ["household", say("report.household")],
    ["cell", say("report.cell")], ["map", say("report.on_map")]];
  return html`<${Choice} label=${say("report.where")} value=${value.way} options=${ways}
      onChange=${(way) => way !== value.way && onChange({ way })} />
    ${value.way === "here" && html`<${Here} value=${value} onChange=${onChange} />`}
    ${value.way === "household" && html`<${Home} view=${view} value=${value} onChange=${onChange} />`}
    ${value.way === "cell" && html`<${Choice} rows label=${say("report.cell")} value=${value.cell}
      options=${view.cells.map((cell) => [cell.code, cellWords(cell)])}
      onChange=${(cell) => onChange({ way: "cell", cell })} />`}
    ${value.way === "map" && html`<p class="state" role="status">
        ${say(value.point ? "report.map_set" : "report.map_tap")}</p>
      <${Ground} cells=${view.cells} label=${say("report.map_tap")} spot=${value.point}
        onTap=${(point) => onChange({ way: "map", point })} />`}`;
}

export const cellWords = (cell) => [cell.village_name, cell.name].filter(Boolean).join(" ");

/** Whether a place is said well enough to be sent. */
export const isPlaced = (where) => !!(where.household_id || where.cell || where.point);

/** The place as IssueIn takes it. */
export function placeSaid(where) {
  if (where.household_id) return { household_id: where.household_id };
  if (where.cell) return { cell: where.cell };
  return placed(where.point) && { point: placed(where.point).point };
}

function Here({ value, onChange }) {
  const [state, setState] = useState("");
  useEffect(() => {
    if (value.point) return;
    setState(say("report.locating"));
    position({ wait: 8000 }).then((here) => {
      setState(here ? "" : say("report.no_place"));
      if (here) onChange({ way: "here", point: here });
    });
  }, []);
  const words = value.point
    ? say("report.located", { n: Math.round(value.point.accuracy_m ?? 0) }) : state;
  return html`<p class="state" role="status">${words}</p>`;
}

function Home({ view, value, onChange }) {
  const [sought, setSought] = useState("");
  const chosen = value.household_id && view.household(value.household_id);
  if (chosen) {
    return html`<div class="chosen"><span class="card-body"><b class="card-title">${chosen.name}</b>
      <span class="card-line">${placeOf(chosen)}</span></span>
      <button type="button" class="btn btn-line" onClick=${() => onChange({ way: "household" })}>
        ${say("report.change")}</button></div>`;
  }
  const homes = sought.trim() ? findHomes(view, sought.trim()).slice(0, SHOWN) : [];
  return html`<${Line} id="home" label=${say("today.find")} hint=${say("today.find")} hidden type="search"
      value=${sought} onInput=${setSought} />
    <div class="names" role="status">${sought && !homes.length && html`<p>${say("today.found_none")}</p>`}
      ${homes.map((home) => html`<button type="button" class="name" key=${home.id}
        onClick=${() => onChange({ way: "household", household_id: home.id })}>
        <span><b>${home.name}</b> ${placeOf(home)}</span></button>`)}</div>`;
}
