/* The whole job, a step at a time; each order says before what it costs, and is sent again with the same key. */

const first = { files: [], drawn: [], step: uploadAndCheck };
const WAIT_S = 10;

const dollars = amount => amount === null ? "an unknown amount" : amount === 0 ? "nothing" : `$${amount.toFixed(4).replace(/0{1,2}$/, "")}`;
const pause = ms => new Promise(done => setTimeout(done, ms));

function tell(news, next) {
  byId("first-news").textContent = news;
  if (next) byId("first-next").textContent = next;
}

async function ask(method, path, body, headers = {}) {
  const answer = await fetch(request(method, path, { headers, body: body && JSON.stringify(body) }));
  const content = await answer.json();
  if (answer.ok) return content;
  if (answer.status === 401) throw new Error("Put a bearer token in above: make dev prints one.");
  showFindings(Array.isArray(content.details) ? content.details : []);
  throw new Error(content.message ?? content.detail ?? `The API answered ${answer.status}.`);
}

function showFindings(findings) {
  const words = findings.map(({ severity, field, message, advice }) => `${severity ?? field}: ${[message, advice].filter(Boolean).join(" ")}`);
  byId("first-findings").replaceChildren(...words.map(text => make("li", {}, text)));
}

function choose(files) {
  first.files = [...files];
  const shown = first.files.map(file => {
    const image = make("img", { alt: file.name });
    // A data: link, which is all that the page may show beside our bucket's.
    const reader = new FileReader();
    reader.addEventListener("load", () => { image.src = reader.result; });
    reader.readAsDataURL(file);
    return make("li", {}, image);
  });
  byId("first-chosen").replaceChildren(...shown);
  startAgain();
}

function startAgain() {
  first.step = uploadAndCheck;
  showFindings([]);
  byId("first-progress").hidden = true;
  tell("", "Upload and check");
}

async function upload(file, { url, fields }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set("file", file);
  const answer = await fetch(url, { method: "POST", body: form });
  if (!answer.ok) throw new Error(`${file.name} could not be uploaded: the bucket answered ${answer.status}.`);
}

async function uploadAndCheck() {
  if (!first.files.length) throw new Error("Choose a picture first.");
  const provider = byId("first-provider").value;
  tell(`Uploading ${first.files.length} pictures ...`);
  const files = first.files.map(({ name, type, size }) => ({ name, contentType: type, sizeBytes: size }));
  const { uploads } = await ask("POST", "/v1/references", { files });
  await Promise.all(uploads.map((ticket, index) => upload(first.files[index], ticket)));
  const references = uploads.map(({ key }) => key);
  tell("Checking them ...");
  const { usable, findings } = await ask("POST", "/v1/references/check", { provider, references });
  showFindings(findings);
  if (!usable) throw new Error("These pictures cannot be used as they are.");
  const identity = { name: byId("first-name").value, className: byId("first-class").value, provider, references };
  const { estimateUsd, budget } = await ask("POST", "/v1/identities/estimate", identity);
  first.key = crypto.randomUUID();
  first.step = () => makeIdentity(identity);
  tell(`The identity costs ${dollars(estimateUsd)}; ${dollars(budget.remainingUsd)} are left this month.`, `Make it for ${dollars(estimateUsd)}`);
}

async function makeIdentity(identity) {
  tell("Ordering ...");
  let made = await ask("POST", "/v1/identities", identity, { "Idempotency-Key": first.key });
  const progress = byId("first-progress");
  progress.hidden = false;
  while (made.status !== "ready" && made.status !== "failed" && made.status !== "cancelled") {
    progress.value = made.progress;
    tell(`${made.phase}, ${made.progress} % ...`);
    made = await ask("GET", `/v1/identities/${made.characterId}`, undefined, { Prefer: `wait=${WAIT_S}` });
    await pause(500);
  }
  if (made.status !== "ready") {
    startAgain();
    throw new Error(made.error?.message ?? `The identity is ${made.status}.`);
  }
  progress.value = 100;
  await offer(made.characterId, "The identity is ready.");
}

async function offer(characterId, news) {
  const path = `/v1/identities/${characterId}/generations`;
  const { estimateUsd } = await ask("POST", `${path}/estimate`, { prompt: byId("first-prompt").value, numImages: 1 });
  first.prompt = undefined;
  first.step = () => draw(characterId, path);
  tell(`${news} A picture costs ${dollars(estimateUsd)}.`, `Draw for ${dollars(estimateUsd)}`);
}

async function draw(characterId, path) {
  tell("Drawing ...");
  const prompt = byId("first-prompt").value;
  // Another prompt is another order, also where the answer to the one before was lost.
  if (prompt !== first.prompt) Object.assign(first, { prompt, key: crypto.randomUUID() });
  const headers = { "Idempotency-Key": first.key, Prefer: `wait=${WAIT_S}` };
  let drawn = await ask("POST", path, { prompt, numImages: 1 }, headers);
  showPictures(drawn);
  while (drawn.status !== "failed" && (drawn.status !== "succeeded" || drawn.scoring === "pending")) {
    await pause(500);
    drawn = await ask("GET", `/v1/generations/${drawn.generationId}`, undefined, { Prefer: `wait=${WAIT_S}; until=scored` });
    showPictures(drawn);
  }
  if (drawn.status === "failed") {
    // This order has ended: the next one is another.
    first.prompt = undefined;
    throw new Error(drawn.error?.message ?? "There is no picture.");
  }
  await offer(characterId, "Done.");
}

/* Newest first; what is shown of a generation gives way to what it has become. */
function showPictures(drawn) {
  first.drawn = [drawn, ...first.drawn.filter(each => each.generationId !== drawn.generationId)];
  const gallery = byId("first-pictures");
  gallery.hidden = false;
  gallery.generations = first.drawn;
}

function showFirstPicture() {
  const { schema } = api.paths["/v1/identities"].post.requestBody.content["application/json"];
  const names = resolved(schema).properties.provider.enum;
  byId("first-provider").replaceChildren(...names.map(value => make("option", { value }, value)));
  byId("first-files").addEventListener("change", event => choose(event.target.files));
  for (const id of ["first-name", "first-class", "first-provider"]) byId(id).addEventListener("change", startAgain);
  const drop = byId("first-drop");
  drop.addEventListener("dragover", event => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", event => {
    event.preventDefault();
    drop.classList.remove("over");
    choose(event.dataTransfer.files);
  });
  byId("first").addEventListener("submit", async event => {
    event.preventDefault();
    byId("first-next").disabled = true;
    try {
      await first.step();
    } catch (error) {
      tell(error.message);
    }
    byId("first-next").disabled = false;
  });
}
