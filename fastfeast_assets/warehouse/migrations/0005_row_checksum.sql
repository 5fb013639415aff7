alter table ops.pipeline_file_log add column row_checksum bigint;

comment on column ops.pipeline_file_log.row_checksum is
'Over keys and amounts of the rows as they were read from the file, in any order; null for loads of earlier versions.';

create index pipeline_file_log_partition on ops.pipeline_file_log (source, partition_at)
where is_loaded;
