// How the framework checks requests: text parameters by the strict reader, JSON bodies as they are, without coercion and
// without dropping unknown fields.
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { compileParameters } from './parameters.js';

const PARTS: Readonly<Record<string, 'query' | 'path' | 'header'>> = {
  querystring: 'query',
  params: 'path',
  headers: 'header',
};

export const compileValidator: FastifySchemaCompiler<TSchema> = (route) => {
  const part = PARTS[route.httpPart ?? ''];
  return part === undefined ? TypeBoxValidatorCompiler(route) : compileParameters(route.schema, part);
};

/** For routes that read their body themselves: its schema is for the document only. */
export const compileExceptBody: FastifySchemaCompiler<TSchema> = (route) =>
  route.httpPart === 'body' ? () => true : compileValidator(route);
