// Builds the edge over a node: Fastify with our limits, the plugins in the order they depend on each other, the routes.
// It does not listen, and does not start or stop the node; closing the app drains it (plugins/app/lifecycle.ts).
import { join } from 'node:path';
import autoload from '@fastify/autoload';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyServerOptions,
  LogController,
} from 'fastify';
import auth from '../plugins/app/auth.js';
import edge from '../plugins/app/edge.js';
import errors, { answerClientError, sendProblem } from '../plugins/app/errors.js';
import feed from '../plugins/app/feed/index.js';
import groups from '../plugins/app/groups.js';
import lifecycle from '../plugins/app/lifecycle.js';
import lockLine from '../plugins/app/lock-line.js';
import machines from '../plugins/app/machines.js';
import metrics from '../plugins/app/metrics.js';
import requestLog from '../plugins/app/request-log.js';
import transfers from '../plugins/app/transfers.js';
import swagger from '../plugins/external/swagger.js';
import websocket from '../plugins/external/websocket.js';
import type { Config } from './config.js';
import type { NodeFace } from './engine/face.js';
import { IncomingRequest } from './incoming-request.js';
import { commandBytesMaxFor } from './machines/value-limit.js';
import { KEY_BYTES_MAX } from './schemas/state.js';
import { compileValidator } from './schemas/validator.js';

export interface AppOptions {
  readonly node: NodeFace;
  readonly config: Pick<Config, 'valueBytesMax' | 'tokens' | 'tls' | 'logLevel'>;
  /** Over `{ level: config.logLevel }`; false: no log. */
  readonly loggerOptions?: Exclude<FastifyServerOptions['logger'], boolean | undefined> | false;
  /** A logger that is there already, in place of one of the app's own. */
  readonly logger?: FastifyBaseLogger;
  /** What the paths of the API begin with, such as `/paxmesh`. */
  readonly prefix?: string;
  /** Serves `/mesh`. Registered after the WebSocket plugin and before the routes. */
  readonly mesh?: FastifyPluginAsync;
  /** Shorter times for tests. */
  readonly times?: Partial<EdgeTimes>;
}

interface EdgeTimes {
  /** A whole request, body included, must have arrived by then. */
  readonly requestMs: number;
  readonly headersMs: number;
  /** How often the two above are checked. */
  readonly checkMs: number;
  /** A connection on which nothing moves at all; above the longest wait that a request may ask for. */
  readonly silenceMs: number;
  /** Of a body that is taken piece by piece, the next piece must have come by then. */
  readonly pieceMs: number;
}

const TIMES: EdgeTimes = { requestMs: 60_000, headersMs: 15_000, checkMs: 5000, silenceMs: 90_000, pieceMs: 30_000 };
const HEADERS_BYTES_MAX = 16 * 1024;
/** A key of 1024 bytes, each percent-encoded. */
const PARAM_CHARACTERS_MAX = 3 * KEY_BYTES_MAX;

export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { node, config, mesh, times, prefix = '' } = options;
  const { requestMs, headersMs, checkMs, silenceMs, pieceMs } = { ...TIMES, ...times };
  const { tls, valueBytesMax } = config;
  const app = Fastify({
    ...serverOptions(tls, {
      connectionsCheckingInterval: checkMs,
      headersTimeout: headersMs,
      maxHeaderSize: HEADERS_BYTES_MAX,
      // Refused by plugins/app/edge.ts, in our words.
      requireHostHeader: false,
      IncomingMessage: IncomingRequest,
    }),
    ...logging(options),
    // A logger of its own for each request would cost more than anything it could add to our lines.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: valueBytesMax,
    requestTimeout: requestMs,
    connectionTimeout: silenceMs,
    keepAliveTimeout: 60_000,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: PARAM_CHARACTERS_MAX },
    clientErrorHandler: (error, socket) => answerClientError(node.id, error, socket),
    frameworkErrors: (error, request, reply) => {
      reply.header('paxmesh-node', node.id);
      sendProblem(error, request, reply);
    },
  });
  app.setValidatorCompiler(compileValidator);
  // Views are plain JSON; a schema's serializer would drop what the schema forgot.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));

  app.decorate('node', node);
  app.decorate('limits', { valueBytesMax });
  app.decorate('mount', prefix);
  await app.register(lifecycle);
  await app.register(websocket, { commandBytesMax: commandBytesMaxFor(valueBytesMax) });
  await app.register(edge);
  await app.register(errors);
  await app.register(auth, { tokens: config.tokens });
  await app.register(metrics);
  await app.register(requestLog);
  await app.register(swagger, { version: node.status().version });
  await app.register(groups);
  await app.register(machines);
  await app.register(lockLine);
  await app.register(feed);
  await app.register(transfers, { pieceMs });
  if (mesh !== undefined) await app.register(mesh);
  await app.register(autoload, {
    dir: join(import.meta.dirname, '..', 'routes'),
    forceESM: true,
    routeParams: true,
    autoHooks: true,
    cascadeHooks: true,
    options: { prefix },
  });
  return app;
}

function logging({
  config,
  logger,
  loggerOptions,
}: AppOptions): Pick<FastifyServerOptions, 'logger' | 'loggerInstance'> {
  if (logger !== undefined) return { loggerInstance: logger };
  return { logger: loggerOptions === false ? false : { level: config.logLevel, ...loggerOptions } };
}

interface HttpLimits {
  readonly connectionsCheckingInterval: number;
  readonly headersTimeout: number;
  readonly maxHeaderSize: number;
  readonly requireHostHeader: boolean;
  readonly IncomingMessage: typeof IncomingRequest;
}

/**
 * Plain HTTP, or TLS. With a CA, client certificates are asked for but not required: the mesh requires them, callers of
 * the API need not have one.
 */
function serverOptions(tls: Config['tls'], limits: HttpLimits): { http: HttpLimits } {
  if (tls === null) return { http: limits };
  const { cert, key, ca } = tls;
  const https = { ...limits, cert, key, ...(ca === null ? {} : { ca, requestCert: true, rejectUnauthorized: false }) };
  // The framework types an instance by its server; to plugins and routes both are the same.
  return { https } as unknown as { http: HttpLimits };
}
