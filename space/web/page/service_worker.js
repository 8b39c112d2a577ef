// Keeps every file of the page, so that it works offline. The build writes VERSION and FILES.
const VERSION = '{version}';
const FILES = {files};
// They isolate the page, which lets the model use several threads, and hold its worker to this site.
const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Content-Security-Policy': "{policy}",
};

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(VERSION).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

async function cleaned() {
  for (const name of await caches.keys()) if (name !== VERSION) await caches.delete(name);
  await self.clients.claim();
}

async function answered(request) {
  const cache = await caches.open(VERSION);
  const found = await cache.match(request, { ignoreSearch: true }) ?? await fetch(request);
  const headers = new Headers(found.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
}

self.addEventListener('activate', (event) => event.waitUntil(cleaned()));
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const isOurs = request.method === 'GET' && new URL(request.url).origin === location.origin;
  if (isOurs) event.respondWith(answered(request));
});
