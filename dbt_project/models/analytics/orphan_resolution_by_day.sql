-- grain: one row per fact table and day on which orphans were first seen
with

orphans as (
    select * from {{ source('ops', 'quarantine') }}
),

-- A later version of the same row goes on waiting for an earlier one: that is one orphan.
waits as (
    select distinct on (source_table, primary_key, first_seen_at)
        source_table,
        first_seen_at,
        status,
        {{ minutes_between('first_seen_at', 'resolved_at') }} as minutes_to_resolve
    from orphans
    where rejection_stage = 'orphan'
    order by source_table asc, primary_key asc, first_seen_at asc, quarantine_id desc
)

select
    source_table,
    {{ business_time('first_seen_at') }}::date as full_date,
    count(*) as orphans,
    count(*) filter (where status = 'open') as waiting_orphans,
    count(*) filter (where status = 'resolved') as resolved_orphans,
    round(
        avg(minutes_to_resolve) filter (where status = 'resolved'), 2
    ) as average_minutes_to_resolve,
    round(
        percentile_cont(0.5) within group (order by minutes_to_resolve)
        filter (where status = 'resolved')::numeric,
        2
    ) as median_minutes_to_resolve,
    max(minutes_to_resolve) filter (where status = 'resolved') as longest_minutes_to_resolve
from waits
group by source_table, {{ business_time('first_seen_at') }}::date
