// What is kept on the phone: the workset under a key of the sign-in, the outbox, drafts and photos
// under a key of the account. Everything that tells of people is sealed (crypt.js).

import { hear, inOrder, tell, turn } from "./channel.js";
import { newKey, seal, sha256, unseal } from "./crypt.js";
import { all, get, NotKept, secure, write } from "./db.js";

// Settings of the phone, which hold before anybody signs in; all others belong to the account.
const OF_PHONE = new Set(["lang", "large", "hello"]);

let holder = null; // {user, sign_in, outbox: CryptoKey}
const known = new Map(); // key of an item → {rev, item}, so that each is opened once
let shown = null; // the workset as last read

hear((what) => { if (what !== "items") shown = null; });

/** Open what belongs to `session` ({user: {id}, sign_in}); what other sign-ins left is wiped. */
export async function open({ user, sign_in }) {
  if (holder?.user === user.id && holder.sign_in === sign_in) return;
  known.clear();
  shown = null;
  const outbox = await keyFor(`outbox/${user.id}`);
  holder = { user: user.id, sign_in, outbox };
  await wipeWorksets(`workset/${sign_in}`);
}

/** Forget who was here; on the phone nothing changes. */
export function close() {
  holder = null;
  shown = null;
  known.clear();
}

const own = (name = "") => `${holder.user}/${name}`;

async function keyFor(name) {
  const found = await get("keys", name);
  if (found) return found;
  await write([["keys", name, await newKey()]], [{ store: "keys", key: name, same: (row) => !row }]);
  return get("keys", name); // another tab may have been first
}

/** The workset as {data, etag, asked_at (ms)}, or null where there is none or it has expired. */
export async function workset() {
  if (!holder) return null;
  if (shown && new Date(shown.data.expires_at) > new Date()) return shown;
  const name = `workset/${holder.sign_in}`;
  const [key, row] = await Promise.all([get("keys", name), get("workset", name)]);
  if (!key || !row) return null;
  const found = await unseal(key, name, row).catch(() => null);
  if (!found || new Date(found.data.expires_at) <= new Date()) {
    await wipeWorkset();
    return null;
  }
  shown = found;
  return found;
}

/** Keep the workset that the server gave to a question asked at `asked_at`. */
export async function saveWorkset(data, etag, asked_at) {
  const name = `workset/${holder.sign_in}`;
  const key = await keyFor(name);
  await write([["workset", name, await seal(key, name, { data, etag, asked_at })]]);
  tell("workset");
  shown = { data, etag, asked_at };
}

/** Wipe every workset that lies here, and the keys that opened them. */
export async function wipeWorkset() {
  await wipeWorksets(null);
  tell("workset");
}

async function wipeWorksets(but) {
  const found = [...(await all("keys", "workset/")), ...(await all("workset", "workset/"))];
  const names = new Set(found.map(([name]) => name).filter((name) => name !== but));
  await write([...names].flatMap((name) => [["keys", name, null], ["workset", name, null]]));
}

/** Keep `item` ({id, kind, …}); when this has resolved the item survives a killed browser. */
export async function add(item) {
  const key = own(item.id);
  const row = { rev: 1, ...(await seal(holder.outbox, `items/${key}`, item)) };
  const keys = `outbox/${holder.user}`; // gone where another tab has signed out
  const kept = await turn("account", { mode: "shared" }, () =>
    write([["items", key, row]], [{ store: "keys", key: keys, same: (there) => there }]));
  if (!kept) throw new NotKept(new Error("signed out"));
  tell("items");
  askToStay();
  return item;
}

/** Everything in the outbox of this account, the newest first. */
export async function items() {
  if (!holder) return [];
  const { outbox } = holder;
  const rows = await all("items", own());
  const found = await Promise.all(rows.map(async ([key, row]) => {
    const before = known.get(key);
    if (before?.rev === row.rev) return before.item;
    const item = await unseal(outbox, `items/${key}`, row);
    known.set(key, { rev: row.rev, item });
    return item;
  }));
  return found.sort((a, b) => b.made_at.localeCompare(a.made_at));
}

/** Change items in one go. `change` makes of an item what shall be different, or null for nothing.
 *
 * Gives those that were changed, as they are now. */
export async function markAll(ids, change) {
  for (;;) {
    const rows = (await Promise.all(ids.map((id) => get("items", own(id))))).map((row, at) => [own(ids[at]), row]);
    const found = (await Promise.all(rows.filter(([, row]) => row).map(async ([key, row]) => {
      const item = await unseal(holder.outbox, `items/${key}`, row);
      const said = change(item);
      if (!said) return null;
      const next = { ...item, ...said };
      return { key, next, rev: row.rev, row: { rev: row.rev + 1, ...(await seal(holder.outbox, `items/${key}`, next)) } };
    }))).filter(Boolean);
    const checks = found.map(({ key, rev }) => ({ store: "items", key, same: (row) => row?.rev === rev }));
    if (await write(found.map(({ key, row }) => ["items", key, row]), checks)) {
      if (found.length) tell("items");
      return found.map(({ next }) => next);
    }
  }
}

/** Change one item by an object or a function; null where it is gone or nothing was changed. */
export async function mark(id, changes) {
  const change = typeof changes === "function" ? changes : () => changes;
  return (await markAll([id], change))[0] ?? null;
}

/** Take items out, and the photos that nothing else needs. */
export async function remove(ids) {
  const gone = new Set(ids);
  const left = new Set((await items()).filter((item) => !gone.has(item.id)).flatMap(photosOf));
  const orphans = (await items()).filter((item) => gone.has(item.id)).flatMap(photosOf)
    .filter((sha) => !left.has(sha));
  await write([...ids.map((id) => ["items", own(id), null]), ...orphans.flatMap(withoutPhoto)]);
  tell("items");
}

/** Take an item out while `same(item)` holds; gives whether it was taken. */
export async function removeIf(id, same) {
  const key = own(id);
  const row = await get("items", key);
  if (!row || !same(await unseal(holder.outbox, `items/${key}`, row))) return false;
  const done = await write([["items", key, null]], [{ store: "items", key, same: (now) => now?.rev === row.rev }]);
  if (done) tell("items");
  return done || removeIf(id, same);
}

/** The photos that an item speaks of. */
export const photosOf = ({ data }) => [...(data.photos ?? []), ...(data.signature ? [data.signature] : [])];

const withoutPhoto = (sha) => [["photos", own(sha), null], ["pictures", own(sha), null]];

/** Keep a photo; gives its checksum, which is its name everywhere. */
export async function putPhoto(blob) {
  const bytes = await blob.arrayBuffer();
  const sha = await sha256(bytes);
  const key = own(sha);
  if (await get("photos", key)) return sha;
  const row = { type: blob.type, size: bytes.byteLength, state: "waiting", at: Date.now(), problem: null };
  await write([["photos", key, row], ["pictures", key, await seal(holder.outbox, `pictures/${key}`, bytes)]]);
  return sha;
}

/** A photo that lies here, as a Blob, or null. */
export async function photo(sha) {
  if (!holder) return null;
  const key = own(sha);
  const [row, sealed] = await Promise.all([get("photos", key), get("pictures", key)]);
  if (!row || !sealed) return null;
  return new Blob([await unseal(holder.outbox, `pictures/${key}`, sealed, { raw: true })], { type: row.type });
}

/** What is known of the photos here: Map of checksum → {type, size, state, at, problem}. */
export async function photos() {
  if (!holder) return new Map();
  return new Map((await all("photos", own())).map(([key, row]) => [key.slice(own().length), row]));
}

/** The photos of items that have arrived, which may now follow them: checksums, oldest item first. */
export async function photosWaiting() {
  const [there, list] = await Promise.all([photos(), items()]);
  const wanted = list.filter((item) => item.state === "sent").reverse().flatMap(photosOf);
  return [...new Set(wanted)].filter((sha) => there.get(sha)?.state === "waiting");
}

export async function markPhoto(sha, changes) {
  const row = await get("photos", own(sha));
  if (row) await write([["photos", own(sha), { ...row, ...changes }]]);
  tell("items");
}

/** Photos that were taken for something never finished go after a day. */
export async function forgetPhotos() {
  if (!holder) return;
  const words = (await Promise.all((await all("drafts", own())).map(([key, row]) =>
    unseal(holder.outbox, `drafts/${key}`, row)))).map((value) => JSON.stringify(value)).join();
  const needed = new Set((await items()).flatMap(photosOf));
  const old = [...(await photos())].filter(([sha, row]) =>
    !needed.has(sha) && !words.includes(sha) && row.at < Date.now() - 86_400_000);
  await write(old.flatMap(([sha]) => withoutPhoto(sha)));
}

/** What somebody is in the middle of writing: read it, keep `value`, or forget it (null). */
export async function draft(name, value) {
  if (!holder) return null;
  const key = own(name);
  if (value === undefined) {
    const row = await get("drafts", key);
    return row ? unseal(holder.outbox, `drafts/${key}`, row) : null;
  }
  const { outbox } = holder;
  await inOrder(`draft/${key}`, async () =>
    write([["drafts", key, value === null ? null : await seal(outbox, `drafts/${key}`, value)]]));
  return value;
}

/** A setting, or keep `value` as it. */
export async function setting(name, value) {
  if (!OF_PHONE.has(name)) return (await draft(`setting/${name}`, value)) ?? undefined;
  if (value === undefined) return get("meta", `setting/${name}`);
  await write([["meta", `setting/${name}`, value]]);
  return value;
}

/** The sign-in that this phone last knew, without anything that tells of a person. */
export const keptSession = () => get("meta", "session");

export async function keepSession(row) {
  await write([["meta", "session", row]]);
}

/** Sign-out: the workset goes, and all else of this account unless something is unsent or begun. */
export async function leave() {
  await wipeWorkset();
  if (holder) await turn("account", { mode: "exclusive" }, leaveAccount);
  close();
}

async function leaveAccount() {
  const there = await photos();
  const unsent = (await items()).some((item) =>
    item.state !== "sent" || photosOf(item).some((sha) => there.get(sha)?.state === "waiting"));
  const begun = (await all("drafts", own())).some(([key]) => !key.startsWith(own("setting/")));
  if (!unsent && !begun) {
    const rows = await Promise.all(["items", "photos", "pictures", "drafts"].map(async (store) =>
      (await all(store, own())).map(([key]) => [store, key, null])));
    await write([...rows.flat(), ["keys", `outbox/${holder.user}`, null]]);
  }
}

/** Ask the browser once not to clear this when the phone runs full. */
function askToStay() {
  if (!secure || !navigator.storage?.persist) return;
  get("meta", "asked").then((asked) => asked || write([["meta", "asked", true]])
    .then(() => navigator.storage.persist())).catch(() => {});
}
