-- Who may do what. Times are milliseconds since 1970; secrets are kept as hashes only.
CREATE TABLE users (
    name         VARCHAR(64)  PRIMARY KEY,
    role         VARCHAR(16)  NOT NULL,
    password     VARCHAR(255) NOT NULL,
    disabled     BOOLEAN      NOT NULL,
    created_ms   BIGINT       NOT NULL,
    signed_in_ms BIGINT
);

CREATE TABLE sessions (
    hash       VARCHAR(64) PRIMARY KEY,
    user_name  VARCHAR(64) NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    created_ms BIGINT      NOT NULL,
    used_ms    BIGINT      NOT NULL,
    expires_ms BIGINT      NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_name);

CREATE TABLE tokens (
    id         VARCHAR(32) PRIMARY KEY,
    name       VARCHAR(64) NOT NULL,
    hash       VARCHAR(64) NOT NULL UNIQUE,
    scopes     VARCHAR(64) NOT NULL,
    created_ms BIGINT      NOT NULL,
    created_by VARCHAR(96) NOT NULL,
    expires_ms BIGINT,
    used_ms    BIGINT,
    revoked_ms BIGINT
);
