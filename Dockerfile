# UNTRIED: written without a container engine at hand. No image was built from this file where it was written.
#
# Build:  docker build -t paxmesh .
# Run:    see deploy/compose.yaml
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json /app/openapi.yaml ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
COPY --from=build /app/dist/plugins ./dist/plugins
COPY --from=build /app/dist/routes ./dist/routes
# The scripts that run inside Redis are found from the package's root.
COPY --from=build /app/src/store/*.lua ./src/store/
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
ENV PAXMESH_LISTEN=0.0.0.0:7001 PAXMESH_STORE=embedded:/data
EXPOSE 7001
# Alive, not ready: a node that waits for its peers must not be restarted.
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:7001/livez').then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
CMD ["node", "dist/src/cli.js", "serve"]
