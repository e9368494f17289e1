/**
 * After the first load the page needs no server: the browser keeps what it used. Says in a word whether it does.
 *
 * @param more addresses that the page needs beside what it has used.
 */
export async function keepForOffline({ artifact, edgekit_version }, more) {
  if (!("serviceWorker" in navigator)) return "needs https";
  await navigator.serviceWorker.register("./sw.js");
  const mine = new URL("./", location.href).href;
  const name = `edgekit ${mine} ${edgekit_version} ${artifact.sha256}`;
  for (const other of await caches.keys()) {
    if (other.startsWith(`edgekit ${mine} `) && other !== name) await caches.delete(other);
  }
  const page = location.origin + location.pathname;
  const used = [page, ...performance.getEntriesByType("resource").map(({ name }) => name)];
  const cache = await caches.open(name);
  const kept = (await cache.keys()).length;
  const files = [...new Set([...used, ...more.map((path) => new URL(path, mine).href)])].filter((url) => url.startsWith(mine));
  if (!kept) await cache.addAll(files); // all of them, or none
  await navigator.serviceWorker.ready;
  return "ready";
}
