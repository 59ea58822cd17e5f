# The reference Valkey server from its build folder, for the end-to-end tests: it takes the arguments that upstream's image takes.
ARG BASE=scratch
FROM ${BASE}
COPY root/ /
COPY --chown=999:999 data/ /
ENV PATH=/usr/local/bin:/usr/bin
USER 999:999
WORKDIR /data
EXPOSE 6379 16379
ENTRYPOINT ["/usr/local/bin/valkey-server"]
