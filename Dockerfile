# First stage: install what is pinned, and train the model from seeds/.
FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt
COPY pyproject.toml requirements.in README.md service.py ./
COPY feeds feeds
COPY classifier classifier
COPY seeds seeds
# The database that training looks for corrections in stays behind: one that came with the image would give every installation the same name.
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation -e . \
 && HEALTHWIRE_DATA_DIR=/data HEALTHWIRE_DATABASE_URL=sqlite:////tmp/healthwire.db /venv/bin/healthwire train

# Second stage: no compiler, no package cache, an unprivileged user.
FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data healthwire
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY --from=build --chown=healthwire:healthwire /data /data
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HEALTHWIRE_DATA_DIR=/data \
    HEALTHWIRE_BIND=0.0.0.0:8000
USER healthwire
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=40s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["healthwire", "serve"]
