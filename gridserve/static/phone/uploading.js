// Photos follow their items, piece by piece: after a broken line only the broken piece goes again.

import { ask, NoAnswer, Refusal } from "./session.js";
import { markPhoto, photo, photos, photosWaiting } from "./store.js";

const PIECE = 64 * 1024;
const SMALLEST = 8 * 1024;

let piece = PIECE;
export const progress = new Map(); // checksum → bytes that have arrived

/** Send the photos that wait; `told` is called at each piece. Raises NoAnswer, Refusal.
 *
 * False where it stopped on the way because something more pressing had come up. */
export async function sendPhotos(told, pressing) {
  for (const sha of await photosWaiting()) {
    try {
      if (!(await sendPhoto(sha, told, pressing))) return false;
    } catch (error) {
      if (error instanceof NoAnswer) piece = Math.max(SMALLEST, Math.floor(piece / 2));
      // What is no picture or too large will never be taken: say so and go on with the next.
      if (!(error instanceof Refusal) || ![400, 413, 415, 422].includes(error.status)) throw error;
      const { code, title, detail } = error;
      await markPhoto(sha, { state: "refused", problem: { code, title, detail } });
    } finally {
      progress.delete(sha);
    }
  }
  return true;
}

/** Send one photo; false where something more pressing came up between two pieces. */
async function sendPhoto(sha, told, pressing) {
  const blob = await photo(sha);
  if (!blob) return true;
  const begun = (await photos()).get(sha).begun;
  if (!begun) await markPhoto(sha, { begun: true });
  let at = begun ? await arrived(sha, blob.size) : 0;
  for (let stuck = 0; at < blob.size && stuck < 3;) {
    progress.set(sha, at);
    told();
    if (await pressing()) return false;
    const next = await put(sha, blob, at);
    stuck = next > at ? 0 : stuck + 1;
    if (next > at) piece = Math.min(PIECE, piece * 2);
    at = next;
  }
  if (at < blob.size) throw new NoAnswer("the photo does not go on");
  await markPhoto(sha, { state: "sent" });
  return true;
}

/** How much of a photo is there already. */
async function arrived(sha, size) {
  const { status, headers } = await ask(`/api/v1/photos/${sha}`, { method: "HEAD", passing: [404] });
  return status === 200 ? size : offset(headers, 0);
}

const offset = (headers, otherwise) => {
  const said = headers.get("Upload-Offset");
  return said === null ? otherwise : Number(said);
};

/** Send one piece that begins at byte `at`; gives how much is there now. */
async function put(sha, blob, at) {
  const end = Math.min(blob.size, at + piece);
  const whole = at === 0 && end === blob.size;
  const headers = { "Content-Type": blob.type, ...(!whole && { "Content-Range": `bytes ${at}-${end - 1}/${blob.size}` }) };
  const said = await ask(`/api/v1/photos/${sha}`,
    { method: "PUT", headers, body: blob.slice(at, end), passing: [409] });
  if (said.status === 200 || said.status === 201) return blob.size;
  return said.status === 409 ? arrived(sha, blob.size) : offset(said.headers, end);
}
