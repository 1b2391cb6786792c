// Writes what the client knows of the API from its OpenAPI document: node generate.mjs openapi.json
import { writeFile, readFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const HEAD = "// Written by generate.mjs from the OpenAPI document.\n";
const document = JSON.parse(await readFile(process.argv[2], "utf8"));

const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => {
    const names = (operation.parameters ?? []).map((each) => each.$ref?.split("/").at(-1) ?? each.name);
    return [operation.operationId, { method: method.toUpperCase(), path, keyed: names.includes("Idempotency-Key") }];
  }),
);
const codes = new Set();
JSON.stringify(document.paths, (key, value) => {
  if (key === "code") value.enum?.forEach((code) => codes.add(code));
  return value;
});
const union = [...codes].sort().map((code) => JSON.stringify(code)).join(" | ");
const table = JSON.stringify(Object.fromEntries(routes), null, 2);
const types = astToString(await openapiTS(document));

await writeFile(new URL("src/schema.ts", import.meta.url), HEAD + types);
await writeFile(new URL("src/routes.ts", import.meta.url), `${HEAD}export const ROUTES = ${table} as const;\n\nexport type ErrorCode = ${union};\n`);
