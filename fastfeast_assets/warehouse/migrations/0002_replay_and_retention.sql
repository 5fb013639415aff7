create table ops.audit_log (
    audit_id bigint generated always as identity primary key,
    occurred_at timestamptz not null default clock_timestamp(),
    os_user text not null,
    database_user text not null default session_user,
    action text not null,
    target text not null,
    old jsonb,
    new jsonb
);

comment on table ops.audit_log is
'What people did to the ledger and the quarantine by command; written in the transaction that did it.';
comment on column ops.audit_log.action is 'release, discard, reprocess, prune or refresh.';
comment on column ops.audit_log.target is
'What was changed: quarantine/<id>, a file below the landing root, raw.<source>/<month>, ...';
comment on column ops.audit_log.old is 'The values before; null when there were none.';
comment on column ops.audit_log.new is 'The values after, and what else was said, such as a reason.';

create index audit_log_occurred_at on ops.audit_log (occurred_at);
create index audit_log_target on ops.audit_log (target);

alter table ops.pipeline_file_log
add column pruned_records bigint not null default 0,
add column pruned_quarantine bigint not null default 0;

comment on column ops.pipeline_file_log.pruned_records is
'Rows of this load that retention has taken out of raw; valid_records counts them still.';
comment on column ops.pipeline_file_log.pruned_quarantine is
'Refused rows of this load that retention has taken out of the quarantine; quarantined counts them still.';

create index pipeline_file_log_pruned on ops.pipeline_file_log (source, partition_at)
where pruned_records > 0;
