# The image of the docker sandbox: a system for generated code to run on, with nothing of anybody in it.
# Any Debian or Python image with bash works as its base. `deployments/sandbox-image.sh` builds it.
ARG BASE_IMAGE=python:3.12-slim
FROM ${BASE_IMAGE}
# MCP servers that work on repositories call it.
RUN command -v git >/dev/null \
    || { apt-get update -qq && apt-get install -y -qq --no-install-recommends git && rm -rf /var/lib/apt/lists/*; }
# Interpreters may be mounted below /root, and the user of the sandbox must get through. No program gives rights.
RUN rm -rf /root /home/* /var/log/* /var/cache/apt/* /var/lib/apt/lists/* /etc/machine-id \
    && mkdir -m 755 /root \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
    && if ! grep -q :1000: /etc/passwd; then echo agent:x:1000:1000::/tmp:/bin/bash >> /etc/passwd; fi
