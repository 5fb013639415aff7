-- grain: one row per day on which files were processed
with

attempts as (
    select * from {{ source('ops', 'pipeline_file_log') }}
)

select
    {{ business_time('processed_at') }}::date as full_date,
    count(*) as files,
    count(*) filter (where status = 'success') as loaded_files,
    count(*) filter (where status = 'failed') as failed_files,
    sum(total_records)::bigint as total_records,
    sum(valid_records)::bigint as valid_records,
    sum(quarantined)::bigint as quarantined,
    sum(duplicate_count)::bigint as duplicate_count,
    sum(orphan_count)::bigint as orphan_count,
    max(processed_at) as last_processed_at
from attempts
group by {{ business_time('processed_at') }}::date
