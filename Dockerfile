# Every RUN is a script under scripts/image, so that `make image-check` runs the same steps where there is no Docker.
#
#   docker build -t oricode .                          (--build-arg MODEL=with-model adds the local model, 240 MB)
#   docker run -p 8000:8000 -v oricode:/data oricode   (the log shows the first key)
#
# /data holds the database and the deployed programs. No VOLUME line: some platforms refuse it, mount one there yourself.

ARG PYTHON=3.13-slim-bookworm
ARG NODE=22-bookworm-slim

FROM node:${NODE} AS abap
WORKDIR /src
COPY scripts/image/abap.sh scripts/image/
COPY service/oricode_service/tools/abaplint/package.json service/oricode_service/tools/abaplint/package-lock.json \
     service/oricode_service/tools/abaplint/
RUN scripts/image/abap.sh /opt/abaplint

FROM python:${PYTHON} AS build
ARG MODEL=
WORKDIR /src
COPY scripts/setup/python.sh scripts/setup/
COPY scripts/image scripts/image
COPY requirements.lock requirements-model.lock ./
RUN scripts/image/tools.sh
COPY pyproject.toml ./
COPY protocol protocol
COPY clients/python clients/python
COPY service service
RUN scripts/image/wheels.sh /wheels
RUN scripts/image/install.sh /wheels /opt/oricode ${MODEL}
RUN scripts/image/data.sh /data

FROM python:${PYTHON}
COPY --from=abap /usr/local/bin/node /usr/local/bin/node
COPY --from=abap /opt/abaplint /opt/abaplint
COPY --from=build /opt/oricode /opt/oricode
COPY --from=build --chown=10001:10001 /data /data
ENV PATH=/opt/oricode/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    HOME=/data \
    ORICODE_HOST=0.0.0.0 \
    ORICODE_DATA_DIR=/data \
    ORICODE_ABAPLINT_DIR=/opt/abaplint
USER 10001:10001
WORKDIR /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["oricode", "health"]
CMD ["oricode", "serve"]
