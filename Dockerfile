ARG BASE=python:3.12-slim

FROM ${BASE} AS base
ENV PATH=/opt/facecog/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FACECOG_MODELS=/opt/facecog/models


# Makes the virtual environment and fetches the models. What only this needs stays out of the image.
FROM base AS build
WORKDIR /src
# For src/facecog/index/_products.c.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev
COPY pyproject.toml setup.py README.md LICENSE ./
COPY requirements requirements
COPY src src
RUN python3 -m venv /opt/facecog/venv \
    && pip install --no-cache-dir --require-hashes -r requirements/build.txt \
    && pip install --no-cache-dir --require-hashes --no-build-isolation -r requirements/container.txt \
    && pip install --no-cache-dir --no-deps --no-build-isolation .
RUN facecog models fetch \
    && pip uninstall --yes pip setuptools


FROM base
LABEL org.opencontainers.image.title="facecog" \
      org.opencontainers.image.description="A self-hosted face register: says who is in a picture, and knows when not to know." \
      org.opencontainers.image.licenses="MIT"

# The number is fixed, so that a folder of the host can be given to it: chown 10001:10001 FOLDER.
RUN useradd --uid 10001 --user-group --no-log-init --no-create-home --home-dir /data --shell /usr/sbin/nologin facecog \
    && install --directory --owner=facecog --group=facecog --mode=0750 /data
COPY --from=build /opt/facecog/models /opt/facecog/models
COPY --from=build /opt/facecog/venv /opt/facecog/venv

USER 10001:10001
ENV FACECOG_HOME=/data
WORKDIR /data
VOLUME /data
EXPOSE 5000
# The empty ProxyHandler keeps a proxy set for the container out of it.
HEALTHCHECK --start-period=30s --timeout=5s \
    CMD ["python3", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:5000/api/health', timeout=4)"]
ENTRYPOINT ["facecog"]
CMD ["serve", "--host", "0.0.0.0", "--port", "5000"]
