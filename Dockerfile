# Two images: `programs` (API, archiver, migrations, keys, command line) and `broker` (Mosquitto with the plugin).
# docker-compose.yml builds and runs both. Plain Dockerfile syntax: the classic builder builds it too.
#
# Both run as the user 10001. The directories that become volumes exist in both with that owner, because a fresh
# named volume takes owner and mode from the image of the first container that mounts it.

FROM python:3.13-slim AS python-build
RUN python -m venv /opt/nightjar
ENV PATH=/opt/nightjar/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.txt ./
RUN pip install --no-deps --only-binary :all: -r requirements.txt
COPY LICENSE README.md pyproject.toml ./
COPY wire wire
COPY db db
COPY auth_api auth_api
COPY archiver archiver
COPY mqtt_client mqtt_client
RUN pip install --no-deps . && pip uninstall --yes pip

FROM python:3.13-slim AS programs
RUN groupadd --gid 10001 nightjar \
 && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin nightjar \
 && install -d -m 0700 -o nightjar -g nightjar /var/lib/nightjar/keys /var/lib/nightjar/archiver \
 && install -d -m 0755 -o nightjar -g nightjar /var/lib/nightjar/public-keys /var/lib/nightjar/database
COPY --from=python-build /opt/nightjar /opt/nightjar
ENV PATH=/opt/nightjar/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /home/nightjar
USER nightjar
EXPOSE 8080
CMD ["python", "-m", "auth_api", "serve"]

FROM debian:trixie-slim AS plugin-build
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    gcc libc6-dev libjansson-dev libmosquitto-dev libssl-dev make mosquitto-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY mosquitto mosquitto
RUN make -C mosquitto BUILD=/build/plugin

FROM debian:trixie-slim AS broker
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libjansson4 libssl3t64 mosquitto \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 nightjar \
 && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin nightjar \
 && install -d -m 0755 -o nightjar -g nightjar /srv/broker/keys \
 && install -d -m 0700 -o nightjar -g nightjar /srv/broker/data \
 && install -d /srv/broker/conf.d \
 && echo 'listener 1883' > /srv/broker/conf.d/listener.conf
COPY mosquitto/mosquitto.conf /srv/broker/
COPY --from=plugin-build /build/plugin/nightjar_jwt.so /srv/broker/
WORKDIR /srv/broker
USER nightjar
EXPOSE 1883
# A connection is an open file: as many as this container may have, instead of the usual 1024. The file system is
# read-only, so the settings come after the configuration in a copy of it; its relative paths still hold.
COPY mosquitto/start.sh /srv/broker/
CMD ["bash", "start.sh"]
