# syntax=docker/dockerfile:1
# The digest is that of the index of all platforms: python 3.11.16, slim, bookworm.
ARG PYTHON=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${PYTHON} AS wheel

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY requirements-build.lock ./
RUN python -m pip install --require-hashes --requirement requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY gan_lab ./gan_lab
COPY conf ./conf
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheel .


FROM ${PYTHON} AS packages

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/gan_lab
ENV PATH=/opt/gan_lab/bin:$PATH
# The packages first: this layer is made again only when their lock changes.
COPY requirements-runtime.lock ./
RUN python -m pip install --require-hashes --requirement requirements-runtime.lock
COPY --from=wheel /wheel /wheel
RUN python -m pip install --no-deps /wheel/*.whl


FROM ${PYTHON}

RUN useradd --create-home --uid 10001 gan_lab \
    && install --directory --owner=gan_lab /lab
COPY --from=packages /opt/gan_lab /opt/gan_lab
ENV PATH=/opt/gan_lab/bin:$PATH \
    PYTHONUNBUFFERED=1

USER 10001
WORKDIR /lab
CMD ["gan-lab-train", "--help"]
