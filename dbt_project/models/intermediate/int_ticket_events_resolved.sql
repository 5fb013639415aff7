-- grain: one row per event of int_ticket_event_changes, and one per load (event_id is null)
with

changes as (
    select * from {{ ref('int_ticket_event_changes') }}
),

newest as materialized (
    select
        changes.event_id as changed_id,
        changes.has_left_a_file,
        changes.load_id,
        changes.load_source,
        events.*
    from changes
    left join lateral (
        {{ newest_version('ticket_events', 'event_id', 'changes.event_id') }}
    ) as events on true
    -- A key of which raw holds no row, but that left no file, is past the retention of raw: the
    -- fact stays as it is.
    where
        changes.event_id is null
        or events.event_id is not null
        or changes.has_left_a_file
),

resolved as (
    select
        newest.*,
        newest.changed_id is not null and newest.event_id is null as is_removed,
        {{ missing_parents(foreign_keys('fact_ticket_event'), 'newest') }} as missing
    from newest
    {{ join_parents(foreign_keys('fact_ticket_event'), 'newest') }}
)

select
    changed_id as event_id,
    ticket_id,
    agent_id,
    {{ date_key('event_ts') }} as date_key,
    {{ time_key('event_ts') }} as time_key,
    event_ts,
    old_status,
    new_status,
    notes,
    is_removed,
    event_id is not null and missing = '[]' as is_loadable,
    missing,
    _load_id as log_id,
    _source_file as source_file,
    _row_number as row_number,
    _run_id as run_id,
    case when missing <> '[]' then jsonb_build_object(
        'event_id', event_id,
        'ticket_id', ticket_id,
        'agent_id', agent_id,
        'event_ts', event_ts::text,
        'old_status', old_status,
        'new_status', new_status,
        'notes', notes
    ) end as raw_data,
    load_id,
    load_source
from resolved
