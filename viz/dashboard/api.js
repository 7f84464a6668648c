// What is asked of the server. Answers are JSON; a refusal has one line that says why.

export class Refusal extends Error {}

/** GET a path below /api; rejects with a Refusal that can be shown. */
export async function ask(path, parameters = {}, signal = undefined) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined));
  let answer;
  try {
    answer = await fetch(`/api/${path}${query.size ? `?${query}` : ""}`, { signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The dashboard's server has stopped. The run is not affected; start it again with: evolora watch");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(body.error ?? `the server answered ${answer.status}`);
  return body;
}

/** Listen to the server's news; `on` maps an event's name to what is done with its data. */
export function listen(on) {
  const source = new EventSource("/api/news");
  for (const [name, act] of Object.entries(on)) {
    if (name !== "lost" && name !== "found") source.addEventListener(name, (news) => act(JSON.parse(news.data)));
  }
  source.addEventListener("error", () => on.lost?.());
  source.addEventListener("open", () => on.found?.());
  return source;
}
