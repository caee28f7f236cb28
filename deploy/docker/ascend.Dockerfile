# whisper-npu's server on Ascend NPUs, on an image of CANN's runtime:
#   docker build --file deploy/docker/ascend.Dockerfile --tag whisper-npu-ascend .
# The lines that start it, with devices and the driver, are in docs/ascend.md. Where models are converted in the container, CANN_IMAGE
# must have atc (the toolkit); where they were converted before, the runtime is enough.
ARG CANN_VERSION=8.5.0
ARG CHIP=910b
ARG BASE_OS=openeuler24.03
ARG CANN_IMAGE=quay.io/ascend/cann:${CANN_VERSION}-${CHIP}-${BASE_OS}-py3.11
ARG NODE_IMAGE=node:20-bookworm

FROM ${NODE_IMAGE} AS build
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends cmake ninja-build && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
# Not by the script of the installation, which goes on where nothing can be compiled.
RUN npm ci --ignore-scripts && npm run build && npm run build:native && npm prune --omit=dev --ignore-scripts
# What a queue in a server needs (docs/scale-out.md): "bullmq@6.7.0 ioredis@6.0.0", or pg in place of ioredis. npm leaves out what the
# checkout has for its tests, even where it is asked for.
ARG QUEUE_PACKAGES=""
# hadolint ignore=DL3016,SC2086
RUN if [ -n "${QUEUE_PACKAGES}" ]; then \
      npm pkg delete devDependencies && npm install --no-save --ignore-scripts ${QUEUE_PACKAGES}; \
    fi

FROM ${CANN_IMAGE}
COPY --from=build /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY --from=build /build/package.json /build/LICENSE /build/THIRD-PARTY-NOTICES.md ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/build/Release build/Release
COPY --from=build /build/assets/silero-vad assets/silero-vad
COPY --from=build /build/benchmarks benchmarks
COPY --from=build /build/data data
COPY --from=build /build/dist dist
COPY --from=build /build/samples samples
COPY deploy/docker/with-cann.sh /usr/local/bin/with-cann
RUN chmod 755 /usr/local/bin/with-cann && \
    ln -s /app/dist/cli/main.js /usr/local/bin/whisper-npu && \
    mkdir /models && chown 1000:1000 /models
# CANN writes its logs below the home folder, and the user below has none.
ENV HOME=/tmp WHISPER_NPU_HOME=/models
VOLUME /models
USER 1000:1000
EXPOSE 8000
# The first conversion of a model takes minutes.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30m \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8000/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["with-cann", "whisper-npu"]
CMD ["serve", "--host", "0.0.0.0", "--device", "npu:all"]
