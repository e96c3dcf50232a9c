// The entry: opens what the phone keeps, draws the screen that the address names, and keeps up.

import { probe, unkeptFrame } from "./db.js";
import { html, render, useEffect, useState } from "./lib.js";
import { view as lookUp } from "./model.js";
import Frame from "./parts/frame.js";
import { begin, check, session } from "./session.js";
import { setting } from "./store.js";
import * as sync from "./sync.js";
import { atRest, watch } from "./update.js";
import { speak } from "./words.js";

const SCREENS = ["today", "find", "map", "household", "visit", "report", "work", "issue", "outbox",
  "log", "notices", "hints", "settings", "more", "hello"];
// At these nobody is in the middle of writing: a new version may take over.
const CALM = ["today", "map", "work", "more"];
const loaded = {};

/** The route that an address names: `#/name/id?query`. */
export function routeOf(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name, id = null] = path.split("/").map(decodeURIComponent);
  return { name: SCREENS.includes(name) ? name : "today", id, query: Object.fromEntries(new URLSearchParams(query)) };
}

function go(hash, { replace = false } = {}) {
  if (!replace) {
    location.hash = hash;
    return;
  }
  history.replaceState(null, "", hash);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

const screen = async (name) => {
  loaded[name] ??= (await import(`./screens/${name}.js`)).default;
};

function App({ first }) {
  const [now, setNow] = useState(first);
  useEffect(() => {
    const look = async () => {
      const view = await lookUp().catch(() => null);
      setNow((before) => ({ ...before, view, line: sync.state() }));
      toSignIn();
    };
    const turnTo = async () => {
      const route = routeOf(location.hash);
      if (CALM.includes(route.name)) await atRest();
      await screen(route.name);
      setNow((before) => ({ ...before, route }));
    };
    addEventListener("hashchange", turnTo);
    sync.onChange(look);
    look();
  }, []);
  const props = { ...now, go };
  const Screen = loaded[now.route.name];
  const key = `${now.route.name}/${now.route.id}`; // what was typed at one household stays with it
  return html`<${Frame} ...${props}><${Screen} key=${key} ...${props} /></${Frame}>`;
}

/** Nobody has ever signed in here, or somebody signed out: then there is nothing to show. */
function toSignIn() {
  const { signed_in, user, left, may } = session();
  if (signed_in === false && !user && !left) location.replace("/login?next=/m/");
  if (signed_in && !may.includes("visit.record")) location.replace("/"); // who sits at a desk
}

async function open() {
  addEventListener("unhandledrejection", ({ reason }) => sync.notKept(reason));
  await probe();
  await begin().catch(sync.notKept);
  const [lang, large, hello] = await Promise.all(["lang", "large", "hello"].map((name) => setting(name).catch(() => {})));
  await watch();
  if (!session().user) await Promise.race([check().catch(() => {}), new Promise((done) => { setTimeout(done, 4000); })]);
  speak(lang ?? session().lang ?? (navigator.language.startsWith("zh") ? "zh" : "en"));
  toSignIn();
  // Where nothing is kept, the cards for the first time would come each time.
  if (hello !== "seen" && !unkeptFrame && session().signed_in !== false) history.replaceState(null, "", "#/hello");
  const route = routeOf(location.hash);
  const [view, { enlarge }] = await Promise.all([lookUp().catch(() => null), import("./screens/settings.js"), screen(route.name)]);
  enlarge(large ?? "1");
  const root = document.getElementById("app");
  root.replaceChildren();
  render(html`<${App} first=${{ route, view, line: sync.state() }} />`, root);
  await sync.start();
  // All are loaded while this version serves them, so that no page mixes two.
  await Promise.all(SCREENS.map(screen));
}

open();
