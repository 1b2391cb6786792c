const byId = id => document.getElementById(id);
const pretty = value => JSON.stringify(value, null, 2);
let api = {};

function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/* A part of the document, with what it refers to in the place of each reference. */
function resolved(part) {
  if (Array.isArray(part)) return part.map(resolved);
  if (part === null || typeof part !== "object") return part;
  const { $ref: reference, ...rest } = part;
  const own = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, resolved(value)]));
  if (typeof reference !== "string") return reference === undefined ? own : { $ref: resolved(reference), ...own };
  const target = reference.slice(2).split("/").reduce((found, key) => found[key], api);
  return { ...resolved(target), ...own };
}

/* Relative to this page, which stands beside the routes wherever they are. */
function request(method, path, { headers = {}, body, query } = {}) {
  const sent = new Headers(headers);
  const token = byId("token").value.trim();
  if (token) sent.set("Authorization", `Bearer ${token}`);
  if (body !== undefined) sent.set("Content-Type", "application/json");
  return new Request(`.${path}${query?.size ? `?${query}` : ""}`, { method, headers: sent, body, cache: "no-store" });
}
