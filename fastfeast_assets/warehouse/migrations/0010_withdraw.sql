alter table ops.pipeline_file_log
add column withdrawn_at timestamptz,
add constraint pipeline_file_log_withdrawn
check (withdrawn_at is null or (status = 'success' and not is_loaded));

comment on column ops.pipeline_file_log.withdrawn_at is
'When the rows of this load were taken back (`fastfeast withdraw`); audit_log has the reason. The same content is not loaded again by itself.';
comment on column ops.pipeline_file_log.generation is
'How often it was decided since the load what stands of it: a release, a discard, a withdrawal. The marts look at a load again whose generation they have not read.';
comment on table ops.removed_key is
'Keys that the replaced version of a file held; load_id is the load that replaced it, or the load itself where it was withdrawn.';
comment on column ops.audit_log.action is
'release, discard, reprocess, withdraw, prune, refresh, upgrade, accept for a change of the identity, or keep for a fact that its file has given up.';
