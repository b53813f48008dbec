# syntax=docker/dockerfile:1
# The hub, from the root of a checkout, for both architectures:
#   docker buildx build --platform linux/amd64,linux/arm64 -f deploy/docker/hub.Dockerfile -t registry.example/portolan/hub:0.1.0 --push .
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
# The Node.js that npm ci brings for checkouts is not needed: the image has its own.
RUN rm -rf node_modules/node-linux-*

FROM ${RUNTIME_IMAGE}
WORKDIR /app
COPY --from=dependencies /src/node_modules /app/node_modules
COPY --from=build /src/package.json /src/LICENSE /app/
COPY --from=build /src/dist/hub.mjs /src/dist/dns-worker.mjs /app/dist/
COPY --from=build /src/dist/chunks /app/dist/chunks
USER 65532:65532
EXPOSE 7460 7461 7462 5353/udp 5353/tcp 9464
ENTRYPOINT ["/nodejs/bin/node"]
CMD ["--max-semi-space-size=2", "/app/dist/hub.mjs", "--config", "/etc/portolan/hub.yaml"]
