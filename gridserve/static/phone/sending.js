// The outbox goes to the server in batches. Every item has an id of its own, so whatever is sent
// again is stored once: without an answer we simply send it again.

import { NoAnswer, noteSkew, post, Refusal } from "./session.js";
import { items, mark, markAll } from "./store.js";

const MOST = 50; // items of a batch
const LARGEST = 200_000; // characters of a batch, so that it gets through a weak line
const TOO_LARGE = 1_000_000; // characters of one item: nothing that was meant
const ORDER = ["visit", "issue", "step"]; // what others may speak of goes first

let most = MOST; // fewer after a batch that did not get through
export const going = new Set(); // ids that are on their way just now

/** Send what may go now, batch by batch; gives how many changed something, there or in what is known
 * here. Raises NoAnswer, Refusal. */
export async function sendItems() {
  let applied = 0;
  for (;;) {
    const all = await items();
    if (await refuseLarge(all)) continue;
    const batch = cut(due(all));
    if (!batch.length) return applied;
    applied += await sendBatch(batch.map((item) => item.id), all);
  }
}

/** When the next item may go, in ms, or Infinity. */
export const nextDue = (all) => Math.min(Infinity, ...all.filter((item) => item.state === "waiting")
  .map((item) => Math.max(item.hold_until ?? 0, item.not_before ?? 0)));

const free = (item, now = Date.now()) =>
  item.state === "waiting" && (item.hold_until ?? 0) <= now && (item.not_before ?? 0) <= now;

/** What may go now, in the order in which it should be stored. */
export function due(all, now = Date.now()) {
  const by = new Map(all.map((item) => [item.id, item]));
  const open = (id) => by.has(id) && by.get(id).state !== "sent" && !free(by.get(id), now);
  const waits = (item) => (item.kind === "step" && (open(item.issue_id) || stepBefore(item, all, now)))
    || (item.kind === "issue" && by.get(item.data.visit_id)?.state === "waiting" && open(item.data.visit_id));
  return all.filter((item) => free(item, now) && !waits(item)).sort((a, b) =>
    ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.made_at.localeCompare(b.made_at));
}

const stepBefore = (item, all, now) => all.some((each) => each.kind === "step" && each.issue_id === item.issue_id
  && each.data.seen < item.data.seen && each.state === "waiting" && !free(each, now));

/** What would never get through is refused here: a server that hangs up on it gives no reason. */
async function refuseLarge(all) {
  const large = due(all).filter((item) => sizeOf(item) > TOO_LARGE);
  const problem = { result: "invalid", code: "request.too_large", kept: null };
  await markAll(large.map((item) => item.id), () => ({ state: "refused", problem }));
  return large.length;
}

const sizeOf = (item) => JSON.stringify(item.data).length;

/** The next batch. One by one, whoever was tried least is next: no item stands in the others' way. */
function cut(ready) {
  let room = LARGEST;
  const queue = most > 1 ? ready : [...ready].sort((a, b) => a.tries - b.tries);
  return queue.slice(0, most).filter((item, at) => {
    room -= sizeOf(item);
    return room > 0 || at === 0;
  });
}

async function sendBatch(ids, all) {
  const refused = new Set(all.filter((item) => item.state === "refused").map((item) => item.id));
  // Said before it is sent: from now on nobody can know that it has not arrived.
  const batch = await markAll(ids, (item) => free(item) && {
    tries: item.tries + 1, ...(refused.has(item.data.visit_id) && { data: withoutVisit(item.data) }) });
  if (!batch.length) return 0;
  batch.forEach(({ id }) => going.add(id));
  try {
    const answer = await post("/api/v1/submissions",
      { device_time: new Date().toISOString(), items: batch.map(wire) });
    check(answer, batch);
    most = Math.min(MOST, most * 2);
    noteSkew(answer.skew_s);
    return await take(answer.results, batch, all);
  } catch (error) {
    return await refusedWhole(error, batch, all);
  } finally {
    batch.forEach(({ id }) => going.delete(id));
  }
}

const withoutVisit = ({ visit_id, ...data }) => data;

const wire = ({ kind, issue_id, data }) => ({ kind, ...(kind === "step" && { issue_id }), data });

/** Somebody between us and the server may have answered; then nothing is known. */
function check(answer, batch) {
  const results = answer?.results;
  const fits = Array.isArray(results) && results.length === batch.length
    && results.every(({ id }, at) => id === batch[at].id || id === null);
  if (!fits) throw new NoAnswer("not an answer to what was sent");
}

async function take(results, batch, all) {
  const by = new Map(batch.map(({ id }, at) => [id, results[at]]));
  const waiting = new Set(all.filter((item) => item.state === "waiting").map((item) => item.id));
  await markAll([...by.keys()], (item) => outcome(item, by.get(item.id), waiting));
  // After a conflict too there is something new to see.
  return results.filter(({ result }) => ["applied", "duplicate", "conflict"].includes(result)).length;
}

/** What an item becomes by the server's result. */
export function outcome(item, { result, retry, say = [], ...said }, waiting, now = Date.now()) {
  if (result === "applied" || result === "duplicate") {
    return { state: "sent", sent_at: now, say, problem: null, number: said.issue?.number ?? null };
  }
  const { visit_id } = item.kind === "issue" ? item.data : {};
  // An issue stands by itself where its visit was refused or is not here any more.
  if (visit_id && (said.code === "submission.needs_refused" || (said.code === "submission.not_yet" && !waiting.has(visit_id)))) {
    return { data: withoutVisit(item.data) };
  }
  if (retry) return { not_before: now + rest(item.tries) };
  return { state: "refused", say, problem: { result, ...said } };
}

const rest = (tries) => Math.min(3_600_000, 5_000 * 2 ** Math.min(tries, 12));

/** A whole batch was not taken: find the item that it is about, so that the others go. */
async function refusedWhole(error, batch, all) {
  if (error instanceof NoAnswer) most = Math.max(1, Math.floor(batch.length / 2));
  const ofItems = error instanceof Refusal && [400, 413, 422, 500].includes(error.status);
  if (!ofItems) throw error;
  if (batch.length > 1) {
    const ids = batch.map(({ id }) => id);
    const half = Math.ceil(ids.length / 2);
    return (await sendBatch(ids.slice(0, half), all)) + (await sendBatch(ids.slice(half), all));
  }
  const { status, code, title, detail, errors } = error;
  await mark(batch[0].id, (item) => (status === 500 ? { not_before: Date.now() + rest(item.tries) }
    : { state: "refused", problem: { result: "invalid", code: code ?? `http.${status}`, title, detail, errors, kept: null } }));
  return 0;
}

/** Send again, once, what the desk has seen to meanwhile: the answer says what became of it.
 *
 * `open` are the ids of what still waits at the desk. */
export async function askAgain(open) {
  const there = new Set(open);
  const seen = (item) => item.state === "refused" && item.problem?.kept && !there.has(item.problem.kept)
    && item.asked_again !== item.problem.kept;
  const ids = (await items()).filter(seen).map((item) => item.id);
  await markAll(ids, (item) => seen(item)
    && { state: "waiting", hold_until: 0, not_before: 0, asked_again: item.problem.kept });
  return ids.length;
}
