-- Targets that hold the same repository as another one and are kept up with it.
create table replica (
    target varchar(128) primary key references target (name),
    source varchar(128) not null references target (name),
    every_seconds bigint not null,
    -- How long a point of the source may wait before somebody is told.
    goal_seconds bigint not null,
    bandwidth varchar(4000) not null,
    enabled boolean not null,
    created_at bigint not null,
    -- The slot of its schedule that was taken last; when a run ended last, and when one last ended well.
    last_slot_at bigint,
    last_run_at bigint,
    last_success_at bigint,
    last_error varchar(2000)
);

-- The same point lies on a target and on its replicas, so what is known of it is known of it there.
drop table point_record;

create table point_record (
    target varchar(128) not null,
    repository_id varchar(32) not null,
    container varchar(128) not null,
    sequence_number bigint not null,
    record varbinary(1048576) not null,
    primary key (target, repository_id, container, sequence_number)
);

create table point_mark_of_target (
    target varchar(128) not null,
    repository_id varchar(32) not null,
    container varchar(128) not null,
    point_id varchar(16) not null,
    is_protected boolean not null,
    expired_at bigint,
    kept_by varchar(1000) not null,
    verified_at bigint,
    primary key (target, repository_id, container, point_id)
);

-- Marks of a target that was removed wait, without a name, for whoever adds it again.
insert into point_mark_of_target
    (target, repository_id, container, point_id, is_protected, expired_at, kept_by, verified_at)
select coalesce(t.name, ''), m.repository_id, m.container, m.point_id, m.is_protected, m.expired_at, m.kept_by,
    m.verified_at
from point_mark m left join target t on t.repository_id = m.repository_id;

drop table point_mark;

alter table point_mark_of_target rename to point_mark;
