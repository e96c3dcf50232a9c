// Who is signed in, and asking the server in that name. The cookie is the browser's own and no
// script can read it; what changes something carries the CSRF token that came with the session.

import { hear, tell } from "./channel.js";
import * as store from "./store.js";

const WAIT = 45_000; // for one answer on a weak line

let now = null; // {user, sign_in, expires_at, csrf, lang, may, signed_in: true | false | null}
let skew = null; // the phone's clock minus the server's, in seconds

/** The session as far as known; `signed_in` is null until the server or the phone has said so. */
export const session = () => now ?? { signed_in: null };

/** How far this phone's clock is ahead of the server's, in seconds, or null. */
export const clockSkew = () => skew;
export function noteSkew(seconds) {
  if (Number.isFinite(seconds)) skew = seconds;
}

/** No usable answer: no line, a line that broke, or somebody else's page in between. */
export class NoAnswer extends Error {}

/** What the server refused as a whole, with its own words. */
export class Refusal extends Error {
  constructor(status, said, wait) {
    super(said.title ?? `HTTP ${status}`);
    Object.assign(this, { status, code: said.code, title: said.title, detail: said.detail,
      errors: said.errors, said, wait });
  }
}

/** Begin with what the phone knows, so that it opens without a line. */
export async function begin() {
  const kept = await store.keptSession();
  if (!kept) return;
  const over = kept.left || kept.lost || new Date(kept.expires_at) <= new Date();
  now = { ...kept, signed_in: !over };
  if (kept.left) return; // signed out here without a line: see `check`
  await store.open(kept);
  if (over) await store.wipeWorkset();
}

/** Ask the server who is signed in. True where somebody is. Raises NoAnswer. */
export async function check() {
  const said = await reach("/m/session", {});
  if (said.status === 401 && said.data?.code === "auth.required") return lost();
  goFirst(said);
  if (said.status !== 200 || !said.data?.sign_in) throw new NoAnswer(`session ${said.status}`);
  const found = said.data;
  noteSkew((Date.now() - new Date(found.now)) / 1000);
  if (now?.left === found.sign_in) return finishLeaving(found);
  const other = now?.user && now.user.id !== found.user.id;
  now = { ...found, signed_in: true };
  const { user, sign_in, expires_at, may, lang } = found;
  await store.keepSession({ user: { id: user.id }, sign_in, expires_at, may, lang });
  await store.open(found);
  if (other) {
    tell("session");
    location.reload(); // nothing of the one before stays on the screen
  }
  return true;
}

/** Something has to be done first, such as choosing a password: go where it is done. What is unsent stays. */
function goFirst({ status, data }) {
  if (status !== 403 || !data?.at) return;
  location.replace(`${data.at}?next=/m/`);
  throw new NoAnswer(data.code);
}

/** The sign-in has ended: what it opened is wiped, what is unsent stays. */
export async function lost() {
  const before = now?.signed_in;
  now = { ...(now ?? {}), signed_in: false, csrf: null };
  await store.wipeWorkset();
  if (now.user && !now.left) await store.keepSession({ ...kept(now), lost: true });
  if (before) tell("lost");
  return false;
}

const kept = ({ user, sign_in, expires_at, may, lang }) => ({ user: { id: user.id }, sign_in, expires_at, may, lang });

/** Sign out here. Without a line the server hears of it as soon as there is one. */
export async function signOut() {
  const { sign_in } = session();
  await store.leave();
  await store.keepSession({ left: sign_in });
  now = { ...now, left: sign_in, signed_in: false };
  tell("left");
  try {
    await finishLeaving(now);
  } catch {
    location.replace("/m/");
  }
}

async function finishLeaving({ csrf, sign_in }) {
  now = { left: sign_in, signed_in: false, csrf };
  const said = await reach("/logout", { method: "POST", redirect: "manual" });
  if (said.status >= 400 && said.status !== 401) throw new NoAnswer("not signed out");
  await store.keepSession(null);
  location.replace("/login?next=/m/");
  return false;
}

hear((what, elsewhere) => {
  // Another tab signed out, or another account signed in: nothing of the old one stays on the screen.
  if (elsewhere && (what === "left" || what === "session")) location.reload();
});

/** Ask the API; gives {status, headers, data}. Raises NoAnswer, or Refusal for 4xx and 5xx. */
export async function ask(path, options = {}) {
  const method = options.method ?? "GET";
  const changing = !["GET", "HEAD"].includes(method);
  if (changing && !session().csrf && !(await check())) throw new Refusal(401, {});
  let said = await reach(path, options);
  if (said.status === 400 && changing) { // perhaps the token belonged to a sign-in that is over
    const before = now.user?.id;
    if (!(await check()) || now.user.id !== before) throw new NoAnswer("signed in otherwise");
    said = await reach(path, options);
  }
  if (said.status === 401 && !(await check())) throw new Refusal(401, said.data ?? {});
  goFirst(said);
  if (said.status >= 400 && !options.passing?.includes(said.status)) {
    throw new Refusal(said.status, said.data ?? {}, Number(said.headers.get("Retry-After")) || 0);
  }
  return said;
}

/** Send `body` to the API and give its answer. */
export const post = async (path, body) => (await ask(path, { method: "POST", body })).data;

async function reach(path, { method = "GET", body, headers = {}, redirect = "error", wait = WAIT }) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), wait);
  const raw = body instanceof Blob || body === undefined;
  try {
    const answer = await fetch(path, {
      method, redirect, signal: abort.signal, cache: "no-store", credentials: "same-origin",
      headers: { Accept: "application/json", ...(raw ? {} : { "Content-Type": "application/json" }),
        ...(now?.csrf && method !== "GET" ? { "X-CSRFToken": now.csrf } : {}), ...headers },
      body: raw ? body : JSON.stringify(body),
    });
    const text = method === "HEAD" ? "" : await answer.text();
    const json = /json/.test(answer.headers.get("Content-Type") ?? "");
    return { status: answer.status, headers: answer.headers, data: json && text ? JSON.parse(text) : null };
  } catch (error) {
    throw new NoAnswer(error.message);
  } finally {
    clearTimeout(timer);
  }
}
