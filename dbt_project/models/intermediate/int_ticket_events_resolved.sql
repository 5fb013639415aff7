-- grain: one row per event of int_ticket_event_changes, and one per load (event_id is null)
{%- set fact_ticket_event = existing_mart('fact_ticket_event') %}

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
        changes.load_generation,
        {{ pruned_at() }},
        shown.*
    from changes
    {{ join_versions('fact_ticket_event', fact_ticket_event, 'ticket_events', 'event_id') }}
    -- A key of which there is no version, but that left no file, is nothing to decide about.
    where
        changes.event_id is null
        or shown.event_id is not null
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
    _partition_at,
    _load_id,
    _pruned_at,
    has_left_a_file,
    has_left_a_file and not is_in_raw as is_kept,
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
    load_source,
    load_generation
from resolved
