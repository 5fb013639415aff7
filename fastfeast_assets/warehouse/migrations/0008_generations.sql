alter table ops.pipeline_file_log add column generation integer not null default 0;

comment on column ops.pipeline_file_log.generation is
'How often it was decided since the load what stands of it: a release, a discard. The marts look at a load again whose generation they have not read.';

alter table ops.consumed_load add column generation integer not null default 0;

comment on column ops.consumed_load.generation is
'Of the load, as the consumer read it; a higher one by now is not digested yet.';

create index quarantine_discarded_orphan on ops.quarantine (log_id, row_number)
where rejection_stage = 'orphan' and status = 'discarded';

create index pipeline_file_log_replaced on ops.pipeline_file_log (source, partition_at)
where status = 'success' and not is_loaded;
