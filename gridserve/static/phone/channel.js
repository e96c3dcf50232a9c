// What one tab tells the others (and itself): that something on this phone has changed.

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
 * Browsers without locks do without: what is sent twice is stored once. */
export async function turn(name, options, fn) {
  if (!navigator.locks) return fn();
  return navigator.locks.request(`gridserve-${name}`, options, (lock) => (lock ? fn() : null));
}
