# One image for all services: compose says which one a container runs (`python -m services.<name>`).
FROM python:3.13-slim-bookworm AS build
COPY requirements-runtime.lock /requirements.lock
# Only wheels whose hashes are in the lock: nothing is compiled, nothing else is taken.
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
       --require-hashes --only-binary=:all: -r /requirements.lock \
    && /opt/venv/bin/pip uninstall --yes pip

FROM python:3.13-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN groupadd --system --gid 10001 quittance \
    && useradd --system --uid 10001 --gid quittance --no-create-home quittance \
    && install --directory --owner=quittance --group=quittance --mode=0700 \
       /var/lib/quittance/objects /var/lib/quittance/portal /var/lib/quittance/issuer
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY shared ./shared
COPY services ./services
COPY sandbox ./sandbox
COPY quittance ./quittance
USER 10001:10001
# QUITTANCE_HEALTH_URL is the container's own health URL; one-shot containers leave it out.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['QUITTANCE_HEALTH_URL'], timeout=4)"]
CMD ["python", "-c", "raise SystemExit('say what to run, for example: python -m services.orders')"]
