// What the screens show: the workset with everything laid over it that still waits on the phone.
// Pure: it asks neither the server nor the storage.

const SOON_DAYS = 7; // due within these days counts as due now
const OVER = new Set(["closed", "declined", "merged"]);
const MINUTE = 60_000;
const CLOCK_OFF = 300; // seconds by which a clock must be wrong before its times are doubted

/** The calendar day of a time on this phone, as YYYY-MM-DD. */
export function dayOf(at) {
  const day = new Date(at);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((n) => String(n).padStart(2, "0")).join("-");
}

const later = (day, days) => dayOf(new Date(`${day}T12:00:00`).getTime() + days * 1440 * MINUTE);

/** The view of a workset `data`, fetched by a question at `asked_at`, and the outbox `items`. */
export function viewOf(data, asked_at, items, { skew = null, now = Date.now() } = {}) {
  const today = dayOf(now - (Math.abs(skew ?? 0) > CLOCK_OFF ? skew * 1000 : 0));
  const mine = items.filter((item) => item.state !== "refused" && !(item.sent_at < asked_at));
  const issues = issuesOf(data, mine);
  const households = householdsOf(data, mine, issues);
  const of = (name) => data[name] ?? [];
  const find = (rows, key) => {
    const by = new Map(rows.map((row) => [row[key], row]));
    return (value) => by.get(value);
  };
  return {
    ...data, notices: of("notices"), hints: of("hints"), phrases: of("phrases"), phrases_away: of("phrases_away"), teams: of("teams"), refused: of("refused"), today, households, issues,
    items: items.map((item) => ({ ...item, ...suggestion(item, skew) })),
    household: find(households, "id"), issue: find(issues, "id"),
    category: find(data.categories, "code"), cell: find(data.cells, "code"),
    due: (here) => dueOf(households, today, here),
  };
}

/** The time that a waiting visit had by the server's clock, where this phone's is known to be wrong. */
function suggestion(item, skew) {
  if (item.kind !== "visit" || item.state !== "waiting" || skew === null || Math.abs(skew) < CLOCK_OFF) return null;
  return { suggested: { started_at: new Date(new Date(item.data.started_at) - skew * 1000).toISOString() } };
}

function householdsOf(data, mine, issues) {
  const visits = groups(mine.filter((item) => item.kind === "visit"), (item) => item.data.household_id);
  const open = groups(issues.filter((issue) => issue.household && !OVER.has(issue.status)), (issue) => issue.household);
  return data.households.map((home) => {
    const unsent = (visits.get(home.id) ?? []).map(({ data: said, state }) => ({
      at: said.started_at, outcome: said.outcome, by: data.me.name, notes: said.notes ?? "",
      ...(state !== "sent" && { unsent: true }), fresh: true }));
    const all = [...unsent, ...(home.visits ?? [])].sort((a, b) => new Date(b.at) - new Date(a.at));
    return { tags: [], ...home, visits: all, last: all[0] ?? null, open: open.get(home.id) ?? [] };
  });
}

function issuesOf(data, mine) {
  const steps = groups(mine.filter((item) => item.kind === "step"), (item) => item.issue_id);
  const known = new Set(data.issues.map((issue) => issue.id));
  const reported = mine.filter((item) => item.kind === "issue" && !known.has(item.id)).map((item) => reportedOf(item, data));
  return [...reported, ...data.issues].map((issue) => stepped(issue, steps.get(issue.id) ?? [], data.chain ?? {}));
}

/** An issue that was reported here and is not in the workset yet. */
function reportedOf({ id, data: said, made_at, state, number }, data) {
  const home = data.households.find((each) => each.id === said.household_id);
  return { id, number: number ?? null, category: said.category, words: said.words, status: said.settled ? "closed" : "reported",
    step_no: 1, reported_at: made_at, household: said.household_id ?? null,
    cell: said.cell ?? home?.cell ?? null, address: said.address || home?.address || "", photos: said.photos ?? [],
    mine: true, held: false, actions: [], team: null, resident: null, unsent_report: state !== "sent" };
}

/** An issue as it will stand once its steps have arrived. */
function stepped(issue, items, chain) {
  const steps = [...items].sort((a, b) => a.data.seen - b.data.seen);
  if (!steps.length) return issue;
  const last = steps.at(-1);
  const status = last.to ?? issue.status;
  return { ...issue, status, step_no: Math.max(issue.step_no, last.data.seen + 1),
    actions: status === issue.status ? issue.actions : (chain[status] ?? []),
    unsent: steps.filter((item) => item.state !== "sent").map((item) => item.data.action),
    last: { action: last.data.action, words: last.data.words ?? "", at: last.made_at, by: null } };
}

/** Households to visit: due soon, lived in, and not met meanwhile; by due date, or the nearest first. */
function dueOf(households, today, here) {
  const until = later(today, SOON_DAYS);
  const met = (home) => home.visits.some((visit) => visit.fresh && visit.outcome === "met");
  const due = households.filter((home) =>
    (home.status ?? "active") === "active" && home.due && home.due <= until && !met(home));
  const away = (home) => (home.lon == null ? Infinity : Math.hypot((home.lon - here.lon) * Math.cos(here.lat / 57.3), home.lat - here.lat));
  return due.sort(here ? (a, b) => away(a) - away(b) : (a, b) => a.due.localeCompare(b.due));
}

function groups(rows, key) {
  const found = new Map();
  rows.forEach((row) => found.set(key(row), [...(found.get(key(row)) ?? []), row]));
  return found;
}
