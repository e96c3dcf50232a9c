// What lies on the phone is sealed with AES-GCM: a fresh nonce for each record, and the record's
// place goes into the seal, so that one cannot be put in place of another.

import { secure } from "./db.js";

/** A key that pages can use and nobody can read out. */
export async function newKey() {
  return secure ? crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]) : "none";
}

const aad = (place) => new TextEncoder().encode(place);

/** `value` (JSON, or an ArrayBuffer) sealed for `place`. */
export async function seal(key, place, value) {
  if (!secure) return { value };
  const plain = value instanceof ArrayBuffer ? value : new TextEncoder().encode(JSON.stringify(value));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: aad(place) }, key, plain);
  return { iv, sealed };
}

/** What `seal` was given. Throws where the key or the place is another. */
export async function unseal(key, place, { iv, sealed, value }, { raw = false } = {}) {
  if (!secure) return raw ? value : structuredClone(value);
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: aad(place) }, key, sealed);
  return raw ? plain : JSON.parse(new TextDecoder().decode(plain));
}

/** The SHA-256 of bytes as 64 hex digits. */
export async function sha256(bytes) {
  if (!secure) throw new Error("photos need https");
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...sum].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
