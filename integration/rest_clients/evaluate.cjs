// The counterpart of evaluate.py for clients written in JavaScript. Runs in the folder that holds their node_modules.
"use strict";

const { createRequire } = require("node:module");
const { createInterface } = require("node:readline");
const { runInThisContext } = require("node:vm");

globalThis.require = createRequire(`${process.cwd()}/`);

async function answer(request) {
  Object.assign(globalThis, request.values);
  try {
    if ("setup" in request) {
      runInThisContext(request.setup);
      return { value: null };
    }
    const value = await runInThisContext(`(async () => (${request.expression}))()`);
    return { value: value ?? null };
  } catch (error) {
    return { error: `${error.name}: ${error.message} ${JSON.stringify(error.response?.data ?? null)}` };
  }
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
  }
}

main();
