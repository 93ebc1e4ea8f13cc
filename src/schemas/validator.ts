// How the framework checks requests: text parameters by the strict reader, JSON bodies as they are, without coercion and
// without dropping unknown fields.
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { COMPONENTS } from './components.js';
import { compileParameters } from './parameters.js';

const PARTS: Readonly<Record<string, 'query' | 'path' | 'header'>> = {
  querystring: 'query',
  params: 'path',
  headers: 'header',
};

export const compileValidator: FastifySchemaCompiler<TSchema> = (route) => {
  const part = PARTS[route.httpPart ?? ''];
  if (part !== undefined) return compileParameters(route.schema, part);
  return TypeBoxValidatorCompiler({ ...route, schema: referred(route.schema) });
};

/** Bodies refer to components, so that the document names them once. */
function referred(schema: TSchema): TSchema {
  const { $ref } = schema as { readonly $ref?: string };
  if ($ref === undefined) return schema;
  const component = COMPONENTS.find((each) => `${(each as { readonly $id?: string }).$id}#` === $ref);
  if (component === undefined) throw new Error(`no component ${$ref}`);
  return component;
}

/** For routes that read their body themselves: its schema is for the document only. */
export const compileExceptBody: FastifySchemaCompiler<TSchema> = (route) =>
  route.httpPart === 'body' ? () => true : compileValidator(route);
