// The feed in the OpenAPI document. A WebSocket has no response schema there, so its frames are told in words.
import { FeedQuery } from './feed.js';
import { problems } from './problem.js';

const FRAMES = [
  'Open it as a WebSocket (`GET` with `Upgrade: websocket`); no message needs to be sent. Text frames, one JSON object each:',
  '',
  '- `{type:"hello", group, node, from, firstKept, lastChosen}`: first',
  '- `{type:"commit", instanceId, values:[{index, machine, encoding, value}]}`: each instance once, in order',
  '- `{type:"bookmark", instanceId}`: nothing of yours up to here; every 5 s and where a filter hides instances',
  '- `{type:"master", …}`, `{type:"members", …}`: as the GET answers, on change',
  '- `{type:"gap", requested, firstKept, checkpoint}`: the position is trimmed; then close 4410',
  '',
  'Close codes: 1001 going away, 1009 the follower sends too much, 4400 bad parameters, 4404 no such group, 4408 dead peer, 4410 gap.',
].join('\n');

const parameters = Object.entries(FeedQuery.properties).map(([name, schema]) => ({
  name,
  in: 'query' as const,
  required: false,
  schema: { ...schema },
}));

/** A path item. `problems` speaks of the framework's schema references; the document has components. */
export const feedPath = {
  get: {
    operationId: 'followGroup',
    summary: 'Follow the log over a WebSocket',
    description: FRAMES,
    tags: ['feed'],
    parameters: [
      { name: 'group', in: 'path' as const, required: true, schema: { type: 'string' as const } },
      ...parameters,
    ],
    responses: {
      '101': { description: 'Switching protocols' },
      ...JSON.parse(
        JSON.stringify(problems(400))
          .replaceAll('Problem#', '#/components/schemas/Problem')
          .replaceAll('"4xx"', '"4XX"')
          .replaceAll('"5xx"', '"5XX"'),
      ),
    },
  },
};
