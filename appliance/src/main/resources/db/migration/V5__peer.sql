-- Other appliances, known by the fingerprint of their certificates; and containers that move between this one and them.
create table peer (
    name varchar(128) primary key,
    fingerprint varchar(64) not null unique,
    -- HOST:PORT; null when it does not wait for others.
    address varchar(300),
    paired_at bigint not null
);

create table invitation (
    hash varchar(64) primary key,
    expires_at bigint not null
);

create table migration (
    id varchar(36) primary key,
    direction varchar(8) not null,
    container varchar(128) not null,
    peer varchar(128) not null,
    state varchar(16) not null,
    details_json text not null,
    notice varchar(2000),
    created_at bigint not null,
    updated_at bigint not null
);
