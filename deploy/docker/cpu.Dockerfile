# whisper-npu's server on CPUs, for amd64 and arm64:
#   docker build --file deploy/docker/cpu.Dockerfile --tag whisper-npu .
#   docker run --read-only --tmpfs /tmp --volume whisper-npu:/models --publish 127.0.0.1:8000:8000 \
#     --env WHISPER_NPU_API_KEY whisper-npu
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

FROM ${NODE_IMAGE}-slim
# What it reads other formats than WAV, MP3, FLAC and Ogg with.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends ffmpeg && \
    rm -rf /var/lib/apt/lists/* && \
    mkdir /models && chown node:node /models
WORKDIR /app
COPY --from=build /build/package.json /build/LICENSE /build/THIRD-PARTY-NOTICES.md ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/build/Release build/Release
COPY --from=build /build/assets/silero-vad assets/silero-vad
COPY --from=build /build/benchmarks benchmarks
COPY --from=build /build/data data
COPY --from=build /build/dist dist
COPY --from=build /build/samples samples
RUN ln -s /app/dist/cli/main.js /usr/local/bin/whisper-npu
# Models are fetched into the volume when they are first asked for.
ENV WHISPER_NPU_HOME=/models
VOLUME /models
USER 1000:1000
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10m \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8000/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Where there is no API key it says so and ends.
ENTRYPOINT ["whisper-npu"]
CMD ["serve", "--host", "0.0.0.0"]
