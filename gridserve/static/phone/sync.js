// When something is sent and the workset fetched: at the start, when the line comes back, when the
// page is looked at again, after each save, by a timer, and when the person asks for it. Nothing
// relies on background sync, which a web view has not.

import { hear, turn } from "./channel.js";
import { secure, unkeptFrame } from "./db.js";
import { ask, check, clockSkew, lost, NoAnswer, Refusal, session } from "./session.js";
import { askAgain, due, going, nextDue, sendItems } from "./sending.js";
import { forgetPhotos, items, photos, photosOf, remove, saveWorkset, wipeWorkset, workset } from "./store.js";
import { sendPhotos } from "./uploading.js";

const SOON = 5_000; // the first wait after a failure; doubled up to LATE
const LATE = 300_000;
const FRESH = 15 * 60_000; // after this the workset is asked for again while the page is looked at
const DAY = 86_400_000; // for so long what has arrived can still be read in the outbox

let online = navigator.onLine;
let problem = null; // {code, title?, detail?} of the last thing that went wrong
let unkept = null; // the same of the phone's own storage
let fresh_at = null;
let wait = 0; // ms until the next try after a failure; 0 after a success
let not_before = 0; // the server asked for patience until then
let running = null;
let again = null; // somebody asked while it ran: {asked}
let timer = null;
let counts = { waiting: 0, refused: 0, ready: false };
const ears = new Set();

/** Call `fn` after every change of what `state` or the view says. */
export function onChange(fn) {
  ears.add(fn);
  return () => ears.delete(fn);
}

/** How things stand, for the head of every screen. */
export function state() {
  return { online, sending: Boolean(running), fresh_at, problem: unkept ?? problem, skew_s: clockSkew(), secure, unkeptFrame,
    signed_in: session().signed_in, ...counts };
}

async function changed() {
  const [list, there, found] = await Promise.all([items(), photos(), workset()]);
  const open = list.filter((item) => ["waiting", "sending"].includes(item.state) || photosLeft(item, there));
  counts = { waiting: open.length, refused: list.filter((item) => item.state === "refused").length, ready: Boolean(found) };
  ears.forEach((fn) => fn());
}

/** How many photos of an item have not arrived yet. */
export const photosLeft = (item, there) =>
  photosOf(item).filter((sha) => there.get(sha)?.state === "waiting").length;

/** Remember that the phone itself did not keep something, and tell, until it keeps the next thing. */
export function notKept(error) {
  if (error?.code !== "full" && error?.code !== "storage") return;
  unkept = { code: error.code, detail: error.message };
  changed();
}

export function keptAgain() {
  unkept = null;
}

/** Begin: listen to everything that could mean "now". */
export async function start() {
  hear((what) => {
    if (what === "items" && !running) plan(); // something was saved: after its hold it goes
    changed();
  });
  addEventListener("online", () => wake());
  addEventListener("offline", () => {
    online = false;
    changed();
  });
  document.addEventListener("visibilitychange", () => document.hidden || wake());
  addEventListener("pageshow", ({ persisted }) => persisted && wake());
  await changed();
  await run({ asked: true });
  forgetPhotos().catch(notKept);
}

function wake() {
  wait = 0;
  run({ asked: Date.now() - (fresh_at ?? 0) > 60_000 });
}

/** Send now what waits. */
export function send() {
  wait = 0;
  return run({});
}

/** Send now, and ask for the workset. */
export function refresh() {
  wait = 0;
  return run({ asked: true });
}

/** One round, in one tab at a time. `asked`: fetch the workset however fresh it is. */
async function run({ asked }) {
  if (running) {
    again = { asked: asked || again?.asked };
    return running;
  }
  running = turn("sync", { ifAvailable: true }, () => round(asked)).then(rest, failed);
  await changed();
  await running;
  running = null;
  const more = again;
  again = null;
  await changed();
  if (more && !wait) return run(more);
  return plan();
}

/** Where a round could not begin, because another tab is at it or nobody is signed in, wait. */
function rest(begun) {
  if (!begun) wait = session().signed_in === false ? LATE : SOON;
}

/** Send, fetch, send photos; gives whether there was anything to begin with. */
async function round(asked) {
  if (!navigator.onLine) throw new NoAnswer("no line");
  if (Date.now() < not_before || (!session().csrf && !(await check()))) return false;
  let wanted = asked;
  do {
    wanted = Boolean(await sendItems()) || wanted;
    reached();
    if (wanted || Date.now() > staleAt()) await fetchWorkset();
    wanted = false;
  } while (!(await sendPhotos(changed, async () => due(await items()).length > 0)));
  await tidy();
  return true;
}

/** When the workset should be asked for by itself, in ms: only while somebody looks. */
const staleAt = () => (document.hidden ? Infinity : (fresh_at ?? 0) + FRESH);

function reached() {
  online = true;
  wait = 0;
  problem = null;
}

function failed(error) {
  wait = Math.min(LATE, wait ? wait * 2 : SOON);
  if (error instanceof NoAnswer) {
    online = false;
    return;
  }
  if (!(error instanceof Refusal)) {
    notKept(error);
    if (!error.code) console.error(error);
    return;
  }
  online = true;
  if (error.wait) not_before = Date.now() + error.wait * 1000;
  const code = { 401: null, 403: "forbidden", 429: "busy", 503: "busy" };
  const name = error.status in code ? code[error.status] : "server";
  problem = name && { code: name, title: error.title, detail: error.detail };
}

async function fetchWorkset() {
  const before = await workset();
  const asked_at = Date.now();
  const headers = before?.etag ? { "If-None-Match": before.etag } : {};
  const { status, headers: said, data } = await ask("/api/v1/workset", { headers, passing: [304, 403] });
  if (status === 403) { // the last post has ended, and with it the right to see all this
    await wipeWorkset();
    throw new Refusal(403, data ?? {});
  }
  if (status === 304 && before) await saveWorkset(before.data, before.etag, asked_at);
  else if (data?.me?.id === session().user.id) await saveWorkset(data, said.get("ETag"), asked_at);
  else throw new NoAnswer("a workset of somebody else"); // the next round looks who is signed in
  fresh_at = asked_at;
  await askAgain(((await workset())?.data.refused ?? []).map((each) => each.id));
}

/** What arrived more than a day ago goes from the outbox, once its photos have arrived too. */
async function tidy() {
  const there = await photos();
  const old = (await items()).filter((item) =>
    item.state === "sent" && item.sent_at < Date.now() - DAY && !photosLeft(item, there));
  await remove(old.map((item) => item.id));
}

/** Set the timer for whatever comes next. */
async function plan() {
  clearTimeout(timer);
  if (session().expires_at && session().signed_in && new Date(session().expires_at) <= new Date()) await lost();
  const now = Date.now();
  const list = await items();
  const next = Math.min(nextDue(list.filter((item) => !going.has(item.id))), staleAt());
  const patience = Math.max(wait && now + wait * (0.75 + Math.random() / 2), not_before);
  const delay = Math.max(next, patience) - now;
  // An hour is as far as is looked ahead: clocks jump and phones sleep.
  timer = setTimeout(() => run({}), Math.max(200, Math.min(delay, wait || 3_600_000)));
}
