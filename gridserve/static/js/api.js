// Talking to the API from a page: the cookie signs in, the page's token proves that it is ours.

const token = () => document.querySelector("input[name=csrf_token]")?.value ?? "";

/** A refusal or a lost line, in words to show: a title and the reasons. `code` is for programs. */
export class Refused extends Error {
  constructor(code, title, reasons) {
    super(title);
    this.code = code;
    this.reasons = reasons;
  }
}

/** Ask the API; gives the answer's body, or throws `Refused` with what the server says in the
 * reader's language. `offline` is what to say where no answer comes. */
export async function ask(method, path, body, offline) {
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      headers: { Accept: "application/json", "X-CSRFToken": token(),
        ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Refused("offline", offline, []);
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  const reasons = Object.values(said.errors ?? {}).flat();
  throw new Refused(said.code, said.title || offline, [said.detail, ...reasons].filter(Boolean));
}

/** A new id. Browsers keep `crypto.randomUUID` for https, and a county's server may be without. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** All pages of a list of GeoJSON features. */
export async function features(path, offline) {
  const found = [];
  for (let next = path; next;) {
    const page = await ask("GET", next, null, offline);
    found.push(...page.features);
    next = page.next && page.next.replace(/^\/api\/v1/, "");
  }
  return found;
}
