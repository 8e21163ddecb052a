# The images of Tailnumber: docker build --target ingress|tools|pipeline|dataflow|local .
#
# One file, for they are one recipe with another extra each: the same base, the same lock, the same
# wheel, the same account. docs/on-prem.md says how to build, name and sign them.

# Pinned by digest. A newer one: docker buildx imagetools inspect python:3.11-slim-trixie
ARG PYTHON=python:3.11.15-slim-trixie@sha256:db3ff2e1800a8581e2c48a27c3995339d47bdf046da21c7627accd3d51053a93
# Only the image dataflow takes something from these two. Pin them by digest with --build-arg.
ARG BEAM=apache/beam_python3.11_sdk:2.77.0
ARG LAUNCHER=gcr.io/dataflow-templates-base/python311-template-launcher-base:20230622_RC00

# ---- what is built from ------------------------------------------------------------------------
FROM ${PYTHON} AS build
# One moment for every file of the wheel: the same tree makes the same wheel.
ENV SOURCE_DATE_EPOCH=1767225600 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 UV_PYTHON=/opt/tailnumber/bin/python
WORKDIR /src
COPY constraints.uv.txt ./
# A mirror of PyPI, where PyPI itself is out of reach; the hashes are the lock's all the same.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
RUN python -m pip install --no-cache-dir --require-hashes --only-binary=:all: -r constraints.uv.txt \
 && python -m venv --without-pip /opt/tailnumber
COPY pyproject.toml constraints.txt README.md LICENSE ./

FROM build AS wheel
COPY ingress ingress
COPY pipeline pipeline
COPY schemas schemas
COPY tailnumber tailnumber
RUN uv build --wheel --out-dir /dist --build-constraints constraints.txt --require-hashes

# One stage an image: what it needs by the lock, each file by its hash; then our wheel, alone.
FROM build AS ingress-packages
RUN uv pip install --require-hashes -c constraints.txt -r pyproject.toml --extra ingress --extra fast --extra google --extra postgres
COPY --from=wheel /dist /dist
RUN uv pip install --no-deps --no-index --find-links /dist tailnumber

FROM build AS tools-packages
RUN uv pip install --require-hashes -c constraints.txt -r pyproject.toml --extra cli --extra google --extra postgres
COPY --from=wheel /dist /dist
RUN uv pip install --no-deps --no-index --find-links /dist tailnumber

FROM build AS pipeline-packages
RUN uv pip install --require-hashes -c constraints.txt -r pyproject.toml --extra pipeline --extra country
COPY --from=wheel /dist /dist
RUN uv pip install --no-deps --no-index --find-links /dist tailnumber

FROM build AS local-packages
RUN uv pip install --require-hashes -c constraints.txt -r pyproject.toml --extra local
COPY --from=wheel /dist /dist
RUN uv pip install --no-deps --no-index --find-links /dist tailnumber

# ---- what runs ---------------------------------------------------------------------------------
FROM ${PYTHON} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Tailnumber" \
      org.opencontainers.image.description="The audit trail for AI coding agents" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Nothing outside the home and /tmp is ever written: run it with --read-only.
RUN useradd --no-log-init --uid 10001 --user-group --home-dir /var/lib/tailnumber --shell /usr/sbin/nologin tailnumber \
 && install -d -m 0700 -o tailnumber -g tailnumber /var/lib/tailnumber
# PYTHONSAFEPATH: a file in the current folder must not stand in for a module of ours.
ENV PATH=/opt/tailnumber/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/tailnumber
STOPSIGNAL SIGTERM

# The gateway. SIGTERM: no new requests, running ones end for up to 5 s, the journal drains for 3.
FROM runtime AS ingress
LABEL org.opencontainers.image.title="Tailnumber ingress"
COPY --from=ingress-packages /opt/tailnumber /opt/tailnumber
ENV TAILNUMBER_DATA_DIR=/var/lib/tailnumber \
    TAILNUMBER_POLICY_FILE=/etc/tailnumber/policy.yaml \
    TAILNUMBER_HOST=0.0.0.0 \
    TAILNUMBER_PORT=8080
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-m", "ingress.healthcheck"]
ENTRYPOINT ["python", "-m", "ingress"]

# The command line, without the one-machine stack: keys, credentials, holds, retain, questions.
FROM runtime AS tools
LABEL org.opencontainers.image.title="Tailnumber tools"
COPY --from=tools-packages /opt/tailnumber /opt/tailnumber
ENV TAILNUMBER_DATA_DIR=/var/lib/tailnumber
USER 10001:10001
HEALTHCHECK NONE
ENTRYPOINT ["tailnumber"]
CMD ["--help"]

# The pipeline on one machine. SIGTERM: the batch in hand is finished or given back.
FROM runtime AS pipeline
LABEL org.opencontainers.image.title="Tailnumber pipeline"
COPY --from=pipeline-packages /opt/tailnumber /opt/tailnumber
USER 10001:10001
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["python", "-m", "pipeline.alive", "/tmp/pipeline.alive"]
ENTRYPOINT ["python", "-m", "pipeline", "run", "--alive-file", "/tmp/pipeline.alive"]

# The pipeline on Dataflow: launcher of the Flex Template and container of its workers in one, so
# that both have the same packages. Dataflow starts it on machines that it owns, as root: Beam's
# boot program and the launcher write where only root may.
# Source: Dataflow documentation, "Configure Flex Templates" and "Build custom container images".
FROM ${BEAM} AS beam
FROM ${LAUNCHER} AS launcher
FROM runtime AS dataflow
LABEL org.opencontainers.image.title="Tailnumber dataflow"
COPY --from=beam /opt/apache/beam /opt/apache/beam
COPY --from=launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
COPY --from=pipeline-packages /opt/tailnumber /opt/tailnumber
COPY pipeline/flex/launch.py /template/launch.py
# Boot asks pip whether Beam is installed. The wheel of pip comes with Python: nothing is fetched.
RUN ["/opt/tailnumber/bin/python", "-m", "ensurepip"]
# Boot would otherwise make an environment of its own, which sees nothing of ours.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1 \
    FLEX_TEMPLATE_PYTHON_PY_FILE=/template/launch.py
HEALTHCHECK NONE
ENTRYPOINT ["/opt/apache/beam/boot"]

# Stand-ins for Google Cloud in one house: the Pub/Sub server and the warehouse (docs/on-prem.md).
FROM runtime AS local
LABEL org.opencontainers.image.title="Tailnumber local"
COPY --from=local-packages /opt/tailnumber /opt/tailnumber
ENV TAILNUMBER_DATA_DIR=/var/lib/tailnumber
USER 10001:10001
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m"]
CMD ["tailnumber", "--help"]
