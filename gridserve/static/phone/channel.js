// What one tab tells the others (and itself): that something on this phone has changed.

import { unkeptFrame } from "./db.js";

const channel = globalThis.BroadcastChannel ? new BroadcastChannel("gridserve-phone") : null;
const ears = new Set();

/** Call `fn(what)` when something changes, here or in another tab; gives a way to stop. */
export function hear(fn) {
  ears.add(fn);
  return () => ears.delete(fn);
}

/** Tell everybody that `what` has changed: "items", "workset", "session" or "left". */
export function tell(what) {
  channel?.postMessage(what);
  ears.forEach((fn) => fn(what, false));
}

channel?.addEventListener("message", ({ data }) => ears.forEach((fn) => fn(data, true)));

/** Run `fn` while no other tab is at the same; null where `ifAvailable` is asked and one is.
 *
 * Browsers without locks, or that grant a frame none, do without: what is sent twice is stored once. */
export async function turn(name, options, fn) {
  if (!navigator.locks || unkeptFrame) return fn();
  return navigator.locks.request(`gridserve-${name}`, options, (lock) => (lock ? fn() : null));
}

const lines = new Map(); // name → what was asked last

/** Run `fn` when everything asked before under the same `name` on this page is done: what is typed
 * quickly is written in the order in which it was typed. */
export function inOrder(name, fn) {
  const mine = (lines.get(name) ?? Promise.resolve()).then(fn, fn);
  lines.set(name, mine);
  const end = () => lines.get(name) === mine && lines.delete(name);
  mine.then(end, end);
  return mine;
}
