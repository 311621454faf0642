# Debian 12 and the version of Python that it has too. The suite runs on both, and its pins choose Django's long-term
# release there.
FROM docker.io/library/python:3.11-slim-bookworm AS build

SHELL ["/bin/bash", "-euo", "pipefail", "-c"]

# As process 1, Python would ignore SIGTERM wherever it has no handler: in an upgrade, and in follow_log.
# hadolint ignore=DL3008
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends tini && rm -rf /var/lib/apt/lists/*

# A package index of your own goes into a pip.conf: docker build --secret id=pip.conf,src=pip.conf
# Bytecode is never checked against its source, because nobody can change an image. So that no start compiles anything,
# all of it is made here.
COPY requirements.txt requirements-mcp.txt /tmp/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python3 -m venv /opt/enhancelog \
    && /opt/enhancelog/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --no-compile \
        --require-hashes --only-binary :all: --requirement /tmp/requirements.txt --requirement /tmp/requirements-mcp.txt \
    && /opt/enhancelog/bin/pip uninstall --quiet --yes pip \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/enhancelog

COPY manage.py pyproject.toml LICENSE /app/
COPY enhancelog /app/enhancelog
COPY content /app/content
COPY templates /app/templates
COPY static /app/static
RUN chmod -R a+rX,go-w /app && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /app

FROM docker.io/library/python:3.11-slim-bookworm

ARG REVISION=unknown
LABEL org.opencontainers.image.title="Enhancelog" \
      org.opencontainers.image.description="A dashboard for enhance history: why patches are rejected" \
      org.opencontainers.image.version="0.2.0.dev0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"

# The official image has no bytecode of the standard library, and a read-only container could not keep any.
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash -x '/(test|lib2to3|site-packages)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && groupadd --gid 10001 enhancelog \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin enhancelog \
    && install -d -m 0700 -o 10001 -g 10001 /data

COPY --from=build /usr/bin/tini /usr/bin/tini
COPY --from=build /opt/enhancelog /opt/enhancelog
COPY --from=build /app /app

ENV PATH=/opt/enhancelog/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ENHANCELOG_BOOTSTRAP=0 \
    ENHANCELOG_DATA_DIR=/data

WORKDIR /app
# As numbers, so that Kubernetes can see that it is not root.
USER 10001:10001
VOLUME /data
EXPOSE 8000

# Not by urllib.request, which would ask a proxy from the environment.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import http.client, sys; server = http.client.HTTPConnection('127.0.0.1', 8000, timeout=5); server.request('GET', '/health/ready'); sys.exit(server.getresponse().status != 200)"]

ENTRYPOINT ["/usr/bin/tini", "--", "python3", "/app/manage.py"]
CMD ["serve", "--bind", "0.0.0.0:8000"]
