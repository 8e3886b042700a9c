# A static binary, the certificates of the authorities that browsers trust, and nothing else: no shell, no other program.
#   docker build -t dingtalk-h5 .
#   docker run --env-file .env -p 8080:8080 -v state:/var/lib/dingtalk-h5 dingtalk-h5
# Docker takes quotes in that file for a part of the value: leave them away, also around a $.
FROM rust:1.95-alpine AS build
WORKDIR /build
# Compiles the dependencies with an empty program: again only when these files change, not when src does.
COPY Cargo.toml Cargo.lock ./
COPY tests/dev/Cargo.toml tests/dev/
COPY tests/models/Cargo.toml tests/models/
COPY tests/simulator/Cargo.toml tests/simulator/
RUN for member in . tests/dev tests/models tests/simulator; do \
      mkdir -p $member/src && echo 'fn main() {}' > $member/src/main.rs && touch $member/src/lib.rs; \
    done \
    && cargo build --locked --release
COPY build.rs ./
COPY src src
COPY templates templates
COPY static static
RUN touch src/main.rs src/lib.rs && cargo build --locked --release && mkdir /empty

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /build/target/release/dingtalk-h5 /dingtalk-h5
# For STATE_URL=file:/var/lib/dingtalk-h5/state and the app's own files. A new named volume that is mounted here belongs to the user below;
# any other volume must be writable for that user.
COPY --from=build --chown=65534:65534 /empty /var/lib/dingtalk-h5
# The user `nobody`, by number: there is no /etc/passwd.
USER 65534:65534
ENV APP_ADDR=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s CMD ["/dingtalk-h5", "health"]
ENTRYPOINT ["/dingtalk-h5"]
CMD ["serve"]
