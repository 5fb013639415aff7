-- grain: one row per source and day on which its files were processed
with

attempts as (
    select * from {{ source('ops', 'pipeline_file_log') }}
),

grouped as (
    select
        source,
        {{ business_time('processed_at') }}::date as full_date,
        count(*) as files,
        sum(total_records)::bigint as total_records,
        sum(quarantined)::bigint as quarantined,
        sum(duplicate_count)::bigint as duplicate_count
    from attempts
    group by source, {{ business_time('processed_at') }}::date
)

select
    source,
    full_date,
    files,
    total_records,
    quarantined,
    {{ share('quarantined', 'total_records') }} as quarantine_rate,
    duplicate_count,
    {{ share('duplicate_count', 'total_records') }} as duplicate_rate
from grouped
