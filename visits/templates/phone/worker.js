// The service worker: keeps the shell and its modules on the phone. In front of it the server puts
// SUMS, address → checksum of each file. A file is kept under its checksum, so that a new version
// fetches only what has changed and no page runs halves of two versions. It touches nothing else:
// what the API says is kept, encrypted, by the pages themselves.

const KEPT = "gridserve-phone";
const SHELL = "/m/";

const under = (sum) => `/m/kept/${encodeURIComponent(sum)}`; // an address that nobody asks for

self.addEventListener("install", (event) => event.waitUntil(fill()));
self.addEventListener("activate", (event) => event.waitUntil(begin()));
self.addEventListener("message", ({ data }) => {
  if (data === "take over") self.skipWaiting();
});

/** Fetch what is not here yet. What arrived before the line broke need not come again. */
async function fill() {
  const cache = await caches.open(KEPT);
  await Promise.all(Object.entries(SUMS).map(async ([path, sum]) => {
    if (await cache.match(under(sum))) return;
    await cache.put(under(sum), await fetched(path, sum));
  }));
}

/** A file with just this checksum: the page may have fetched it a moment ago. */
async function fetched(path, integrity) {
  const near = await fetch(path, { integrity, credentials: "omit", cache: "force-cache" }).catch(() => null);
  const answer = near?.ok ? near : await fetch(path, { integrity, credentials: "omit", cache: "no-cache" });
  if (!answer.ok) throw new Error(`${answer.status} ${path}`);
  return answer;
}

/** Drop what no version needs any more, and serve the pages that are open. */
async function begin() {
  const { installing, waiting } = self.registration;
  if (!installing && !waiting) await tidy(); // what the next version has fetched stays
  await self.clients.claim();
}

async function tidy() {
  const cache = await caches.open(KEPT);
  const needed = new Set(Object.values(SUMS).map((sum) => new URL(under(sum), self.location).href));
  const old = (await cache.keys()).filter((request) => !needed.has(request.url));
  await Promise.all(old.map((request) => cache.delete(request)));
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (SUMS[pathname]) event.respondWith(kept(pathname, request));
  else if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => kept(SHELL, request)));
});

async function kept(path, request) {
  const cache = await caches.open(KEPT);
  return (await cache.match(under(SUMS[path]))) ?? fetch(request);
}
