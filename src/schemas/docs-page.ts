// The API for people: one HTML page made of the OpenAPI document. No script and nothing from elsewhere, so its content
// policy can forbid everything but its one style sheet. All text is escaped.
import { ERROR_CODES, PaxmeshError, titleOf } from './problem.js';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly schema?: Schema;
    readonly description?: string;
  }[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> };
  readonly responses?: Readonly<
    Record<
      string,
      { readonly description?: string; readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }
    >
  >;
}

export interface OpenApi {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

export const DOCS_STYLE = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem;border-bottom:1px solid #8886}
section{margin:1.5rem 0}
code,.method{font-family:ui-monospace,monospace;font-size:.92em}
.method{font-weight:700;display:inline-block;min-width:4.5em}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid #8883}
p.text{white-space:pre-line}
`;

export function docsPage({ info, paths = {}, components = {} }: OpenApi): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => operationHtml(path, method, operation)),
  );
  const schemas = Object.entries(components.schemas ?? {}).map(([name, schema]) => schemaHtml(name, schema));
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(info.title)} API</title><style>${DOCS_STYLE}</style></head><body>
<h1>${escapeHtml(info.title)} ${escapeHtml(info.version)}</h1><p>${escapeHtml(info.description ?? '')}</p>
<p>For programs: <a href="/openapi.yaml">openapi.yaml</a>, <a href="/openapi.json">openapi.json</a>.</p>
<h2>Operations</h2>${operations.join('')}
<h2>Error codes</h2><table><tr><th>Code</th><th>Status</th><th>Outcome</th><th>Retry</th></tr>${ERROR_CODES.map(codeRow).join('')}</table>
<h2>Shapes</h2>${schemas.join('')}
</body></html>`;
}

function operationHtml(
  path: string,
  method: string,
  { summary = '', description = '', parameters = [], requestBody, responses = {} }: Operation,
): string {
  const rows = parameters.map(
    ({ name, in: place, schema = {}, description = schema.description }) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(place)}</td><td>${typeHtml(schema)}</td><td>${escapeHtml(description ?? '')}</td></tr>`,
  );
  const bodies = Object.entries(requestBody?.content ?? {}).map(
    ([type, { schema }]) => `<code>${escapeHtml(type)}</code> ${typeHtml(schema ?? {})}`,
  );
  const answers = Object.entries(responses).map(([status, { description = '', content = {} }]) => {
    const shapes = Object.values(content).map(({ schema }) => typeHtml(schema ?? {}));
    return `<tr><td>${escapeHtml(status)}</td><td>${escapeHtml(description)}</td><td>${shapes.join(' ')}</td></tr>`;
  });
  return `<section><h3><span class="method">${escapeHtml(method.toUpperCase())}</span> <code>${escapeHtml(path)}</code></h3>
<p>${escapeHtml(summary)}</p>${description === '' ? '' : `<p class="text">${escapeHtml(description)}</p>`}
${rows.length === 0 ? '' : `<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>${rows.join('')}</table>`}
${bodies.length === 0 ? '' : `<p>Body: ${bodies.join(', ')}</p>`}
<table><tr><th>Answer</th><th></th><th>Shape</th></tr>${answers.join('')}</table></section>`;
}

function codeRow(code: (typeof ERROR_CODES)[number]): string {
  const { status, outcome, retryable } = new PaxmeshError(code, titleOf(code));
  return `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${outcome}</td><td>${retryable ? 'yes' : 'no'}</td></tr>`;
}

function schemaHtml(name: string, schema: Schema): string {
  const rows = Object.entries(schema.properties ?? {}).map(
    ([field, property]) =>
      `<tr><td><code>${escapeHtml(field)}</code></td><td>${typeHtml(property)}</td><td>${escapeHtml(property.description ?? '')}</td></tr>`,
  );
  return `<section id="shape-${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3><p>${escapeHtml(schema.description ?? '')}</p><table>${rows.join('')}</table></section>`;
}

function typeHtml(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = escapeHtml(schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1));
    return `<a href="#shape-${name}">${name}</a>`;
  }
  if (schema.enum !== undefined)
    return schema.enum.map((word) => `<code>${escapeHtml(String(word))}</code>`).join(', ');
  if (schema.items !== undefined) return `list of ${typeHtml(schema.items)}`;
  const range =
    schema.minimum !== undefined && schema.maximum !== undefined ? ` ${schema.minimum} to ${schema.maximum}` : '';
  const fallback = schema.default === undefined ? '' : `, default ${String(schema.default)}`;
  const type = schema.type ?? 'any';
  return escapeHtml(`${typeof type === 'string' ? type : type.join(' or ')}${range}${fallback}`);
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
