alter table ops.pipeline_file_log add column visible_at timestamptz;

comment on column ops.pipeline_file_log.visible_at is
'When the rows of this load had reached their mart; null until then.';

update ops.pipeline_file_log as log
set visible_at = consumed.consumed_at
from ops.consumed_load as consumed
where consumed.load_id = log.log_id and consumed.consumer = log.source_table;

create index pipeline_file_log_not_visible on ops.pipeline_file_log (source_table)
where status = 'success' and visible_at is null;
