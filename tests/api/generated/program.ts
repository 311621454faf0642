/* A program over the types that openapi-typescript generates: it appends, lists and reads.
   Type-checked and run by test_generated_clients.py, which puts the generated schema.ts beside it. */

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { env: Record<string, string> };

type Schemas = components["schemas"];

const client = createClient<paths>({
  baseUrl: process.env["ENHANCELOG_URL"] ?? "",
  headers: { Authorization: `Bearer ${process.env["ENHANCELOG_TOKEN"]}` },
});

function entry(issueId: string, detail = "patch 7 changes nothing"): Schemas["Entry"] {
  return {
    issue_id: issueId,
    blueprint_id: "main",
    prev_hash: "9f2c",
    new_hash: "",
    intent: "cite the file",
    rationale: "Adds a sentence.",
    verdicts: [{ axis: "noop", status: "deny", detail }],
    status: "rejected",
    reasons: [`noop: ${detail}`],
    ts_ms: 1795000000000,
    ops: [
      { op: "add", path: "/a", value: { b: [1, null] } },
      { op: "move", path: "/c", from: "/a" },
      { op: "remove", path: "/c" },
    ],
  };
}

/** The lines of an NDJSON answer, which arrives as text. */
function readResults(lines: string): Schemas["AppendResult"][] {
  return lines.trimEnd().split("\n").map((line) => JSON.parse(line) as Schemas["AppendResult"]);
}

function same(found: unknown, expected: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
  }
}

async function append(): Promise<void> {
  const stored = await client.POST("/v1/enhance/log", { body: entry("h-1") });
  same(stored.data, entry("h-1"));
  const refused = await client.POST("/v1/enhance/log", { body: entry("h-1", "another") });
  const problem: Schemas["Problem"] | undefined = typeof refused.error === "object" ? refused.error : undefined;
  same(problem?.differs, ["verdicts", "reasons"]);
  const many = await client.POST("/v1/enhance/log", { body: [entry("h-1"), entry("h-2")], parseAs: "text" });
  const results = readResults(many.data ?? "");
  same(results.map((one) => one.result), ["identical", "created"]);
  const issueId: string | null | undefined = results[1]?.issue_id;
  same(issueId, "h-2");
  const path = { issue_id: "h-2" };
  same((await client.PUT("/v1/enhance/log/{issue_id}", { params: { path }, body: entry("h-2") })).response.status, 200);
}

async function listAndRead(): Promise<void> {
  const query = { status: ["rejected" as const], axis: ["noop"], page_size: 10 };
  const listed = await client.GET("/v1/enhance/log", { params: { query } });
  const entries: Schemas["Entry"][] = Array.isArray(listed.data) ? listed.data : [];
  same(entries.map((one) => one.issue_id), ["h-1", "h-2"]);
  const params = { path: { issue_id: "h-1" } };
  const one = await client.GET("/v1/enhance/log/{issue_id}", { params });
  const operation: Schemas["Operation"] | undefined = one.data?.ops?.[1];
  same(operation?.op === "move" ? operation.from : undefined, "/a");
  const known = await client.GET("/v1/enhance/entries/{issue_id}", { params });
  const position: number | undefined = known.data?.position;
  const kind: "user" | "token" | "command" | undefined = known.data?.actor.kind;
  same([position, kind, known.data?.intent], [1, "token", "cite the file"]);
  const why = await client.GET("/v1/enhance/why", { params: { query: { blueprint_id: "main" } } });
  const groups = typeof why.data === "object" && "denied" in why.data ? why.data.denied : [];
  same(groups[0]?.template, "patch ⟨n⟩ changes nothing");
}

async function content(): Promise<void> {
  const path = { kind: "abort_respawn_count" as const, story_id: "S-1" };
  const counter = await client.POST("/v1/content/increment/{kind}/{story_id}", { params: { path }, body: { by: 2 } });
  const item: Schemas["ContentItem"] | undefined = counter.data;
  same([item?.value, item?.version], ["2", 1]);
  // @ts-expect-error  a story is no counter
  const wrong: Schemas["CounterKind"] = "story";
  same(wrong, "story");
}

await append();
await listAndRead();
await content();
