// What a tap does in more than one place: keep a visit, an issue or a step, with the position
// where the person switched it on, and tell that it is kept.

import { hush, snack } from "./snack.js";
import * as model from "../model.js";
import { position } from "../place.js";
import { setting } from "../store.js";
import { say } from "../words.js";

export const UNDO_MS = 5000;

/** Keep a visit with `outcome`, ready to be undone or completed; gives the item. */
export async function keepVisit(household, outcome) {
  hush();
  const item = await keep(() => model.visit(household, outcome, {}));
  if (item) addPlace(item.id);
  return item;
}

/** Do `act`, which keeps something on the phone. Where it could not be kept, say so loudly and give
 * null: nobody may walk away in the belief that it is safe. */
export async function keep(act) {
  try {
    return await act();
  } catch (error) {
    snack(say(error.code === "full" ? "app.full" : "app.not_kept"), { bad: true });
    return null;
  }
}

/** Keep "all well" from a list: one tap, a message with undo, and a way to complete it. */
export async function allWell(household) {
  const item = await keepVisit(household, "met");
  if (!item) return;
  setTimeout(() => location.hash.endsWith(item.id) || model.release(item.id), UNDO_MS + 500);
  snack(`${household.name} ${say("outcome.met")}`, {
    undo: () => model.undo(item.id),
    more: { words: say("visit.add"), href: `#/visit/${item.id}` },
  });
}

/** Add where the phone is to a kept visit, if the person wants that; never waited for. */
async function addPlace(id) {
  if ((await setting("position")) !== "on") return;
  const here = await position({ wait: 4000 });
  if (here) await model.amend(id, placed(here));
}

/** A position as the server wants it. */
export function placed(here) {
  const said = { point: { lon: here.lon, lat: here.lat, crs: "wgs84" } };
  if (here.accuracy_m != null) said.accuracy_m = here.accuracy_m;
  if (here.mocked != null) said.mocked = here.mocked;
  return said;
}

/** Remember a phrase that somebody used, so that it is near at hand next time. */
export async function usePhrase(words, name) {
  const known = (await setting(name)) ?? [];
  await setting(name, [words, ...known.filter((each) => each !== words)].slice(0, 6));
}

/** What the line will do with what was just kept, as the end of a sentence. */
export const soon = (line) => say(line.online ? "visit.soon" : "visit.no_signal");
