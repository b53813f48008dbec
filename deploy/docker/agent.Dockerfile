# syntax=docker/dockerfile:1
# The agent, from the root of a checkout, for both architectures:
#   docker buildx build --platform linux/amd64,linux/arm64 -f deploy/docker/agent.Dockerfile -t registry.example/portolan/agent:0.1.0 --push .
# Give digests instead of tags to have the same bases every time: --build-arg BUILD_IMAGE=…@sha256:…, RUNTIME_IMAGE likewise.
ARG BUILD_IMAGE=node:24-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

# The bundle is the same for every architecture: it is made once, on the machine that builds.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && find dist -name '*.map' -delete

# Packages with parts for one architecture (SQLite) are fetched for the one that is wanted; nothing is compiled or emulated.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS dependencies
ARG TARGETARCH
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --os=linux --libc=glibc --cpu="$(test "$TARGETARCH" = amd64 && echo x64 || echo "$TARGETARCH")"
# Nor what only a hub needs: stores and DNS providers.
RUN rm -rf node_modules/node-linux-* node_modules/@libsql node_modules/libsql node_modules/@aws-sdk node_modules/@azure node_modules/@google-cloud node_modules/pg node_modules/kysely

FROM ${RUNTIME_IMAGE}
WORKDIR /app
COPY --from=dependencies /src/node_modules /app/node_modules
COPY --from=build /src/package.json /src/LICENSE /app/
COPY --from=build /src/dist/agent.mjs /src/dist/agent-control.mjs /src/dist/agent-join.mjs /src/dist/snapshot-check.mjs /src/dist/dns-worker.mjs /src/dist/gateway-worker.mjs /app/dist/
COPY --from=build /src/dist/chunks /app/dist/chunks
USER 65532:65532
EXPOSE 7463 8080 8443 5353/udp 5353/tcp 9464
ENTRYPOINT ["/nodejs/bin/node"]
CMD ["--max-semi-space-size=2", "/app/dist/agent.mjs", "--config", "/etc/portolan/agent.yaml"]
