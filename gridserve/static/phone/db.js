// Rows on the phone, in IndexedDB. A write has happened when its promise resolves: it is on the
// disk and survives a killed browser. Where the page is not secure nothing could be encrypted, and
// in a frame some browsers keep nothing: there rows live in memory for as long as the page does.

import { openDB } from "../vendor/idb/index.js";

const NAME = "gridserve";
const STORES = ["meta", "keys", "workset", "items", "photos", "pictures", "drafts"];

/** Whether this page may encrypt and keep something (https, or localhost). */
export let secure = Boolean(globalThis.isSecureContext && globalThis.crypto?.subtle && globalThis.indexedDB);

/** The phone's storage is full, or the browser refuses it. What was not kept is still on the screen. */
export class NotKept extends Error {
  constructor(cause) {
    super(cause?.message ?? "not kept", { cause });
    this.code = cause?.code === "full" || cause?.name === "QuotaExceededError" ? "full" : "storage";
  }
}

/** Whether the page stands in a frame for which the browser keeps nothing. */
export let unkeptFrame = false;

/** Find out whether this page may keep anything. To be awaited before all else that is here. */
export async function probe() {
  if (!secure || globalThis.top === globalThis.self) return;
  unkeptFrame = await database().then(() => false, () => true);
  secure &&= !unkeptFrame;
}

let opening = null;

function database() {
  opening ??= openDB(NAME, 1, {
    upgrade(db) {
      STORES.forEach((store) => db.createObjectStore(store));
    },
    blocking(_now, _next, event) { // a newer version in another tab wants to begin
      event.target.close();
      opening = null;
    },
    terminated() { opening = null; },
  }).catch((error) => {
    opening = null;
    throw new NotKept(error);
  });
  return opening;
}

const memory = new Map(STORES.map((store) => [store, new Map()]));

/** The row under `key`, or undefined. */
export async function get(store, key) {
  return secure ? (await database()).get(store, key) : memory.get(store).get(key);
}

/** All rows of a store whose key begins with `prefix`, as [key, row]. */
export async function all(store, prefix = "") {
  if (!secure) return [...memory.get(store)].filter(([key]) => key.startsWith(prefix));
  const tx = (await database()).transaction(store);
  const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
  const [keys, rows] = await Promise.all([tx.store.getAllKeys(range), tx.store.getAll(range)]);
  return keys.map((key, at) => [key, rows[at]]);
}

/** Write all of `changes`, each [store, key, row], or none; a row of null is deleted.
 *
 * `checks`, each {store, key, same}: nothing is written unless every `same(row)` holds of the row
 * that is there at this moment (another tab may have changed it). Gives whether it was written. */
export async function write(changes, checks = []) {
  if (!changes.length) return true;
  if (!secure) return writeMemory(changes, checks);
  const stores = [...new Set([...changes.map(([store]) => store), ...checks.map(({ store }) => store)])];
  try {
    const tx = (await database()).transaction(stores, "readwrite", { durability: "strict" });
    const there = await Promise.all(checks.map(({ store, key }) => tx.objectStore(store).get(key)));
    if (!checks.every(({ same }, at) => same(there[at]))) {
      await tx.done;
      return false;
    }
    for (const [store, key, row] of changes) {
      const asked = row === null ? tx.objectStore(store).delete(key) : tx.objectStore(store).put(row, key);
      asked.catch(() => {}); // what one request is refused ends the whole, which `done` tells
    }
    await tx.done;
    return true;
  } catch (error) {
    throw new NotKept(error);
  }
}

function writeMemory(changes, checks) {
  if (!checks.every(({ store, key, same }) => same(memory.get(store).get(key)))) return false;
  for (const [store, key, row] of changes) {
    if (row === null) memory.get(store).delete(key);
    else memory.get(store).set(key, row);
  }
  return true;
}
