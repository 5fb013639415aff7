alter table ops.pipeline_file_log add column landing_pruned_at timestamptz;

comment on column ops.pipeline_file_log.landing_pruned_at is
'When `fastfeast prune --what landing` deleted the file from the landing zone; what was loaded of it stays.';
