const METHODS = ["get", "post", "put", "patch", "delete"];
const SHOWN_HEADERS = ["content-type", "location", "retry-after", "idempotent-replayed", "preference-applied"];

function shape(title, schema) {
  return make("details", {}, make("summary", {}, title), make("div", {}, make("pre", { tabIndex: 0 }, pretty(schema))));
}

function control(id, { schema = {}, required = false }) {
  if (!schema.enum) return make("input", { id, required, autocomplete: "off", spellcheck: false });
  const choices = schema.enum.map(value => make("option", { value }, value));
  return make("select", { id, required }, ...(required ? [] : [make("option", { value: "" }, "")]), ...choices);
}

function parameterField(operation, parameter) {
  const id = `${operation.operationId}-${parameter.in}-${parameter.name}`;
  const input = control(id, parameter);
  input.setAttribute("aria-describedby", `${id}-note`);
  const label = make("label", { htmlFor: id }, parameter.name, parameter.required ? "" : " (optional)");
  const note = make("small", { id: `${id}-note` }, parameter.description ?? "");
  return { parameter, input, parts: [label, input, note] };
}

function bodyField(operation) {
  const content = operation.requestBody?.content["application/json"];
  if (!content) return undefined;
  const id = `${operation.operationId}-body`;
  const value = pretty(content.example ?? {});
  const input = make("textarea", { id, value, rows: Math.min(value.split("\n").length + 1, 14), spellcheck: false });
  const label = make("label", { htmlFor: id }, "Body (JSON)");
  return { input, parts: [label, input, shape("Shape of the body", content.schema)] };
}

function called(method, path, fields, body) {
  const headers = {};
  const query = new URLSearchParams();
  let address = path;
  for (const { parameter, input } of fields) {
    if (input.value === "") continue;
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    if (parameter.in === "query") query.set(parameter.name, input.value);
    if (parameter.in === "header") headers[parameter.name] = input.value;
  }
  return request(method, address, { headers, query, body: body?.input.value });
}

async function show(call, outcome, text) {
  const started = performance.now();
  const answer = await fetch(call());
  const content = await answer.text();
  const took = Math.round(performance.now() - started);
  outcome.textContent = `${answer.status} ${answer.statusText} after ${took} ms`;
  const headers = SHOWN_HEADERS.filter(name => answer.headers.has(name));
  const lines = headers.map(name => `${name}: ${answer.headers.get(name)}`);
  let shown = content;
  try { shown = pretty(JSON.parse(content)); } catch { /* shown as it came */ }
  text.textContent = [...lines, "", shown].join("\n");
}

function form(method, path, operation) {
  const fields = (operation.parameters ?? []).map(parameter => parameterField(operation, parameter));
  const body = bodyField(operation);
  const button = make("button", {}, "Send");
  const outcome = make("p", { role: "status" });
  const text = make("pre", { tabIndex: 0, hidden: true, "aria-label": "Answer" });
  const inputs = [...fields, ...(body ? [body] : [])].flatMap(field => field.parts);
  const element = make("form", {}, ...inputs, button, outcome, text);
  element.addEventListener("submit", async event => {
    event.preventDefault();
    button.disabled = true;
    text.textContent = "";
    outcome.textContent = "Waiting for the answer ...";
    try {
      await show(() => called(method.toUpperCase(), path, fields, body), outcome, text);
    } catch (error) {
      outcome.textContent = `There is no answer: ${error.message}`;
    }
    text.hidden = text.textContent === "";
    button.disabled = false;
  });
  return element;
}

function answers(operation) {
  const rows = Object.entries(operation.responses).flatMap(([status, answer]) => [
    make("dt", {}, status),
    make("dd", {}, answer.description),
  ]);
  const good = Object.entries(operation.responses).filter(([status]) => status < "300");
  const shapes = good.flatMap(([status, answer]) => {
    const schema = answer.content?.["application/json"]?.schema;
    return schema ? [shape(`Shape of ${status}`, schema)] : [];
  });
  return [make("h3", {}, "Answers"), make("dl", {}, ...rows), ...shapes];
}

function section(method, path, operation) {
  const title = make(
    "summary", {},
    make("span", { className: "method" }, method.toUpperCase()), make("code", {}, path),
    make("span", { className: "words" }, operation.summary),
  );
  const element = make("details", { id: operation.operationId }, title);
  // Filled when it is opened: most are not.
  element.addEventListener("toggle", () => {
    const whole = resolved(operation);
    const about = whole.description ? [make("p", {}, whole.description)] : [];
    element.append(make("div", {}, ...about, form(method, path, whole), ...answers(whole)));
  }, { once: true });
  return element;
}

function showOperations() {
  for (const { name } of api.tags) {
    byId("operations").append(make("h2", {}, name));
    for (const [path, item] of Object.entries(api.paths)) {
      for (const method of METHODS) {
        const operation = item[method];
        if (operation?.tags.includes(name)) byId("operations").append(section(method, path, operation));
      }
    }
  }
}

/* Each code of an error, where the type of a problem leads to: its status, and the routes that may answer so. */
function showErrors() {
  const known = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter(name => item[name])) {
      for (const [status, answer] of Object.entries(item[method].responses)) {
        for (const code of answer.content?.["application/problem+json"]?.schema.properties?.code.enum ?? []) {
          if (!known.has(code)) known.set(code, { status, routes: [] });
          known.get(code).routes.push(`${method.toUpperCase()} ${path}`);
        }
      }
    }
  }
  for (const code of [...known.keys()].sort()) {
    const { status, routes } = known.get(code);
    byId("errors").append(make("dt", { id: code }, `${code} (${status})`), make("dd", {}, routes.join(", ")));
  }
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
}
