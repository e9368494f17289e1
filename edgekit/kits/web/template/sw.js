/** Answers from what the page kept (demo/offline.js) when the server can't be reached, and only then. */
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  event.respondWith(fetch(request).catch(async (error) => {
    const kept = await caches.match(request.url, { ignoreSearch: true });
    if (!kept) throw error;
    return kept;
  }));
});
