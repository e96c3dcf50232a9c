// What people do on the phone, each kept there before the promise resolves: visits, issues, steps.

import { inOrder } from "./channel.js";
import { newId } from "./lib.js";
import { going } from "./sending.js";
import { clockSkew } from "./session.js";
import * as store from "./store.js";
import { keptAgain, notKept, photosLeft, send } from "./sync.js";
import { progress } from "./uploading.js";
import { viewOf } from "./view.js";

const HOLD = 60_000; // so long somebody can complete or undo a thing before it goes

/** Everything that the screens show, or null where there is no workset. */
export async function view() {
  const [kept, items, there] = await Promise.all([store.workset(), store.items(), store.photos()]);
  return kept && viewOf(kept.data, kept.asked_at, items.map((item) => shownItem(item, there)), { skew: clockSkew() });
}

function shownItem(item, there) {
  const photos = store.photosOf(item).map((sha) => {
    const { state = "sent", size = 0, problem = null } = there.get(sha) ?? {};
    const sent = state === "sent" ? size : progress.get(sha) ?? 0;
    return { sha, size, sent, state: progress.has(sha) ? "sending" : state, problem };
  });
  return { ...item, photos, photos_left: item.state === "sent" ? photosLeft(item, there) : 0,
    state: going.has(item.id) ? "sending" : item.state };
}

/** Keep something new; it goes when its hold is over, also if this page is killed before. */
async function keep(kind, data, more) {
  const at = new Date();
  const item = { id: data.id, kind, data, state: "waiting", made_at: at.toISOString(),
    hold_until: at.getTime() + HOLD, tries: 0, say: [], problem: null, ...more };
  try {
    await store.add(item);
    keptAgain();
    return item;
  } catch (error) {
    notKept(error);
    throw error;
  }
}

/** A visit to `household` that happens now, with `outcome`; `more` is what else VisitIn takes. */
export function visit(household, outcome, more = {}) {
  const at = new Date().toISOString();
  return keep("visit", { id: newId(), household_id: household.id, outcome, started_at: at, typed_at: at, ...more },
    { household: household.id });
}

/** An issue as IssueIn takes it, without id and time. */
export function issue(said) {
  return keep("issue", { id: newId(), reported_at: new Date().toISOString(), ...said },
    { household: said.household_id ?? null });
}

/** A step on an issue of the view, `said` as StepIn takes it. */
export function step(issue, action, said = {}) {
  const { to = null } = (issue.actions ?? []).find((each) => each.action === action) ?? {};
  return keep("step", { id: newId(), action, seen: issue.step_no, happened_at: new Date().toISOString(), ...said },
    { issue_id: issue.id, household: issue.household ?? null, to });
}

const untouched = (item) => item.state === "waiting" && item.tries === 0;

/** Add `changes` to what is kept and hold it again; null where it has gone, or may have. */
export async function amend(id, changes, { hold_ms = HOLD } = {}) {
  try {
    return await inOrder(id, () => store.mark(id, (item) => untouched(item)
      && { data: { ...item.data, ...changes }, hold_until: Date.now() + hold_ms }));
  } catch (error) {
    notKept(error);
    throw error;
  }
}

/** It is complete: send it now. */
export async function release(id) {
  const item = await inOrder(id, () => store.mark(id, (each) =>
    untouched(each) && each.hold_until > Date.now() && { hold_until: 0 }));
  if (item) send();
  return item;
}

/** Take it back; false where it has gone, or may have. */
export const undo = (id) => inOrder(id, () => store.removeIf(id, untouched));

/** Send a refused item again with other `data`; the server then closes what it had kept of it. */
export async function correct(id, data) {
  const item = await store.mark(id, (each) => each.state === "refused" && { state: "waiting", problem: null, say: [],
    hold_until: 0, not_before: 0, data: { ...clean(data), id } });
  if (!item) return null;
  await follow(id, "refused", (each) => each.problem?.code === "submission.needs_refused" && { state: "waiting", problem: null });
  send();
  return item;
}

const clean = (data) => Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));

/** Take a refused item off the phone. What was kept of it on the server stays there. */
export async function dismiss(id) {
  const gone = (await store.items()).find((item) => item.id === id);
  if (gone?.state !== "refused") return;
  await follow(id, "waiting", (each) => {
    if (each.kind === "step") return { state: "refused", problem: { result: "invalid", code: "phone.without_issue" } };
    const { visit_id, ...data } = each.data;
    return { data };
  });
  await store.remove([id]);
}

/** Change the items in `state` that speak of the item `id`. */
async function follow(id, state, change) {
  const of = (each) => each.state === state && (each.kind === "step" ? each.issue_id : each.data.visit_id) === id;
  const list = (await store.items()).filter(of);
  await store.markAll(list.map((each) => each.id), (each) => of(each) && change(each));
}
