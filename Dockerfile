# syntax=docker/dockerfile:1
FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/gan_lab
ENV PATH=/opt/gan_lab/bin:$PATH

# The packages first: this layer is made again only when the lock changes.
WORKDIR /source
COPY requirements.lock ./
RUN python -m pip install --require-hashes --requirement requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY gan_lab ./gan_lab
COPY conf ./conf
RUN python -m pip install --no-deps --no-build-isolation .


FROM python:3.11-slim-bookworm

RUN useradd --create-home --uid 10001 gan_lab \
    && install --directory --owner=gan_lab /lab
COPY --from=build /opt/gan_lab /opt/gan_lab
ENV PATH=/opt/gan_lab/bin:$PATH \
    PYTHONUNBUFFERED=1

USER 10001
WORKDIR /lab
CMD ["gan-lab-train", "--help"]
