alter table ops.pipeline_file_log
add column failure_kind text,
add column code_version varchar(16),
add column line_count bigint,
add column other_lines bigint,
add constraint pipeline_file_log_lines check (line_count = total_records + other_lines);

comment on column ops.pipeline_file_log.failure_kind is
'Of a failed attempt: rejected when the file is to blame, else the name of an exception that nobody foresaw.';
comment on column ops.pipeline_file_log.code_version is
'Of an attempt that failed by an exception that nobody foresaw: the code that failed. Other code tries again.';
comment on column ops.pipeline_file_log.line_count is
'Physical lines of a CSV file, as counted in its bytes; null for other formats.';
comment on column ops.pipeline_file_log.other_lines is
'Lines of a CSV file that begin no row: its header, blank lines, the further lines of a row.';

update ops.pipeline_file_log set failure_kind = 'rejected' where status = 'failed';
