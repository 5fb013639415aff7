-- grain: one row per file whose rows have reached their mart
with

loads as (
    select * from {{ source('ops', 'pipeline_file_log') }}
    where status = 'success' and visible_at is not null
)

select
    log_id,
    source,
    source_table,
    file_path,
    landed_at,
    processed_at,
    committed_at,
    visible_at,
    round(extract(epoch from processed_at - landed_at), 3) as waiting_seconds,
    round(extract(epoch from committed_at - processed_at), 3) as load_seconds,
    round(extract(epoch from visible_at - committed_at), 3) as transform_seconds,
    round(extract(epoch from visible_at - landed_at), 3) as total_seconds
from loads
