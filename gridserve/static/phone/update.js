// A new version waits until nobody is writing: it takes over when the app is opened, or at the
// turn to a list. Other tabs load it anew at their own next such turn.

const HOUR = 3_600_000;

let registration = null;
let stale = false; // another version serves this page than the one it was made of
let asked = false; // this page asked for it
let looked = Date.now();

/** Register the worker where there are workers; an update that waits takes over before anything is shown. */
export async function watch() {
  const workers = navigator.serviceWorker;
  if (!workers || !isSecureContext) return;
  const before = workers.controller;
  workers.addEventListener("controllerchange", () => {
    if (asked) location.reload();
    stale = Boolean(before);
  });
  try {
    registration = (await workers.getRegistration("/m/")) ?? null;
    if (registration?.waiting && before) await takeOver();
    registration = await workers.register("/m/sw.js", { scope: "/m/", updateViaCache: "none" });
  } catch {
    // Without a worker everything works but opening without a line.
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || Date.now() - looked < HOUR) return;
    looked = Date.now();
    registration?.update().catch(() => {});
  });
}

/** A moment at which nobody is writing. */
export async function atRest() {
  if (stale) location.reload();
  else if (registration?.waiting && navigator.serviceWorker.controller) await takeOver();
}

/** Ask the waiting version to begin; this page is loaded anew when it has, or goes on after a while. */
function takeOver() {
  asked = true;
  registration.waiting.postMessage("take over");
  return new Promise((done) => { setTimeout(done, 3000); });
}
