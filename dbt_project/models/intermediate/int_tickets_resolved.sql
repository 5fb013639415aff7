-- grain: one row per ticket of int_ticket_changes, and one per load to digest (ticket_id is null)
{%- set fact_ticket = existing_mart('fact_ticket') %}
{%- set fact_ticket_event = existing_mart('fact_ticket_event') %}

with

changes as (
    select * from {{ ref('int_ticket_changes') }}
),

newest as materialized (
    select
        changes.ticket_id as changed_id,
        changes.has_left_a_file,
        changes.load_id,
        changes.load_source,
        changes.load_generation,
        {{ pruned_at() }},
        shown.*
    from changes
    {{ join_versions('fact_ticket', fact_ticket, 'tickets', 'ticket_id') }}
    -- A key of which there is no version, but that left no file, is nothing to decide about.
    where
        changes.ticket_id is null
        or shown.ticket_id is not null
        or changes.has_left_a_file
),

resolved as (
    select
        newest.*,
        parent_order_id.region_id,
        newest.status = 'Reopened'
        or reopening.event_id is not null
        {%- if fact_ticket_event %}
        or retained.event_id is not null
        {%- endif %} as reopened,
        newest.changed_id is not null and newest.ticket_id is null as is_removed,
        {{ missing_parents(foreign_keys('fact_ticket'), 'newest') }} as missing
    from newest
    {{ join_parents(foreign_keys('fact_ticket'), 'newest') }}
    left join lateral (
        select events.event_id
        from {{ source('raw', 'ticket_events') }} as loaded
        inner join lateral (
            {{ newest_version('ticket_events', 'event_id', 'loaded.event_id') }}
        ) as events on true
        where
            loaded.ticket_id = newest.ticket_id
            and loaded.new_status = 'Reopened'
            and events.ticket_id = newest.ticket_id
            and events.new_status = 'Reopened'
        limit 1
    ) as reopening on true
    {%- if fact_ticket_event %}
    -- An event that reopened the ticket and is past the retention of raw still counts.
    left join lateral (
        select known.event_id
        from {{ fact_ticket_event }} as known
        where
            known.ticket_id = newest.ticket_id
            and known.new_status = 'Reopened'
            and {{ stands('ticket_events', 'event_id', 'known') }}
            and not exists (
                select 1 from {{ source('raw', 'ticket_events') }} as loaded
                where
                    loaded.event_id = known.event_id
                    and loaded._partition_at >= known._partition_at
            )
        limit 1
    ) as retained on true
    {%- endif %}
)

select
    changed_id as ticket_id,
    order_id,
    customer_id,
    region_id,
    restaurant_id,
    driver_id,
    agent_id,
    reason_id,
    priority_id,
    channel_id,
    {{ date_key('created_at') }} as date_key,
    {{ time_key('created_at') }} as time_key,
    status,
    refund_amount,
    created_at,
    first_response_at,
    resolved_at,
    sla_first_due_at,
    sla_resolve_due_at,
    {{ elapsed_minutes('created_at', 'first_response_at') }} as first_response_min,
    {{ elapsed_minutes('created_at', 'resolved_at') }} as resolution_min,
    {{ sla_breached('first_response_at', 'sla_first_due_at') }} as sla_response_breached,
    {{ sla_breached('resolved_at', 'sla_resolve_due_at') }} as sla_resolution_breached,
    {{ sla_status('first_response_at', 'sla_first_due_at') }} as sla_response_status,
    {{ sla_status('resolved_at', 'sla_resolve_due_at') }} as sla_resolution_status,
    reopened,
    _partition_at,
    _load_id,
    _pruned_at,
    has_left_a_file,
    has_left_a_file and not is_in_raw as is_kept,
    is_removed,
    ticket_id is not null and missing = '[]' as is_loadable,
    missing,
    _load_id as log_id,
    _source_file as source_file,
    _row_number as row_number,
    _run_id as run_id,
    case when missing <> '[]' then jsonb_build_object(
        'ticket_id', ticket_id,
        'order_id', order_id,
        'customer_id', customer_id,
        'driver_id', driver_id,
        'restaurant_id', restaurant_id,
        'agent_id', agent_id,
        'reason_id', reason_id,
        'priority_id', priority_id,
        'channel_id', channel_id,
        'status', status,
        'refund_amount', refund_amount,
        'created_at', created_at::text,
        'first_response_at', first_response_at::text,
        'resolved_at', resolved_at::text,
        'sla_first_due_at', sla_first_due_at::text,
        'sla_resolve_due_at', sla_resolve_due_at::text
    ) end as raw_data,
    load_id,
    load_source,
    load_generation
from resolved
